"""To be told when a sale opens: asked for once, written once whoever writes and whenever, and taken back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from tests.house import PASSWORD, House, Sale, Visitor, in_process, make_sale, sqlite_is_quiet
from tests.letters import text_of
from tests.servers import Mailbox
from ticketflow.accounts.links import Links
from ticketflow.app import open_web
from ticketflow.domain import now
from ticketflow.mail import reminders as loop
from ticketflow.mail.reminders import Reminders
from ticketflow.settings import Settings
from ticketflow.store import reminders, tables
from ticketflow.store.reminders import Opening

SOON, LATER = timedelta(minutes=10), timedelta(hours=5)


async def coming_sale(settings: Settings, opens_in: timedelta) -> Sale:
    return await make_sale(settings, mode="lobby", sale_starts_in=opens_in, opened=False)


@asynccontextmanager
async def without_worker(settings: Settings) -> AsyncIterator[House]:
    """A house in which nothing is written or sent unless the test says so."""
    async with open_web(settings) as app:
        yield House(settings, "http://localhost", app.extensions["ticketflow"].database, app)
    await sqlite_is_quiet()


async def proven(house: House, fan: Visitor) -> int:
    """An account whose address was proven; its id."""
    user_id = int((await fan.register()).json()["id"])
    this = tables.users.c.id == user_id
    await house.database.execute(update(tables.users).where(this).values(verified_email=fan.email))
    return user_id


async def crowd(house: House, sale: Sale, count: int) -> None:
    """So many accounts that have asked, half of them with a proven address."""
    for number in range(count):
        email = f"fan-{sale.event_id}-{number}@example.com"
        user = {"name": "Fan", "email": email, "password_hash": "-", "role": "fan", "created_at": now()}
        user["verified_email"] = None if number % 2 else email
        user_id = await house.database.execute(insert(tables.users).values(user))
        assert await reminders.ask(house.database, sale.event_id, user_id)


async def letters(house: House, sale: Sale) -> list[dict[str, Any]]:
    those = (tables.outbox.c.kind == reminders.SALE_OPENS) & (tables.outbox.c.event_id == sale.event_id)
    rows = await house.database.fetch_all(select(tables.outbox).where(those).order_by(tables.outbox.c.id))
    return [dict(row._mapping) for row in rows]


async def move(house: House, sale: Sale, **times: Any) -> None:
    this = tables.events.c.id == sale.event_id
    await house.database.execute(update(tables.events).where(this).values(**times))


async def test_asked_twice_is_asked_once_and_taken_back(settings: Settings):
    sale = await coming_sale(settings, LATER)
    where = f"/api/events/{sale.event_id}/reminder"
    async with in_process(settings) as house, house.visitor() as fan, house.visitor() as other:
        await fan.register()
        await other.register()
        assert (await fan.get(where)).json()["asked"] is False
        statuses = [(await fan.post(where)).status_code for _ in range(2)]
        assert statuses == [201, 200]
        seen = (await fan.get(where)).json()
        assert (seen["asked"], seen["address_confirmed"]) == (True, False)
        assert (await other.get(where)).json()["asked"] is False
        kept = (await fan.post("/api/me/export", json={"current_password": PASSWORD})).json()
        assert (await fan.delete(where)).status_code == 204
        assert (await fan.delete(where)).status_code == 204
        assert (await fan.get(where)).json()["asked"] is False
    assert [row["event_id"] for row in kept["reminders"]] == [sale.event_id]


async def test_the_page_asks_without_a_script(settings: Settings):
    sale = await coming_sale(settings, LATER)
    page = f"/events/{sale.slug}"
    async with in_process(settings) as house, house.visitor() as fan:
        assert "Tell me when it opens" in (await fan.get(page)).text
        stranger = await fan.post(f"{page}/reminder", data={"wanted": "yes"})
        assert "/signin?next=" in stranger.headers["Location"]
        await fan.register()
        asked = await fan.post(f"{page}/reminder", data={"wanted": "yes"})
        assert "You will be told by mail." in (await fan.get(asked.headers["Location"])).text
        assert "Do not tell me" in (await fan.get(page)).text
        await fan.post(f"{page}/reminder", data={"wanted": "no"})
        assert "Tell me when it opens" in (await fan.get(page)).text


async def test_there_is_nothing_to_be_told_of_an_open_sale(settings: Settings):
    sale = await make_sale(settings)
    async with in_process(settings) as house, house.visitor() as fan:
        await fan.register()
        answer = await fan.post(f"/api/events/{sale.event_id}/reminder")
        assert (answer.status_code, answer.json()["code"]) == (409, "sale_opened")
        assert "Tell me when it opens" not in (await fan.get(f"/events/{sale.slug}")).text


async def test_each_is_told_once_however_many_workers_write(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(loop, "BATCH", 3)
    sale = await coming_sale(settings, SOON)
    async with without_worker(settings) as house:
        await crowd(house, sale, 20)
        for _ in range(20):
            await asyncio.gather(*(Reminders(house.database).write_due() for _ in range(4)))
            if len(await letters(house, sale)) == 10:
                break
        assert await Reminders(house.database).write_due() == 0
        told = [letter["recipient"] for letter in await letters(house, sale)]
    assert sorted(told) == sorted(f"fan-{sale.event_id}-{number}@example.com" for number in range(0, 20, 2))


async def test_control_without_the_unique_id_somebody_is_told_twice(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    """Who writes at the same moment is stopped by the letter's id, and by nothing before it."""
    import secrets

    write = reminders._letter
    monkeypatch.setattr(
        reminders, "_letter", lambda *of: {**write(*of), "message_id": f"<{secrets.token_hex(8)}@ticketflow>"}
    )
    sale = await coming_sale(settings, SOON)
    async with without_worker(settings) as house:
        await crowd(house, sale, 2)
        await reminders.write_letters(house.database, Opening(sale.event_id, now()), 10)
        await house.database.execute(update(tables.reminders).values(told_for=None))
        await reminders.write_letters(house.database, Opening(sale.event_id, now()), 10)
        assert len(await letters(house, sale)) == 2


