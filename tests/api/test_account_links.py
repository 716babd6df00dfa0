"""Links in letters: each works once, for a while, for what it was sent for; and what the letters say."""

import asyncio
import dataclasses
import secrets
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update

from tests.api.letters import letter, newest_token, token_in
from tests.api.support import is_problem
from tests.house import CODES, PASSWORD, SECRET, House, Visitor, eventually
from tests.letters import opened
from ticketflow.accounts.links import Links
from ticketflow.domain import Refusal, Role, User, now
from ticketflow.mail.account_words import SUBJECTS
from ticketflow.mail.headers import Unwritable
from ticketflow.mail.message import Messages
from ticketflow.store import mail_links
from ticketflow.store.mail_links import Purpose
from ticketflow.store.outbox import Letter
from ticketflow.store.tables import api_tokens, outbox
from ticketflow.store.tables import mail_links as links_table

pytestmark = pytest.mark.asyncio(loop_scope="package")
NEW = "a new password for tests"


async def use(visitor: Visitor, token: str, password: str | None = NEW) -> Any:
    """Use a link: to set a password, or, without one, to prove an address."""
    if password is None:
        return await visitor.post("/api/verify", json={"token": token})
    return await visitor.post("/api/password/reset", json={"token": token, "password": password})


async def forget(house: House, visitor: Visitor, email: str) -> str:
    """Ask for a new password; gives the token of the link."""
    asked = await visitor.post("/api/password/forgotten", json={"email": email})
    assert (asked.status_code, asked.json()) == (202, {"email": email})
    return await newest_token(house, Purpose.RESET, email)


async def test_an_address_is_proven_and_a_password_found_again_by_mail(house: House):
    async with house.visitor() as fan, house.visitor() as phone:
        made = await fan.register("visit-http-evil-example")
        assert made.json()["verified"] is False
        said = await letter(house, fan.email, "Confirm your address")
        assert said.startswith("Confirm your address\n\nAn account was made")
        proven = await use(phone, token_in(said), None)
        assert (proven.status_code, proven.json()["verified"]) == (200, True)
        is_problem(await use(phone, token_in(said), None), 410, "link_gone")
        is_problem(await phone.get("/api/me"), 401)  # proving signs nobody in
        assert (await fan.get("/api/me")).json() == proven.json()

        await phone.post("/api/password/forgotten", json={"email": fan.email.upper()})
        token = token_in(await letter(house, fan.email, "Set a new password"))
        assert (await use(phone, token)).json() == proven.json()
        assert (await phone.get("/api/me")).status_code == 200
        is_problem(await fan.get("/api/me"), 401)  # signed in before the password changed
        is_problem(await fan.sign_in(fan.email), 401, "wrong_credentials")
        changed = {"email": fan.email, "password": NEW}
        assert (await fan.post("/api/login", json=changed)).status_code == 200
        is_problem(await use(fan, token), 410, "link_gone")
        assert "has a new password" in await letter(house, fan.email, "Your password was changed")


async def check_one_of_fifty(house: House) -> None:
    async with house.visitor() as fan:
        await fan.register()
        token = await newest_token(house, Purpose.VERIFY, fan.email)
        answers = await asyncio.gather(*(use(fan, token, None) for _ in range(50)))
        assert Counter(answer.status_code for answer in answers) == {200: 1, 410: 49}
        await fan.post("/api/password/forgotten", json={"email": fan.email})
        token = await newest_token(house, Purpose.RESET, fan.email)
        answers = await asyncio.gather(*(use(fan, token, f"{NEW} {n}") for n in range(10)))
        assert Counter(answer.status_code for answer in answers) == {200: 1, 410: 9}


async def test_of_many_uses_at_once_one_is_let_in(house: House):
    await check_one_of_fifty(house)


