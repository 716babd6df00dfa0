"""The file of attendees takes the same memory however many there are. `make attendees` asks for 200,000."""

import asyncio
import os
import time
import tracemalloc
from typing import Any

import pytest
from sqlalchemy import String, cast, insert, literal, select

from tests.api.support import cookies_of, open_sale
from tests.house import House, Sale
from ticketflow.domain import now
from ticketflow.store import attendees
from ticketflow.store.events import NewTicketType
from ticketflow.store.tables import bookings, events, tickets, units

pytestmark = pytest.mark.asyncio(loop_scope="package")

MANY = int(os.environ.get("TICKETFLOW_TEST_ATTENDEES", "2400"))
FEW = MANY // 4
TIMES = 3
MORE_MEMORY = 1.9
"""Of four times as many attendees. One page is all that is ever held."""


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many pages as a long list has, for a short one."""
    monkeypatch.setattr(attendees, "PAGE", max(60, min(attendees.PAGE, FEW // 10)))


async def sold_out(house: House, count: int) -> Sale:
    """A sale whose tickets all belong to one booking: the rows are what is asked for here."""
    sale = await open_sale(house, types=[NewTicketType("Standing", 2500, count)], per_user_limit=count)
    database, booking = house.database, f"{sale.event_id:032x}"
    booker = await database.fetch_val(select(events.c.organiser_id).where(events.c.id == sale.event_id))
    known: dict[str, Any] = {
        "event_id": sale.event_id,
        "user_id": booker,
        "ticket_type_id": sale.type_ids[0],
    }
    booked = {
        **known, "id": booking, "code": f"B{sale.event_id}", "quantity": count, "amount": 0, "fee": 0,
        "currency": "EUR", "status": "confirmed", "request_hash": "", "created_at": now(),
        "decided_at": now(),
    }  # fmt: skip
    await database.execute(insert(bookings).values(**booked))
    made = {
        "code": literal(f"T{sale.event_id}x") + cast(units.c.unit, String(20)),
        "booking_id": literal(booking),
        "slot": units.c.unit,
        "unit": units.c.unit,
        **{name: literal(value) for name, value in known.items()},
    }
    rows = select(*made.values()).where(units.c.ticket_type_id == sale.type_ids[0])
    await database.execute(insert(tickets).from_select(list(made), rows))
    return sale


async def download(house: House, sale: Sale) -> tuple[int, int, int]:
    """Take the file part by part, as a socket does: lines, parts, and the peak of memory in bytes."""
    assert house.app is not None
    lines = parts = 0
    async with house.visitor() as organiser:
        await organiser.sign_in(sale.organiser_email)
        cookie = cookies_of(organiser).encode()
    scope = {
        "type": "http", "http_version": "1.1", "asgi": {"version": "3.0"}, "method": "GET", "scheme": "http",
        "path": f"/api/organiser/events/{sale.event_id}/attendees.csv", "raw_path": b"", "query_string": b"",
        "root_path": "", "headers": [(b"host", b"localhost"), (b"cookie", cookie)],
        "client": ("127.0.0.1", 1), "server": ("localhost", 80), "extensions": {},
    }  # fmt: skip
    asked = False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if asked:
            await asyncio.Event().wait()
        asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        nonlocal lines, parts
        assert message.get("status", 200) == 200
        lines += message.get("body", b"").count(b"\r\n")
        parts += bool(message.get("body"))

    tracemalloc.start()
    try:
        await house.app(scope, receive, send)  # type: ignore[arg-type]
        return lines - 1, parts, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


async def test_memory_does_not_grow_with_the_list(house: House, monkeypatch: pytest.MonkeyPatch):
    few, many = await sold_out(house, FEW), await sold_out(house, MANY)
    await download(house, few)
    peaks = []
    for sale, count in ((few, FEW), (many, MANY)):
        began = time.monotonic()
        # The house's own loops take memory now and then: the least of a few peaks is the download's.
        found = [await download(house, sale) for _ in range(TIMES)]
        took = (time.monotonic() - began) / TIMES
        peaks.append(min(peak for _, _, peak in found))
        parts = found[0][1]
        print(f"{count:,} attendees in {parts:,} parts: {peaks[-1] / 1e6:.2f} MB at most, {took:.1f} s")
        assert {lines for lines, _, _ in found} == {count}
    assert peaks[1] < MORE_MEMORY * peaks[0]
    # The control: all in one page is what a list of that length takes.
    monkeypatch.setattr(attendees, "PAGE", 10 * MANY)
    at_once = [(await download(house, sale))[2] for sale in (few, many)]
    assert at_once[1] > 2 * at_once[0]
