"""Several accounts claim one address: what is tied to it is for who has proven it, and nobody is shut out."""

import secrets
from typing import Any

import pytest
from sqlalchemy import select

from tests.api.letters import letter, newest_token, token_in
from tests.api.support import is_problem
from tests.house import PASSWORD, House, Visitor, eventually
from ticketflow.accounts.accounts import Accounts
from ticketflow.domain import User
from ticketflow.passwords import Passwords
from ticketflow.store import users
from ticketflow.store.mail_links import Purpose
from ticketflow.store.tables import outbox

pytestmark = pytest.mark.asyncio(loop_scope="package")
CONFIRM = {"current_password": PASSWORD}
NEW, OTHERS = "a new password for tests", "the others password"


def an_address() -> str:
    return f"{secrets.token_hex(8)}@example.com"


async def claim(visitor: Visitor, email: str, password: str = PASSWORD) -> int:
    """A new account with that address, proven by nobody; gives its id."""
    body = {"name": secrets.token_hex(4), "email": email, "password": password}
    made = await visitor.post("/api/register", json=body)
    assert (made.status_code, made.json()["verified"]) == (201, False)
    return int(made.json()["id"])


async def prove(house: House, visitor: Visitor, email: str) -> None:
    token = await newest_token(house, Purpose.VERIFY, email)
    assert (await visitor.post("/api/verify", json={"token": token})).status_code == 200


async def forget(visitor: Visitor, email: str) -> None:
    assert (await visitor.post("/api/password/forgotten", json={"email": email})).status_code == 202


async def reset(visitor: Visitor, token: str) -> Any:
    return await visitor.post("/api/password/reset", json={"token": token, "password": NEW})


async def all_delivered(house: House, email: str) -> None:
    async def so() -> bool:
        waiting = (outbox.c.recipient == email) & outbox.c.state.in_(["pending", "sending"])
        return await house.database.fetch_one(select(outbox.c.id).where(waiting)) is None

    await eventually(so)


async def put_off(house: House, email: str) -> None:
    """Return once the mail server has put off the letter with the link for a new password."""

    async def so() -> bool:
        waiting = (outbox.c.recipient == email) & (outbox.c.kind == "reset") & (outbox.c.state == "pending")
        return bool(await house.database.fetch_val(select(outbox.c.attempts).where(waiting)))

    await eventually(so)


async def nobody_else(house: House, other: Visitor, email: str) -> None:
    return None


async def one_that_claims_it(house: House, other: Visitor, email: str) -> None:
    await claim(other, email, OTHERS)


async def one_that_has_proven_it(house: House, other: Visitor, email: str) -> None:
    await claim(other, email, OTHERS)
    await prove(house, other, email)


async def test_who_only_claims_an_address_does_not_read_whether_there_is_another(house: House):
    seen = []
    for others in (nobody_else, one_that_claims_it, one_that_has_proven_it):
        email = an_address()
        async with house.visitor() as stranger, house.visitor() as other:
            await others(house, other, email)
            await claim(stranger, email)
            await forget(stranger, email)
            await all_delivered(house, email)
            read = (await stranger.post("/api/me/export", json=CONFIRM)).json()
            seen.append(
                (
                    [(kept["kind"], kept["state"], kept["recipient"] == email) for kept in read["letters"]],
                    [(link["purpose"], link["used_at"]) for link in read["links"]],
                )
            )
    assert seen == [([("verify", "sent", True)], [("verify", None)])] * 3


async def test_who_has_proven_it_reads_who_asked_for_a_new_password(house: House):
    email = an_address()
    async with house.visitor() as owner:
        await one_that_has_proven_it(house, owner, email)
        await forget(owner, email)
        await all_delivered(house, email)
        read = (await owner.post("/api/me/export", json={"current_password": OTHERS})).json()
        assert [kept["kind"] for kept in read["letters"]] == ["verify", "reset"]
        assert [link["purpose"] for link in read["links"]] == ["verify", "reset"]


ACTS = {
    "closes": ("DELETE", CONFIRM),
    "sets a password": ("PATCH", {**CONFIRM, "password": "another password of theirs"}),
}


@pytest.mark.parametrize("act", ACTS)
async def test_nothing_that_was_sent_to_the_owner_ends_by_what_a_stranger_does(
    house: House, act: str, monkeypatch: pytest.MonkeyPatch
):
    email = an_address()
    async with house.visitor() as owner, house.visitor() as stranger:
        await one_that_has_proven_it(house, owner, email)
        await claim(stranger, email)
        await forget(owner, email)
        first = token_in(await letter(house, email, "Set a new password"))
        await all_delivered(house, email)
        monkeypatch.setattr(house.mailbox, "answer", "451 later")
        await forget(owner, email)
        await put_off(house, email)
        method, body = ACTS[act]
        assert (await stranger.request(method, "/api/me", json=body)).is_success
        monkeypatch.undo()
        await all_delivered(house, email)
        second = token_in(await letter(house, email, "Set a new password"))
        assert second != first
        assert (await reset(owner, first)).status_code == 200