async def test_control_used_links_work_again_where_nobody_looks(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    async def always(database: Any, link_id: str, *, lock: bool = False) -> Any:
        row = await database.fetch_one(select(links_table).where(links_table.c.id == link_id))
        return mail_links._link(row)

    monkeypatch.setattr(mail_links, "usable", always)
    with pytest.raises(AssertionError):
        await check_one_of_fifty(house)


async def test_a_link_asked_for_before_the_password_changed_does_nothing(house: House):
    async with house.visitor() as fan, house.visitor() as other:
        await fan.register()
        first = await forget(house, other, fan.email)
        second = await forget(house, other, fan.email)
        assert (await use(fan, second)).status_code == 200
        is_problem(await use(other, first), 410, "link_gone")
        third = await forget(house, other, fan.email)
        changed = {"password": PASSWORD, "current_password": NEW}
        assert (await fan.patch("/api/me", json=changed)).status_code == 200
        is_problem(await use(other, third), 410, "link_gone")


async def test_control_the_number_of_the_sessions_is_a_second_lock(house: House, monkeypatch):
    """Without the mark that it has ended, a link from before the change is still refused by what it knows."""

    async def nothing(*_: object) -> None:
        return None

    monkeypatch.setattr(mail_links, "end", nothing)
    await test_a_link_asked_for_before_the_password_changed_does_nothing(house)


async def test_links_do_what_they_were_sent_for_and_nothing_else(house: House):
    async with house.visitor() as fan:
        await fan.register()
        verify = await newest_token(house, Purpose.VERIFY, fan.email)
        reset = await forget(house, fan, fan.email)
        is_problem(await use(fan, verify), 410, "link_gone")
        is_problem(await use(fan, reset, None), 410, "link_gone")
        for forged in ("x", verify[:-1], verify + "x", "a.b", "é", "W10.x" * 50):
            is_problem(await use(fan, forged), 410, "link_gone")
            is_problem(await use(fan, forged, None), 410, "link_gone")
        ended = update(links_table).where(links_table.c.email == fan.email)
        await house.database.execute(ended.values(expires_at=now() - timedelta(seconds=1)))
        is_problem(await use(fan, verify, None), 410, "link_gone")
        is_problem(await use(fan, reset), 410, "link_gone")
        assert (await fan.get("/api/me")).json()["verified"] is False


async def test_a_link_lives_as_long_as_its_letter_says(house: House):
    async with house.visitor() as fan:
        await fan.register()
        await forget(house, fan, fan.email)
        for purpose, time in ((Purpose.VERIFY, timedelta(days=3)), (Purpose.RESET, timedelta(minutes=30))):
            those = (links_table.c.email == fan.email) & (links_table.c.purpose == purpose.value)
            row = await house.database.fetch_one(select(links_table).where(those))
            assert row is not None
            assert row["expires_at"] - row["created_at"] == time


async def test_secrets_of_links_rotate():
    user = User(1, "Ann", "ann@example.com", Role.FAN, session_epoch=3)
    old, new = "o" * 32, "n" * 32
    token = Links([old]).write("x", user)
    assert Links([new, old]).read(token) == ("x", 3)
    for keys in ([new], ["m" * 32, new]):
        with pytest.raises(Refusal, match="link"):
            Links(keys).read(token)
    assert Links([new]).read(Links([new, old]).write("x", user)) == ("x", 3), "the newest signs"


async def test_who_has_proven_an_address_is_told_when_another_account_claims_it(house: House):
    async with house.visitor() as owner, house.visitor() as stranger:
        await owner.register()
        await use(owner, await newest_token(house, Purpose.VERIFY, owner.email), None)
        claim = {"name": "X", "email": owner.email, "password": "another password"}
        await stranger.post("/api/register", json=claim)
        said = await letter(house, owner.email, "You have an account already")
        assert "token" not in said
        token = await newest_token(house, Purpose.VERIFY, owner.email)
        is_problem(await use(stranger, token, None), 409, "email_taken")
        assert (await stranger.get("/api/me")).json()["verified"] is False
        assert (await owner.sign_in(owner.email)).json()["verified"] is True


async def test_a_forgotten_password_of_nobody_is_no_letter(house: House):
    async with house.visitor() as anybody:
        email = f"{secrets.token_hex(6)}@example.com"
        await anybody.post("/api/password/forgotten", json={"email": email})

        async def put_aside() -> bool:
            state = await house.database.fetch_val(select(outbox.c.state).where(outbox.c.recipient == email))
            return bool(state == "withdrawn")

        await eventually(put_aside)
    assert house.mailbox is not None
    assert not [m for m in house.mailbox.about_accounts if m["To"] == email]


async def test_another_address_is_the_accounts_once_it_is_proven(house: House):
    async with house.visitor() as fan, house.visitor() as other:
        await fan.register()
        await use(fan, await newest_token(house, Purpose.VERIFY, fan.email), None)
        new = f"new-{fan.email}"
        wrong = {"email": new, "current_password": "not the password"}
        is_problem(await fan.patch("/api/me", json=wrong), 403, "wrong_password")
        asked = await fan.patch("/api/me", json={"email": new, "current_password": PASSWORD})
        assert (asked.status_code, asked.json()["email_pending"]) == (202, new)
        assert asked.json()["email"] == fan.email
        old_reset = await forget(house, other, fan.email)
        token = token_in(await letter(house, new, "Confirm your new address"))
        assert (await use(other, token, None)).json()["email"] == new
        me = (await fan.get("/api/me")).json()
        assert (me["email"], me["verified"]) == (new, True)
        is_problem(await use(other, token, None), 410, "link_gone")
        is_problem(await use(other, old_reset), 410, "link_gone")
        assert "last one that comes here" in await letter(
            house, fan.email, "Your account has another address"
        )
        is_problem(await other.sign_in(fan.email), 401, "wrong_credentials")
        assert (await other.sign_in(new)).status_code == 200


async def test_an_account_made_with_anothers_address_is_theirs_once_they_ask(house: House):
    """Who waits in an account for the owner of its address keeps nothing: no session, token or link."""
    email = f"{secrets.token_hex(6)}@example.com"
    async with house.visitor() as stranger, house.visitor() as owner:
        body = {"name": "X", "email": email, "password": "the strangers password"}
        made = (await stranger.post("/api/register", json=body)).json()
        await house.database.execute(
            insert(api_tokens).values(
                user_id=made["id"], name="x", token_hash=secrets.token_hex(32), abilities="", created_at=now()
            )
        )
        aside = f"aside-{email}"
        await stranger.patch("/api/me", json={"email": aside, "current_password": body["password"]})
        way_back = await newest_token(house, Purpose.CHANGE, aside)
        assert (await use(owner, await forget(house, owner, email))).json()["id"] == made["id"]
        is_problem(await stranger.get("/api/me"), 401, "not_signed_in")
        is_problem(await stranger.post("/api/login", json={k: body[k] for k in ("email", "password")}), 401)
        is_problem(await use(stranger, way_back, None), 410, "link_gone")
        theirs = select(func.count()).select_from(api_tokens).where(api_tokens.c.user_id == made["id"])
        assert await house.database.fetch_val(theirs) == 0


HOSTILE = [
    "ann@example.com\r\nBcc: all@example.com",
    "ann@example.com\nBcc: all@example.com",
    "ann@example.com\u2028Bcc: all@example.com",
    "ann@example.com\u0085x",
    "ann@example.com,all@example.com",
    "Ann <ann@example.com>",
    "ann@example.com>",
    "ann@exa\x00mple.com",
    '"ann@x"@example.com',
    "=?utf-8?q?=0D=0AReply-To=3A_evil=40h.yz=0D=0A=0D=0APhish=20body?=@catchall.yz",
    "a@=?utf-8?q?x=0D=0ABcc=3A_all=40example.com?=.yz",
    "a@[x.yz",
    "a@[127.0.0.1]",
    "a[b@example.com",
    ".a@example.com",
    "a..b@example.com",
    "a@example..com",
    "a@-example.com",
    "a@exam_ple.com",
]
FRIENDLY = ["ann+tickets.2026@mail.example.com", "o'hara_7@x-y.example", "jörg@exämple.com"]


@pytest.mark.parametrize("address", HOSTILE)
async def test_no_address_writes_headers(house: House, address: str):
    async with house.visitor() as fan:
        body = {"name": "Ann", "email": address, "password": PASSWORD}
        is_problem(await fan.post("/api/register", json=body), 422, "invalid_request")
        is_problem(await fan.post("/api/password/forgotten", json={"email": address}), 422)
        await fan.register()
        change = {"email": address, "current_password": PASSWORD}
        is_problem(await fan.patch("/api/me", json=change), 422, "invalid_request")
    # Were one to come this far, it would be no letter.
    at_last = Letter(1, "verify", None, address, "<1@ticketflow>", 0)
    with pytest.raises(Unwritable):
        Messages("desk@example.com", "http://x", CODES).about_account(at_last, "verify", "")


@pytest.mark.parametrize("address", FRIENDLY)
async def test_control_an_address_that_people_have_is_taken(house: House, address: str):
    async with house.visitor() as fan:
        asked = await fan.post("/api/password/forgotten", json={"email": address})
        assert asked.status_code == 202, asked.text


@pytest.mark.parametrize(
    "name", ["Ann\r\nBcc: all@example.com", "Ann\u2028x", "Ann\u0085x", "A\x00", "\u202eAnn"]
)
async def test_no_name_breaks_a_line(house: House, name: str):
    async with house.visitor() as fan:
        body = {"name": name, "email": "ann@example.com", "password": PASSWORD}
        is_problem(await fan.post("/api/register", json=body), 422, "invalid_request")
        await fan.register()
        is_problem(await fan.patch("/api/me", json={"name": name}), 422, "invalid_request")


@pytest.mark.parametrize("kind", sorted(SUBJECTS))
async def test_text_and_html_of_a_letter_say_the_same(kind: str):
    about = dataclasses.replace(Letter(1, kind, None, "ann@example.com", "<1@ticketflow>", 0), user_id=1)
    written = Messages("desk@example.com", "http://x", CODES).about_account(about, kind, "verify?token=a&b")
    message = opened(written)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    assert "http://x/verify?token=a&b" in text.get_content()
    assert 'href="http://x/verify?token=a&amp;b"' in html.get_content()
    for line in text.get_content().splitlines():
        if line and line != "TicketFlow" and "token" not in line:
            assert line.rstrip(":") in html.get_content()
    assert SECRET not in text.get_content() + html.get_content() + str(message.items())


async def test_an_address_of_other_letters_is_written_as_it_is():
    to = Letter(1, "verify", None, "jörg@exämple.com", "<1@ticketflow>", 0)
    written = Messages("desk@example.com", "http://x", CODES).about_account(to, "verify", "")
    assert "\r\nTo: jörg@exämple.com\r\n".encode() in written
