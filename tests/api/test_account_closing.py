"""Oneself: what is kept of an account, read as a file, changed, and closed for good."""

from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import Table, select, update

from tests.api.letters import letter, newest_token
from tests.api.support import is_problem, open_sale, services
from tests.house import PASSWORD, House, Sale, Visitor, eventually
from ticketflow.domain import now
from ticketflow.passwords import Passwords
from ticketflow.store.mail_links import Purpose
from ticketflow.store.tables import bookings, events, mail_links, outbox, users

pytestmark = pytest.mark.asyncio(loop_scope="package")
CONFIRM = {"current_password": PASSWORD}


async def is_over(house: House, sale: Sale) -> None:
    """Let the sale's event have been yesterday."""
    yesterday = now() - timedelta(days=1)
    await house.database.execute(
        update(events).where(events.c.id == sale.event_id).values(starts_at=yesterday)
    )
    await services(house).hub.refresh()


async def book(fan: Visitor, sale: Sale) -> str:
    hold = await fan.hold(sale)
    booked = await fan.book(hold.json()["id"])
    assert booked.status_code == 201, booked.text
    return str(booked.json()["id"])


async def close(fan: Visitor) -> int:
    return (await fan.request("DELETE", "/api/me", json=CONFIRM)).status_code


async def prove(house: House, fan: Visitor) -> None:
    token = await newest_token(house, Purpose.VERIFY, fan.email)
    assert (await fan.post("/api/verify", json={"token": token})).status_code == 200


async def no_letter_waits(house: House, account: int) -> bool:
    waiting = outbox.c.state.in_(["pending", "sending"]) & (outbox.c.user_id == account)
    return await house.database.fetch_one(select(outbox.c.id).where(waiting)) is None


async def all_of(house: House, table: Table) -> str:
    """All that a table says."""
    rows = await house.database.fetch_all(select(table))
    assert rows, table.name
    return str([[row[column.name] for column in table.columns] for row in rows])


async def adds_up(house: House, sale: Sale, *, free: int, sold: int) -> None:
    """Free, held and sold are the capacity, bit by bit."""
    found = services(house)
    event = found.catalogue.find(sale.event_id)
    assert event is not None
    counts = await found.stock.counts(event)
    assert counts is not None
    kind = sale.type_ids[0]
    bits = int.from_bytes(await found.stock.free_units(event.id, kind)).bit_count()
    assert (counts.remaining[kind], bits, counts.sold[kind]) == (free, free, sold)


async def test_who_has_tickets_for_something_to_come_cannot_close(house: House, sale: Sale, fan: Visitor):
    booking = await book(fan, sale)
    before = (await fan.get("/api/me")).json()
    refused = is_problem(await fan.request("DELETE", "/api/me", json=CONFIRM), 409, "tickets_ahead")
    assert [ahead["booking_id"] for ahead in refused["bookings"]] == [booking]
    assert (await fan.get("/api/me")).json() == before
    assert len((await fan.get("/api/bookings")).json()) == 1


async def test_a_closed_account_is_nobodys_and_no_ticket_is_lost(house: House, sale: Sale, fan: Visitor):
    past = await open_sale(house)
    async with house.visitor() as other:
        await other.register()  # whose letter, link and account stay
    await fan.come_in(past)
    booking = await book(fan, past)
    await is_over(house, past)
    assert (await fan.hold(sale, 3)).status_code == 201
    await adds_up(house, sale, free=17, sold=0)
    account = (await fan.get("/api/me")).json()
    await prove(house, fan)
    await fan.post("/api/password/forgotten", json={"email": fan.email})
    assert await close(fan) == 204
    assert "Your account is closed" in await letter(house, fan.email, "Your account is closed")
    await eventually(partial(no_letter_waits, house, account["id"]))
    await adds_up(house, sale, free=20, sold=0)
    await adds_up(house, past, free=19, sold=1)
    is_problem(await fan.get("/api/me"), 401, "not_signed_in")
    is_problem(await fan.sign_in(fan.email), 401, "wrong_credentials")
    row = await house.database.fetch_one(select(users).where(users.c.id == account["id"]))
    assert row is not None
    assert (row["name"], row["email"]) == ("Closed account", f"closed-{account['id']}@invalid")
    assert (row["verified_email"], row["password_hash"]) == (None, "-")
    assert not await Passwords().verify(row["password_hash"], PASSWORD)
    kept = await house.database.fetch_one(select(bookings).where(bookings.c.id == booking))
    assert kept is not None
    assert (kept["user_id"], kept["status"]) == (account["id"], "confirmed")
    for table in (users, outbox, mail_links, bookings):
        assert fan.email not in await all_of(house, table), table.name
    async with house.visitor() as anew:
        body = {"name": "Ann", "email": fan.email, "password": PASSWORD}
        assert (await anew.post("/api/register", json=body)).json()["id"] != account["id"]


async def test_the_last_letter_keeps_no_address(house: House):
    async with house.visitor() as fan:
        account = (await fan.register()).json()["id"]
        await prove(house, fan)
        assert await close(fan) == 204
        assert "Your account is closed" in await letter(house, fan.email, "Your account is closed")

        async def forgotten() -> bool:
            theirs = await house.database.fetch_all(select(outbox).where(outbox.c.user_id == account))
            return {row["recipient"] for row in theirs} == {""}

        await eventually(forgotten)