async def test_a_letter_that_was_to_open_a_strangers_account_opens_the_owners_once_that_is_closed(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    email = an_address()
    async with house.visitor() as owner, house.visitor() as stranger:
        await claim(stranger, email)
        mine = await claim(owner, email, OTHERS)
        await all_delivered(house, email)
        monkeypatch.setattr(house.mailbox, "answer", "451 later")
        await forget(owner, email)
        await put_off(house, email)
        assert (await stranger.request("DELETE", "/api/me", json=CONFIRM)).status_code == 204
        monkeypatch.undo()
        let_in = await reset(owner, token_in(await letter(house, email, "Set a new password")))
        assert let_in.json()["id"] == mine


async def check_each_signs_in(house: House) -> None:
    email, accounts = an_address(), dict[str, int]()
    async with house.visitor() as first, house.visitor() as second, house.visitor() as third:
        for visitor, password in (
            (first, PASSWORD),
            (second, "the second password"),
            (third, "the third one"),
        ):
            accounts[password] = await claim(visitor, email, password)
        changed = await first.patch("/api/me", json={**CONFIRM, "password": NEW})
        assert changed.status_code == 200
        accounts[NEW] = accounts.pop(PASSWORD)
    for password, account in accounts.items():
        async with house.visitor() as elsewhere:
            let_in = await elsewhere.post("/api/login", json={"email": email, "password": password})
            assert (let_in.status_code, let_in.json().get("id")) == (200, account)
    async with house.visitor() as elsewhere:
        is_problem(await elsewhere.sign_in(email), 401, "wrong_credentials")


async def test_each_signs_in_by_their_password_whoever_claimed_the_address_before_or_since(house: House):
    await check_each_signs_in(house)


async def test_control_without_one_salt_they_are_not_found(house: House, monkeypatch: pytest.MonkeyPatch):
    hash_like = Passwords.hash

    async def of_its_own(self: Passwords, password: str, *, like: str | None = None) -> str:
        return await hash_like(self, password)

    monkeypatch.setattr(Passwords, "hash", of_its_own)
    with pytest.raises(AssertionError):
        await check_each_signs_in(house)


async def test_who_claims_an_address_later_gets_no_reset_of_it(house: House):
    email = an_address()
    async with house.visitor() as fan, house.visitor() as stranger, house.visitor() as phone:
        mine = await claim(fan, email, OTHERS)
        await claim(stranger, email)
        await forget(stranger, email)
        let_in = await reset(phone, token_in(await letter(house, email, "Set a new password")))
        assert (let_in.json()["id"], let_in.json()["verified"]) == (mine, True)
        is_problem(await fan.get("/api/me"), 401, "not_signed_in")


async def test_who_came_before_and_goes_on_in_the_account_keeps_no_way_into_it(house: House):
    """Nor spoils the letter: by a new password, and by signing out everywhere."""
    email = an_address()
    async with house.visitor() as stranger, house.visitor() as owner, house.visitor() as program:
        theirs = await claim(stranger, email)
        asked = {"name": "x", "abilities": ["read"], "current_password": PASSWORD}
        token = (await stranger.post("/api/tokens", json=asked)).json()["token"]
        program.headers["Authorization"] = f"Bearer {token}"
        assert (await program.get("/api/me")).status_code == 200
        await forget(owner, email)
        link = token_in(await letter(house, email, "Set a new password"))
        other = "another password of theirs"
        assert (await stranger.patch("/api/me", json={**CONFIRM, "password": other})).status_code == 200
        assert (await reset(owner, link)).json()["id"] == theirs
        for left in (stranger, program):
            assert (await left.get("/api/me")).status_code == 401
        for password in (PASSWORD, other):
            body = {"email": email, "password": password}
            is_problem(await stranger.post("/api/login", json=body), 401, "wrong_credentials")
        assert (await owner.get("/api/me")).json()["verified"] is True


async def check_a_reset_stands(house: House, monkeypatch: pytest.MonkeyPatch, change: dict[str, str]) -> None:
    """The stranger's password is right; then the owner sets another; then the change is to be made."""
    email = an_address()
    async with house.visitor() as stranger, house.visitor() as owner:
        await claim(stranger, email)
        await forget(owner, email)
        link = token_in(await letter(house, email, "Set a new password"))
        confirm = Accounts.confirm

        async def reset_meanwhile(self: Accounts, user: User, password: str) -> str:
            known = await confirm(self, user, password)
            assert (await reset(owner, link)).status_code == 200
            return known

        with monkeypatch.context() as meanwhile:
            meanwhile.setattr(Accounts, "confirm", reset_meanwhile)
            late = await stranger.patch("/api/me", json={**CONFIRM, **change})
        is_problem(late, 403, "wrong_password")
        body = {"email": email, "password": NEW}
        assert (await owner.post("/api/login", json=body)).status_code == 200


CHANGES = [{"password": "another password of theirs"}, {"email": "elsewhere@example.com"}]


@pytest.mark.parametrize("change", CHANGES)
async def test_what_was_asked_with_the_password_from_before_a_reset_is_not_done_after_it(
    house: House, monkeypatch: pytest.MonkeyPatch, change: dict[str, str]
):
    await check_a_reset_stands(house, monkeypatch, change)


@pytest.mark.parametrize("change", CHANGES)
async def test_control_unless_it_is_looked_at_once_more_it_is_done(
    house: House, monkeypatch: pytest.MonkeyPatch, change: dict[str, str]
):
    async def always(*_: object) -> bool:
        return True

    monkeypatch.setattr(users, "has_password", always)
    with pytest.raises(AssertionError):
        await check_a_reset_stands(house, monkeypatch, change)
