"""A lobby and who wants to be told: who asks before it opens is told of it, who asks in it of the sale."""

from datetime import timedelta
from email.message import EmailMessage

import pytest
from sqlalchemy import insert, select, update

from tests.booking.test_reminders import LATER, SOON, coming_sale, letters, move, proven, without_worker
from tests.house import House, Sale, in_process, make_sale
from tests.letters import MESSAGES, opened, text_of
from tests.servers import Mailbox
from ticketflow.accounts.links import Links
from ticketflow.domain import now
from ticketflow.mail.account_letters import AccountLetters
from ticketflow.mail.reminders import Reminders
from ticketflow.settings import Settings
from ticketflow.store import reminders, tables
from ticketflow.store.outbox import Letter
from ticketflow.words import clock

AGO = timedelta(hours=1)


async def asks(house: House, sale: Sale, *, before_lobby: bool = False) -> int:
    """Somebody with a proven address who asks now, or asked long ago."""
    async with house.visitor() as fan:
        user_id = await proven(house, fan)
    await reminders.ask(house.database, sale.event_id, user_id)
    if before_lobby:
        this = tables.reminders.c.user_id == user_id
        await house.database.execute(update(tables.reminders).where(this).values(asked_at=now() - 2 * AGO))
    return user_id


async def written(house: House, sale: Sale) -> list[int]:
    """Look twice, as workers do; whom letters are for."""
    for _ in range(2):
        await Reminders(house.database).write_due()
    return [letter["user_id"] for letter in await letters(house, sale)]


async def message(settings: Settings, house: House, sale: Sale) -> EmailMessage | None:
    """What the postman makes of the newest letter."""
    row = (await letters(house, sale))[-1]
    known = {name: row[name] for name in ("id", "kind", "booking_id", "recipient", "message_id", "attempts")}
    letter = Letter(**known, user_id=row["user_id"], event_id=row["event_id"])
    links = Links(settings.secret_keys)
    written = await AccountLetters(house.database, MESSAGES, links).write(letter)
    return None if written is None else opened(written)


async def test_who_asks_in_the_lobby_is_told_of_the_sale_once(settings: Settings):
    sale = await coming_sale(settings, LATER)
    async with without_worker(settings) as house:
        await move(house, sale, lobby_opens_at=now() - AGO)
        early, late = await asks(house, sale, before_lobby=True), await asks(house, sale)
        assert await written(house, sale) == [early]
        starts = now() + SOON
        await move(house, sale, sale_starts_at=starts)
        assert await written(house, sale) == [early, late]
        told = await message(settings, house, sale)
        assert told is not None
        assert f"The sale starts at {clock(starts)}" in text_of(told)
        assert "doors are open" not in text_of(told)
        await move(house, sale, sale_starts_at=now() + timedelta(days=1))
        assert await written(house, sale) == [early, late]
        await move(house, sale, sale_starts_at=starts + timedelta(hours=2), lobby_opens_at=now() + LATER)
        assert await written(house, sale) == [early, late]


async def test_a_sale_that_starts_soon_is_told_of_at_once(settings: Settings, smtp: Mailbox):
    sale = await coming_sale(settings, SOON)
    async with in_process(settings) as house:
        await move(house, sale, lobby_opens_at=now() - AGO)
        await asks(house, sale)
        (letter,) = await smtp.wait_for(1)
    assert "The sale starts soon" in text_of(letter)


async def test_in_the_lobby_a_sale_moved_well_back_is_told_of_again(settings: Settings):
    sale = await coming_sale(settings, SOON)
    async with without_worker(settings) as house:
        await move(house, sale, lobby_opens_at=now() - AGO)
        fan = await asks(house, sale)
        assert await written(house, sale) == [fan]
        this = tables.reminders.c.user_id == fan
        moved = update(tables.reminders).where(this).values(told_for=now() - 2 * AGO)
        await house.database.execute(moved)
        await move(house, sale, sale_starts_at=now() + SOON / 2)
        assert await written(house, sale) == [fan, fan]


async def test_one_who_was_told_of_the_lobby_and_asks_again_in_it_hears_of_no_move(settings: Settings):
    sale = await coming_sale(settings, SOON)
    async with without_worker(settings) as house:
        await move(house, sale, lobby_opens_at=now() - AGO)
        fan = await asks(house, sale, before_lobby=True)
        assert await written(house, sale) == [fan]
        await house.database.execute(update(tables.outbox).values(state="sent"))
        await reminders.take_back(house.database, sale.event_id, fan)
        await reminders.ask(house.database, sale.event_id, fan)
        assert await written(house, sale) == [fan, fan]
        told = await message(settings, house, sale)
        assert told is not None
        assert "was moved" not in text_of(told)


@pytest.mark.parametrize(
    ("mode", "manual", "count"), [("open", True, 2), ("lobby", True, 1), ("closed", True, 0)]
)
async def test_by_hand_the_sale_counts_when_it_is_opened(
    settings: Settings, mode: str, manual: bool, count: int
):
    sale = await coming_sale(settings, SOON)
    async with without_worker(settings) as house:
        await move(house, sale, lobby_opens_at=now() - AGO)
        both = [await asks(house, sale, before_lobby=True), await asks(house, sale)]
        this = tables.rooms.c.event_id == sale.event_id
        await house.database.execute(update(tables.rooms).where(this).values(mode=mode, manual=manual))
        assert await written(house, sale) == both[:count]


@pytest.mark.parametrize("why", ["sold out", "closed", ""])
async def test_no_letter_calls_to_a_sale_that_is_sold_out_or_closed(settings: Settings, why: str):
    sale = await make_sale(settings)
    async with without_worker(settings) as house:
        await asks(house, sale)
        await written(house, sale)
        assert await message(settings, house, sale)
        if why == "sold out":
            async with house.visitor() as booker:
                await sell_all(house, sale, await proven(house, booker))
        if why == "closed":
            this = tables.rooms.c.event_id == sale.event_id
            await house.database.execute(update(tables.rooms).where(this).values(mode="closed"))
        assert (await message(settings, house, sale) is None) is bool(why)


async def sell_all(house: House, sale: Sale, user_id: int) -> None:
    """Every unit of the sale has its ticket."""
    kinds = select(tables.ticket_types).where(tables.ticket_types.c.event_id == sale.event_id)
    (kind,) = await house.database.fetch_all(kinds)
    common = {"event_id": sale.event_id, "user_id": user_id, "ticket_type_id": kind["id"]}
    booking = {
        **common,
        "id": "b" * 32,
        "code": "b" * 27,
        "quantity": kind["capacity"],
        "amount": 0,
        "fee": 0,
    }
    booking |= {"currency": "EUR", "status": "confirmed", "request_hash": "b" * 32}
    booking |= {"created_at": now(), "decided_at": now()}
    await house.database.execute(insert(tables.bookings).values(booking))
    rows = [
        {**common, "code": f"T{unit:026}", "booking_id": booking["id"], "slot": unit, "unit": unit}
        for unit in range(kind["capacity"])
    ]
    units = select(tables.units.c.unit).where(tables.units.c.ticket_type_id == kind["id"])
    first = min(row["unit"] for row in await house.database.fetch_all(units))
    await house.database.execute(
        insert(tables.tickets).values([{**r, "unit": r["unit"] + first} for r in rows])
    )