async def test_a_letter_and_its_note_are_one(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    """Killed between the two, neither is there; the next look writes both."""

    async def killed(*_: object) -> set[str]:
        raise asyncio.CancelledError

    sale = await coming_sale(settings, SOON)
    async with without_worker(settings) as house:
        await crowd(house, sale, 2)
        with monkeypatch.context() as broken:
            broken.setattr(reminders, "_known", killed)
            with pytest.raises(asyncio.CancelledError):
                await Reminders(house.database).write_due()
        assert await letters(house, sale) == []
        assert await Reminders(house.database).write_due() == 1
        assert len(await letters(house, sale)) == 1


@pytest.mark.parametrize("why", ["too early", "unpublished", "over", "closed", "by hand"])
async def test_of_a_sale_that_does_not_open_nobody_is_told(settings: Settings, why: str):
    sale = await coming_sale(settings, LATER if why == "too early" else SOON)
    async with without_worker(settings) as house:
        await crowd(house, sale, 2)
        room = update(tables.rooms).where(tables.rooms.c.event_id == sale.event_id)
        if why == "unpublished":
            await move(house, sale, published=False)
        if why == "over":
            await move(house, sale, starts_at=now() - SOON)
        if why == "closed":
            await house.database.execute(room.values(mode="closed"))
        if why == "by hand":
            await house.database.execute(room.values(manual=True))
        assert await Reminders(house.database).write_due() == 0
        assert await letters(house, sale) == []


async def test_a_sale_opened_by_hand_is_told_at_once(settings: Settings):
    sale = await coming_sale(settings, LATER)
    async with without_worker(settings) as house:
        await crowd(house, sale, 2)
        this = tables.rooms.c.event_id == sale.event_id
        await house.database.execute(update(tables.rooms).where(this).values(mode="open", manual=True))
        assert await Reminders(house.database).write_due() == 1


@pytest.mark.parametrize(("by", "more"), [(timedelta(minutes=5), 0), (timedelta(days=1), 1)])
async def test_a_sale_that_is_moved_well_back_is_told_of_again(settings: Settings, by: timedelta, more: int):
    sale = await coming_sale(settings, SOON)
    async with without_worker(settings) as house:
        await crowd(house, sale, 2)
        assert await Reminders(house.database).write_due() == 1
        later: datetime = now() + SOON + by
        await move(house, sale, sale_starts_at=later)
        assert await Reminders(house.database).write_due() == 0
        await reminders.write_letters(house.database, Opening(sale.event_id, later), 10)
        assert len(await letters(house, sale)) == 1 + more


async def test_the_letter_comes_and_one_click_stops_the_next(settings: Settings, smtp: Mailbox):
    sale = await coming_sale(settings, SOON)
    async with in_process(settings) as house, house.visitor() as fan, house.visitor() as nobody:
        user_id = await proven(house, fan)
        assert (await fan.post(f"/api/events/{sale.event_id}/reminder")).status_code == 201
        (letter,) = await smtp.wait_for(1)
        assert (letter["To"], "opens soon" in text_of(letter)) == (fan.email, True)
        url = str(letter["List-Unsubscribe"]).strip("<>")
        path = "/" + url.split("/", 3)[3]
        asks = await nobody.get(path)
        assert (asks.status_code, "Do not tell me" in asks.text) == (200, True)
        assert await reminders.asked(house.database, sale.event_id, user_id)
        for _ in range(2):
            stopped = await nobody.post(path, data={"List-Unsubscribe": "One-Click"})
            assert (stopped.status_code, "You will not be told" in stopped.text) == (200, True)
        assert await reminders.asked(house.database, sale.event_id, user_id) is None
        forged = Links(["x" * 32]).write_stop(sale.event_id, user_id)
        assert (await nobody.post(f"/unsubscribe?token={forged}")).status_code == 410


async def test_what_was_taken_back_is_not_sent(settings: Settings):
    sale = await coming_sale(settings, SOON)
    async with without_worker(settings) as house, house.visitor() as fan:
        user_id = await proven(house, fan)
        await reminders.ask(house.database, sale.event_id, user_id)
        assert await reminders.wanted(house.database, sale.event_id, user_id, fan.email)
        assert await reminders.wanted(house.database, sale.event_id, user_id, "old@example.com") is None
        await reminders.take_back(house.database, sale.event_id, user_id)
        assert await reminders.wanted(house.database, sale.event_id, user_id, fan.email) is None