async def closed_with_mail_answering(house: House, answer: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an account that is closed while the mail server says that about each letter to it."""
    async with house.visitor() as fan:
        account = (await fan.register()).json()["id"]
        await eventually(partial(no_letter_waits, house, account))
        await prove(house, fan)
        monkeypatch.setattr(house.mailbox, "answer", f"{answer} <{fan.email}>")
        assert await close(fan) == 204

        async def tried() -> bool:
            last = (outbox.c.kind == "account_closed") & (outbox.c.user_id == account)
            return bool(await house.database.fetch_val(select(outbox.c.attempts).where(last)))

        await eventually(tried)
        return fan.email


async def test_a_last_letter_that_is_given_up_keeps_no_address(house: House, monkeypatch: pytest.MonkeyPatch):
    email = await closed_with_mail_answering(house, "550 nobody of that name", monkeypatch)
    assert email not in await all_of(house, outbox)
    failed = (outbox.c.kind == "account_closed") & (outbox.c.state == "failed")
    assert await house.database.fetch_val(select(outbox.c.last_error).where(failed)) == "550"


async def test_a_last_letter_that_comes_late_keeps_no_word_of_who_refused_it(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    email = await closed_with_mail_answering(house, "451 not now", monkeypatch)
    assert email in await all_of(house, outbox)
    monkeypatch.undo()
    await letter(house, email, "Your account is closed")

    async def forgotten() -> bool:
        return email not in await all_of(house, outbox)

    await eventually(forgotten)


async def test_who_sells_cannot_close(house: House, sale: Sale):
    async with house.visitor() as organiser:
        await organiser.sign_in(sale.organiser_email)
        is_problem(await organiser.request("DELETE", "/api/me", json=CONFIRM), 409, "has_events")
        assert (await organiser.get("/api/me")).status_code == 200


SENSITIVE = [
    ("DELETE", "/api/me", {}),
    ("POST", "/api/me/export", {}),
    ("PATCH", "/api/me", {"password": "a new password for tests"}),
    ("PATCH", "/api/me", {"email": "new@example.com"}),
]


@pytest.mark.parametrize(("method", "path", "body"), SENSITIVE)
async def test_what_matters_wants_the_password_once_more(house: House, method: str, path: str, body: dict):
    async with house.visitor() as fan:
        await fan.register()
        before = (await fan.get("/api/me")).json()
        wrong = {**body, "current_password": "not the password"}
        is_problem(await fan.request(method, path, json=body), 422, "invalid_request")
        for _ in range(house.settings.sign_in_failures):
            is_problem(await fan.request(method, path, json=wrong), 403, "wrong_password")
        limited = await fan.request(method, path, json={**body, **CONFIRM})
        assert 0 < is_problem(limited, 429, "too_many_requests")["retry_after"] <= 600
        assert (await fan.get("/api/me")).json() == before


async def test_name_and_look_are_changed_at_once(house: House):
    async with house.visitor() as fan:
        await fan.register()
        await fan.get("/api/me")
        changed = await fan.patch("/api/me", json={"name": "  Ann Other ", "theme": "dark"})
        assert changed.status_code == 200
        assert (changed.json()["name"], changed.json()["theme"]) == ("Ann Other", "dark")
        assert (await fan.get("/api/me")).json() == changed.json()
        for bad in (
            {},
            {"theme": "pink"},
            {"name": " "},
            CONFIRM,
            {"email": "a@example.com", "password": "a new password", **CONFIRM},
            {"role": "admin"},
        ):
            is_problem(await fan.patch("/api/me", json=bad), 422, "invalid_request")
        assert (await fan.get("/api/me")).json() == changed.json()
        weak = {"password": "football", **CONFIRM}
        assert is_problem(await fan.patch("/api/me", json=weak), 422)["errors"][0]["field"] == "password"


async def test_all_that_is_kept_can_be_read_and_nothing_of_others(house: House, sale: Sale, fan: Visitor):
    booking = await book(fan, sale)
    async with house.visitor() as other:
        await other.register()
        await other.come_in(sale)
        await book(other, sale)
        answer = await fan.post("/api/me/export", json=CONFIRM)
        assert answer.status_code == 200
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.headers["Cache-Control"] == "no-store"
        everything = answer.json()
        assert everything["account"]["email"] == fan.email
        (mine,) = everything["bookings"]
        assert (mine["id"], len(mine["tickets"]), mine["payment"]["method"]) == (booking, 1, "card-ok")
        assert {"verify", "booking_confirmed"} == {kept["kind"] for kept in everything["letters"]}
        assert [link["purpose"] for link in everything["links"]] == ["verify"]
        assert everything["tokens"] == everything["audit"] == []
        for secret in ("argon2", other.email, "password_hash", "token_hash"):
            assert secret not in answer.text
        async with house.visitor() as organiser:
            await organiser.sign_in(sale.organiser_email)
            change = {"message": "A moment, please"}
            await organiser.patch(f"/api/organiser/events/{sale.event_id}/room", json=change)
            (entry,) = (await organiser.post("/api/me/export", json=CONFIRM)).json()["audit"]
            assert (entry["action"], entry["after"]["message"]) == ("room.steer", "A moment, please")


async def test_a_better_hash_is_made_when_somebody_signs_in(house: House, monkeypatch: pytest.MonkeyPatch):
    from argon2 import PasswordHasher

    from ticketflow import passwords

    async with house.visitor() as fan:
        account = (await fan.register()).json()["id"]
        await prove(house, fan)

        async def stored() -> str:
            return str(
                await house.database.fetch_val(select(users.c.password_hash).where(users.c.id == account))
            )

        before = await stored()
        await fan.sign_in(fan.email)
        assert await stored() == before
        better = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1)
        monkeypatch.setattr(passwords, "_HASHER", better)
        assert (
            await fan.post("/api/login", json={"email": fan.email, "password": "wrong"})
        ).status_code == 401
        assert await stored() == before
        await fan.sign_in(fan.email)
        after = await stored()
        assert not better.check_needs_rehash(after)
        assert better.verify(after, PASSWORD)
