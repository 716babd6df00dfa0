"""The account's pages as forms without a script: links of letters, the profile's parts, tokens."""

import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from html import unescape
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import select

from tests.api.support import is_problem, open_sale, services
from tests.house import PASSWORD, House, Visitor
from ticketflow.accounts.links import Links
from ticketflow.domain import User, now
from ticketflow.store import users
from ticketflow.store.tables import mail_links

pytestmark = [
    pytest.mark.asyncio(loop_scope="package"),
    # What a page says does not depend on the database.
    pytest.mark.parametrize("house", ["sqlite"], indirect=True),
]
OTHER = "another password, for tests"


@pytest_asyncio.fixture(loop_scope="package")
async def me(house: House) -> AsyncIterator[Visitor]:
    """Somebody signed in whose address is not proven."""
    async with house.visitor() as visitor:
        await visitor.register()
        yield visitor


async def token_for(house: House, email: str, purpose: str, user: User | None = None) -> str:
    """The token in the newest letter of that purpose to that address, as the postman writes it."""
    newest = select(mail_links.c.id, mail_links.c.user_id).where(
        (mail_links.c.email == email) & (mail_links.c.purpose == purpose)
    )
    row = await house.database.fetch_one(newest.order_by(mail_links.c.created_at.desc()).limit(1))
    assert row is not None
    owner = user or await users.by_id(house.database, row["user_id"])
    assert owner is not None
    if row["user_id"] is None:
        change = mail_links.update().where(mail_links.c.id == row["id"]).values(user_id=owner.id)
        await house.database.execute(change)
    return Links(house.settings.secret_keys).write(row["id"], owner)


async def of(house: House, visitor: Visitor) -> User:
    """The visitor's account as the database has it."""
    user = await users.by_id(house.database, (await visitor.get("/api/me")).json()["id"])
    assert user is not None
    return user


def told(page: httpx.Response) -> dict[str, str]:
    """What stands beside each field of the page."""
    notes = re.findall(r'class="field-note field-problem" id="([\w-]+)-problem">([^<]+)<', page.text)
    return {field: unescape(words) for field, words in notes}


async def after(visitor: Visitor, answer: httpx.Response, path: str) -> str:
    """The page that a form led to, which must be this one."""
    assert answer.status_code == 303, answer.text
    assert urlsplit(answer.headers["Location"]).path == path
    page = await visitor.get(answer.headers["Location"])
    assert page.status_code == 200
    return unescape(page.text)


async def test_forgotten_says_the_same_of_every_address(house: House, me: Visitor):
    async with house.visitor() as stranger:
        said = []
        for email in (me.email, "nobody@example.com"):
            page = await after(stranger, await stranger.post("/forgot", data={"email": email}), "/forgot")
            said.append(re.sub(r"\?said=[^\"&]+|nonce=\"[^\"]+", "", page).replace(email, "x"))
            assert f"If there is an account for {email}, a mail is on its way." in page
            assert "30 minutes" in page
        assert said[0] == said[1]
        wrong = await stranger.post("/forgot", data={"email": "nobody"})
        assert (wrong.status_code, set(told(wrong))) == (422, {"email"})


async def test_a_reset_link_works_once(house: House, me: Visitor):
    user = await of(house, me)
    async with house.visitor() as stranger:
        await stranger.post("/forgot", data={"email": me.email})
        token = await token_for(house, me.email, "reset", user)
        form = (await stranger.get("/reset", params={"token": token})).text
        assert f'value="{token}"' in form
        assert "8 to 200 characters" in form
        short = await stranger.post("/reset", data={"token": token, "password": "short"})
        assert (short.status_code, set(told(short))) == (422, {"password"})
        common = await stranger.post("/reset", data={"token": token, "password": "password1"})
        assert (common.status_code, set(told(common))) == (422, {"password"})
        assert f'value="{token}"' in common.text
        done = await stranger.post("/reset", data={"token": token, "password": OTHER})
        assert "Your new password is set, and you are signed in." in await after(stranger, done, "/profile")
        assert (await stranger.get("/api/me")).json()["verified"] is True
        is_problem(await me.get("/api/me"), 401)
        again = await stranger.post("/reset", data={"token": token, "password": PASSWORD})
        assert again.status_code == 410
        assert 'href="/forgot"' in again.text
        for gone in ("", "nonsense", token + "x"):
            assert (await stranger.post("/reset", data={"token": gone, "password": OTHER})).status_code == 410


