"""Capacity changed on sale: never below what is in use, whoever buys meanwhile and whatever dies."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator

import pytest
from sqlalchemy import func, select

from tests.booking.auditing import Books, kept_books
from tests.booking.sellout import audit_is_clean
from tests.booking.support import rows, sell_behind, services
from tests.house import House, Sale, Visitor, eventually, in_process, make_sale
from ticketflow import faults
from ticketflow.booking.rebuilder import Rebuilder
from ticketflow.domain import Event
from ticketflow.faults import Act, Fault, Point
from ticketflow.settings import Settings
from ticketflow.stock import Resizing
from ticketflow.store import tables
from ticketflow.store.events import NewTicketType
from ticketflow.store.numbering import Run

BUYERS, CAPACITY = 50, 60
WANTED = [50, 55, 40, 48, 30, 35, 20, 28, 24, 10, 26, 22, 5]


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    faults.arm(None)


async def test_fifty_buyers_and_who_makes_it_smaller(settings: Settings):
    sale = await make_sale(settings, types=[NewTicketType("Standing", 2500, CAPACITY)], per_user_limit=2)
    async with in_process(settings) as house:
        refused = await buyers_and_shrinker(house, sale)
        capacity = await agrees(house, sale)
        assert refused["below_sold"]
        assert await rows(house, tables.tickets) <= capacity < CAPACITY
        await audit_is_clean(house)


async def test_control_who_looks_first_and_takes_then_takes_what_is_in_use(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    """The number of free units is read, and units go afterwards: somebody has them by then."""

    async def look_then_take(
        self: Resizing, event: Event, leases: str, kind: object, capacity: int
    ) -> list[Run]:
        found = event.ticket_types[0]
        await asyncio.sleep(0)
        field, keys = f":{found.id}", leases.rpartition("}")[0] + "}"
        redis = self._scripts["shrink"].registered_client
        stock = f"{keys}:stock"
        free = int(await redis.hget(stock, f"free{field}") or 0)
        first, last = capacity, found.size - 1
        await redis.hset(stock, mapping={f"capacity{field}": capacity, f"size{field}": capacity})
        await redis.hset(stock, f"free{field}", free - (found.capacity - capacity))
        return [(first, last)]

    monkeypatch.setattr(Resizing, "shrink", look_then_take)
    monkeypatch.setattr(Rebuilder, "rebuild", nothing)
    sale = await make_sale(settings, types=[NewTicketType("Standing", 2500, 20)])
    async with in_process(settings) as house, house.visitor() as fan, house.visitor() as organiser:
        await fan.register()
        await fan.come_in(sale)
        await organiser.sign_in(sale.organiser_email)
        held = (await fan.hold(sale, 4)).json()["units"]
        answer = await cut(organiser, sale, 2)
        assert (answer.status_code, len(held)) == (200, 4)
        with pytest.raises(TimeoutError):
            await agrees(house, sale, seconds=1)


async def nothing(*_: object) -> None:
    """In place of what puts it right."""


async def buyers_and_shrinker(house: House, sale: Sale) -> Counter[str]:
    """Everybody buys up to two while capacity goes up and down; gives what the organiser was refused."""
    refused: Counter[str] = Counter()

    async def buyer(number: int) -> None:
        async with house.visitor() as fan:
            await fan.register()
            await fan.come_in(sale)
            held = await fan.hold(sale, 1 + number % 2)
            if held.status_code == 201 and number % 5:
                answer = await fan.book(held.json()["id"], prefer="wait=30")
                assert answer.status_code == 201, answer.text
            elif held.status_code == 201:
                await fan.delete(f"/api/holds/{held.json()['id']}")
            else:
                assert held.json()["code"] == "sold_out", held.text

    async def shrinker() -> None:
        async with house.visitor() as organiser:
            await organiser.sign_in(sale.organiser_email)
            for capacity in WANTED:
                answer = await cut(organiser, sale, capacity)
                if answer.status_code == 200:
                    assert await rows(house, tables.tickets) <= capacity
                else:
                    assert answer.json()["in_use"] > capacity, answer.text
                    refused[answer.json()["code"]] += 1

    await asyncio.gather(*(buyer(number) for number in range(BUYERS)), shrinker())
    return refused


async def cut(organiser: Visitor, sale: Sale, capacity: int):
    path = f"/api/organiser/events/{sale.event_id}/ticket-types/{sale.type_ids[0]}"
    return await organiser.patch(path, json={"capacity": capacity})


async def agrees(house: House, sale: Sale, seconds: float = 10) -> int:
    """free + held + sold is the capacity, in bits, counts and rows alike, once it is quiet; gives it."""
    await services(house).catalogue.load()
    event = services(house).catalogue.find(sale.event_id)
    assert event is not None
    kind, stock = event.ticket_types[0], services(house).stock
    units = select(func.count()).select_from(tables.units).where(tables.units.c.ticket_type_id == kind.id)
    assert await house.database.fetch_val(units) == kind.capacity

    async def so() -> bool:
        free = int.from_bytes(await stock.free_units(event.id, kind.id)).bit_count()
        holds = await services(house).redis.hvals(stock.keys(event.id).holds)
        held = sum(len(json.loads(hold)["units"]) for hold in holds)
        sold, counts = await rows(house, tables.tickets), await stock.counts(event)
        assert counts is not None
        told = (counts.remaining[kind.id], counts.sold[kind.id])
        return free + held + sold == kind.capacity and told == (free, sold)

    await eventually(so, seconds=seconds)
    return kind.capacity


@pytest.fixture
async def books(settings: Settings):
    """20 tickets: two sold, three held."""
    async with kept_books(settings) as books:
        yield books


async def changed(books: Books, capacity: int) -> tuple[int, dict[str, object]]:
    async with books.house.visitor() as organiser:
        await organiser.sign_in(books.sale.organiser_email)
        answer = await cut(organiser, books.sale, capacity)
        return answer.status_code, answer.json()


async def test_one_sale_through_all_that_can_happen_to_it(books: Books, monkeypatch: pytest.MonkeyPatch):
    """Down to what is in use and no further; an answer lost; dead between the stores; a unit sold behind."""
    assert (await changed(books, 4))[1]["in_use"] == 5
    await agree(books, 20)
    assert (await changed(books, 5))[0] == 200
    async with books.house.visitor() as anybody:
        (kind,) = (await anybody.get(f"/api/events/{books.sale.event_id}")).json()["ticket_types"]
        assert (kind["capacity"], kind["remaining"], kind["held"]) == (5, 0, 3)
    await agree(books, 5)
    assert (await changed(books, 20))[0] == 200
    await agree(books, 20)
    faults.arm(Fault(Point.UNITS_TAKEN_OUT, Act.LOSE))
    assert (await changed(books, 8))[0] == 503
    await agree(books, 20)  # put right at once
    await dead_between(books, monkeypatch, Point.UNITS_TAKEN_OUT, 8, after=20)
    await dead_between(books, monkeypatch, Point.UNITS_MADE, 25, after=25)
    await sold_behind(books)


async def agree(books: Books, capacity: int) -> None:
    """Redis and the database have so many, five of them in use, and the auditor finds nothing."""
    assert await books.found() == set()
    assert books.event.ticket_types[0].capacity == capacity
    counts = await services(books.house).stock.counts(books.event)
    assert counts is not None
    assert counts.remaining[books.kind] == capacity - 5


async def dead_between(
    books: Books, monkeypatch: pytest.MonkeyPatch, point: Point, capacity: int, *, after: int
) -> None:
    """Nobody is left to put it right but the auditor. Until then units are missing, and none is too many."""
    faults.arm(Fault(point, Act.LOSE))
    with monkeypatch.context() as patch:
        patch.setattr(Rebuilder, "rebuild", nothing)
        assert (await changed(books, capacity))[0] == 503
    await services(books.house).hub.refresh()
    assert "settings" in await books.found()
    await books.mend()
    await agree(books, after)


async def sold_behind(books: Books) -> None:
    """Redis believed it free: the row has a ticket, the stock is made anew, and it is tried again."""
    await sell_behind(books.house, books.sale, [19])
    assert (await changed(books, 6))[0] == 200
    kind = books.event.ticket_types[0]
    assert (kind.capacity, kind.size) == (6, 20)
    assert (await changed(books, 5))[1]["in_use"] == 6
    assert await books.found() == set()