async def test_looking_at_a_link_uses_nothing_up(house: House, me: Visitor):
    assert "Confirm your address." in (await me.get("/tickets")).text
    token = await token_for(house, me.email, "verify")
    async with house.visitor() as program:
        for _ in range(3):
            page = await program.get("/verify", params={"token": token})
            assert "Yes, it is mine" in page.text
        assert (await me.get("/api/me")).json()["verified"] is False
        done = await program.post("/verify", data={"token": token})
        assert "Your address is confirmed." in await after(program, done, "/verify")
        is_problem(await program.get("/api/me"), 401)
    assert (await me.get("/api/me")).json()["verified"] is True
    for path in ("/tickets", "/profile"):
        assert "Confirm your address." not in (await me.get(path)).text
    gone = await me.post("/verify", data={"token": token})
    assert gone.status_code == 410
    assert f"The address {me.email} is confirmed." in unescape(gone.text)


async def test_the_letter_is_sent_again_from_where_one_stands(house: House, me: Visitor):
    sent = await me.post("/profile/verification", data={"next": "/tickets"})
    assert f"A mail is on its way to {me.email}." in await after(me, sent, "/tickets")
    away = await me.post("/profile/verification", data={"next": "//evil.example"})
    assert urlsplit(away.headers["Location"])[:3] == ("", "", "/profile")


async def test_name_and_look(house: House, me: Visitor):
    done = await me.post("/profile/name", data={"name": "Ann Other"})
    assert done.headers["Location"].endswith("#name")
    assert "You are called Ann Other" in await after(me, done, "/profile")
    wrong = await me.post("/profile/name", data={"name": "Ann\x07"})
    assert (wrong.status_code, told(wrong)) == (
        422,
        {"own-name": "A name has only characters that can be shown."},
    )
    assert "Ann Other" in wrong.text
    for look in ("dark", "light", "system"):
        page = await after(me, await me.post("/profile/look", data={"theme": look}), "/profile")
        head = page.partition("<head>")[0]
        assert f'data-account-look="{look}"' in head
        assert (f'data-theme="{look}"' in head) == (look != "system")
        # Before any script or style: the ground that is painted first, and the browser's own frame.
        assert f'name="color-scheme" content="{"light dark" if look == "system" else look}"' in page
        assert (await me.get("/api/me")).json()["theme"] == look
    assert (await me.post("/profile/look", data={"theme": "pink"})).status_code == 422


async def test_a_new_address_waits_for_its_link(house: House, me: Visitor):
    new = f"new-{me.email}"
    wrong = await me.post("/profile/email", data={"email": new, "current_password": "not it"})
    assert (wrong.status_code, set(told(wrong))) == (403, {"email-current_password"})
    assert f'value="{new}"' in wrong.text
    assert '<details class="fold" open>' in wrong.text
    done = await me.post("/profile/email", data={"email": new, "current_password": PASSWORD})
    page = await after(me, done, "/profile")
    assert "Waiting for the link that we sent to" in page
    assert new in page
    assert (await me.get("/api/me")).json()["email"] == me.email
    await me.post("/verify", data={"token": await token_for(house, new, "change")})
    page = (await me.get("/profile")).text
    assert "Waiting for the link" not in page
    assert (await me.get("/api/me")).json()["email"] == new


async def test_a_new_password_and_signing_out_everywhere_keep_this_browser(house: House, me: Visitor):
    async with house.visitor() as phone:
        await phone.sign_in(me.email)
        form = {"current_password": PASSWORD, "password": OTHER}
        done = await me.post("/profile/password", data=form)
        assert "Your new password is set." in await after(me, done, "/profile")
        is_problem(await phone.get("/api/me"), 401)
        await phone.post("/api/login", json={"email": me.email, "password": OTHER})
        out = await me.post("/profile/sessions")
        assert "Everywhere but here you are signed out." in await after(me, out, "/profile")
        is_problem(await phone.get("/api/me"), 401)
        assert (await me.get("/api/me")).status_code == 200


async def test_ones_data_comes_as_a_file(house: House, me: Visitor):
    wrong = await me.post("/profile/data", data={"current_password": "not it"})
    assert (wrong.status_code, set(told(wrong))) == (403, {"data-current_password"})
    file = await me.post("/profile/data", data={"current_password": PASSWORD})
    assert file.headers["Content-Disposition"].startswith("attachment; ")
    assert file.headers["Cache-Control"] == "no-store"
    assert me.email in json.dumps(file.json())


async def test_closing_is_refused_with_tickets_ahead_and_says_which(house: House, me: Visitor):
    sale, fan = await open_sale(house, cancel_until=now() + timedelta(days=20)), me
    await fan.come_in(sale)
    booked = await fan.book((await fan.hold(sale)).json()["id"])
    booking = booked.json()["id"]
    refused = await fan.post("/profile/close", data={"current_password": PASSWORD})
    assert refused.status_code == 409
    assert f'href="/bookings/{booking}/cancel"' in refused.text
    assert (await fan.get("/api/me")).status_code == 200
    await fan.post(f"/bookings/{booking}/cancel")
    done = await fan.post("/profile/close", data={"current_password": PASSWORD})
    assert "Your account is closed." in await after(fan, done, "/signin")
    is_problem(await fan.get("/api/me"), 401)
    assert (await fan.sign_in(fan.email)).status_code == 401


async def test_a_token_is_shown_once(house: House, me: Visitor):
    nothing = await me.post("/profile/tokens", data={"name": "", "expires_in_days": "0"})
    assert nothing.status_code == 422
    assert set(told(nothing)) >= {"token-name", "abilities", "token-current_password"}
    form = {"name": "My script", "abilities": ["read", "book"], "expires_in_days": "30"}
    wrong = await me.post("/profile/tokens", data={**form, "current_password": "not the password"})
    assert (wrong.status_code, set(told(wrong))) == (403, {"token-current_password"})
    assert await services(house).tokens.of(await of(house, me)) == []
    form["current_password"] = PASSWORD
    made = await me.post("/profile/tokens", data=form)
    assert (made.status_code, made.headers["Cache-Control"]) == (201, "no-store")
    [secret] = re.findall(r'value="(tf_[\w-]{43})"', made.text)
    assert "and your token ends" in (await me.get("/profile")).text
    assert "A new password ends all tokens" in made.text
    async with house.visitor() as program:
        bearer = {"Authorization": f"Bearer {secret}"}
        assert (await program.get("/api/me", headers=bearer)).status_code == 200
        page = (await me.get("/profile/tokens")).text
        assert secret not in page
        assert "My script" in page
        [revoke] = re.findall(r'action="(/profile/tokens/\d+/revoke)"', page)
        async with house.visitor() as other:
            await other.register()
            not_theirs = await after(other, await other.post(revoke), "/profile/tokens")
            assert "You have no such token." in not_theirs
        assert (await program.get("/api/me", headers=bearer)).status_code == 200
        assert "The token is revoked." in await after(me, await me.post(revoke), "/profile/tokens")
        assert (await program.get("/api/me", headers=bearer)).status_code == 401
    organise = await me.post("/profile/tokens", data=form | {"abilities": ["organise"]})
    assert organise.status_code == 403
    assert len(await services(house).tokens.of(await of(house, me))) == 0


FORMS = ("name", "email", "password", "look", "sessions", "verification", "data", "close", "tokens")


async def test_who_is_not_signed_in_is_sent_to_sign_in(house: House):
    async with house.visitor() as nobody:
        for part in FORMS:
            answer = await nobody.post(f"/profile/{part}", data={"current_password": PASSWORD})
            home = "/profile/tokens" if part == "tokens" else "/profile"
            assert (answer.status_code, answer.headers["Location"]) == (303, f"/signin?next={home}"), part
