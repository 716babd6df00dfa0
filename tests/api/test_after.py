"""What is left after a sale: sums that equal a recount, attendees page by page, a log that proves itself."""

import csv
import io
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import func, select, update

from tests.api.support import is_problem, open_sale, services
from tests.house import CODES, House, Sale, Visitor, eventually
from ticketflow.admission_log import Checker, read_rows
from ticketflow.store import attendees, reports
from ticketflow.store.events import NewTicketType, Seat
from ticketflow.store.tables import audit, bookings, payments, tickets, users
from ticketflow.ticket_codes import read_published

pytestmark = pytest.mark.asyncio(loop_scope="package")

STANDING = NewTicketType("Standing", 2500, 20)
BALCONY = NewTicketType("Balcony", 9900, 6, [Seat("Balcony", "A", number) for number in range(1, 7)])
HOSTILE = '=HYPERLINK("http://x.example","a"),\n"b"'


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def sold(house: House) -> AsyncIterator[tuple[Sale, Visitor]]:
    """A sale in which five booked, one was declined and one has cancelled; and its organiser."""
    sale = await open_sale(house, types=[STANDING, BALCONY], fee_basis_points=1_000)
    for number in range(6):
        async with house.visitor() as fan:
            await fan.register()
            await fan.come_in(sale)
            held = (await fan.hold(sale, type_id=sale.type_ids[number % 2])).json()
            booked = await fan.book(held["id"], method="card-declined" if number == 5 else "card-ok")
            assert booked.status_code == (402 if number == 5 else 201), booked.text
            if number == 0:
                name = {"name": HOSTILE}
                await house.database.execute(update(users).where(users.c.email == fan.email).values(**name))
            if number == 4:
                last = booked.json()["id"]
    async with house.visitor() as organiser:
        await organiser.sign_in(sale.organiser_email)
        path = f"/api/organiser/events/{sale.event_id}/bookings/{last}/cancel"
        assert (await organiser.post(path)).status_code == 200
        code = await house.database.fetch_val(
            select(tickets.c.code).where(tickets.c.event_id == sale.event_id).order_by(tickets.c.id).limit(1)
        )
        shown = {"code": CODES.sign(sale.event_id, code), "door": "North"}
        assert (await organiser.post("/api/organiser/check", json=shown)).json()["verdict"] == "valid"
        yield sale, organiser


def path(sale: Sale, what: str) -> str:
    return f"/api/organiser/events/{sale.event_id}/{what}"


async def report_of(sale: Sale, organiser: Visitor) -> dict[str, Any]:
    answer = await organiser.get(path(sale, "report"))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_sums_equal_the_recount(house: House, sold: tuple[Sale, Visitor]):
    sale, organiser = sold
    report = await report_of(sale, organiser)
    rows = await house.database.fetch_all(select(bookings).where(bookings.c.event_id == sale.event_id))
    stands = [row for row in rows if row["status"] == "confirmed"]
    assert report["sold"] == sum(row["quantity"] for row in stands) == 4
    assert report["revenue"] == sum(row["amount"] for row in stands)
    assert report["fees"] == sum(row["fee"] for row in stands) > 0
    assert report["buyers"] == len({row["user_id"] for row in stands})
    count = select(func.count()).select_from(tickets).where(tickets.c.event_id == sale.event_id)
    assert report["sold"] == await house.database.fetch_val(count)
    for name in ("sold", "revenue", "fees", "refunded", "refunds_due"):
        assert report[name] == sum(kind[name] for kind in report["types"]), name
    assert report["sold"] == sum(hour["tickets"] for hour in report["hours"])
    assert report["revenue"] == sum(hour["revenue"] for hour in report["hours"])
    assert {part["status"]: part["bookings"] for part in report["statuses"]} == {
        status: sum(row["status"] == status for row in rows)
        for status in ("confirmed", "refused", "cancelled")
    }
    assert report["refusals"] == [{"reason": "payment_declined", "bookings": 1}]
    assert report["payment_failures"] == 1
    back = (payments.c.booking_id == bookings.c.id) & payments.c.status.in_(("refund_due", "refunded"))
    paid_back = await house.database.fetch_val(
        select(func.sum(payments.c.amount))
        .join_from(payments, bookings, back)
        .where(bookings.c.event_id == sale.event_id)
    )
    assert report["refunded"] + report["refunds_due"] == int(paid_back) > 0


async def test_how_the_line_went(house: House, sold: tuple[Sale, Visitor]):
    sale, organiser = sold

    async def told() -> dict[str, Any] | None:
        services(house).line_reports._made.clear()
        line = (await report_of(sale, organiser))["line"]
        return line if line and line["people"] == 6 else None

    line: Any = await eventually(told)
    assert (line["calls"], line["at_once"], line["no_shows"], line["gaps"]) == (6, 6, 0, 0)
    assert line["order"] == line["first_turns"] == {"calls": 6, "tau": 1.0, "pairs_turned": 0}
    assert line["conversion"] == round(4 / 6, 4)
    assert line["waits"]["count"] == 6
    assert line["waits"]["longest"] < 60


async def test_attendees_by_the_page_each_once(house: House, sold: tuple[Sale, Visitor]):
    sale, organiser = sold
    seen: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": 3}
    while True:
        page = (await organiser.get(path(sale, "attendees"), params=query)).json()
        seen += page["attendees"]
        if page["next"] is None:
            break
        query["after"] = page["next"]
    known = select(tickets.c.id).where(tickets.c.event_id == sale.event_id).order_by(tickets.c.id)
    assert [row["id"] for row in seen] == [row["id"] for row in await house.database.fetch_all(known)]
    assert [bool(row["used_at"]) for row in seen] == [True, False, False, False]
    assert (seen[0]["door"], seen[0]["name"], seen[0]["seat"]) == ("North", HOSTILE, None)
    assert seen[1]["seat"].startswith("Balcony")
    is_problem(await organiser.get(path(sale, "attendees"), params={"limit": 0}), 422, "invalid_request")


async def test_the_file_of_attendees_opens_in_a_spreadsheet_and_runs_nothing(sold: tuple[Sale, Visitor]):
    sale, organiser = sold
    answer = await organiser.get(path(sale, "attendees.csv"))
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert f'filename="attendees-{sale.slug}.csv"' in answer.headers["Content-Disposition"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.content.startswith(b"\xef\xbb\xbfticket,type,seat,name,")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    page = (await organiser.get(path(sale, "attendees"))).json()["attendees"]
    assert [row["ticket"] for row in rows] == [row["code"] for row in page]
    assert rows[0]["name"] == f"'{HOSTILE}"
    assert [row["used_at"] for row in rows] == [row["used_at"] or "" for row in page]
    assert not any(cell[:1] in "=+-@\t\r" for row in rows for cell in row.values() if cell)


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x", "\tx", "\rx"])
async def test_no_cell_begins_like_a_formula(cell: str):
    from ticketflow.web.after import _cell

    assert _cell(cell) == f"'{cell}"
    assert _cell(f"a{cell}") == f"a{cell}"


async def test_the_admission_log_proves_itself(house: House, sold: tuple[Sale, Visitor]):
    sale, organiser = sold
    keys = read_published((await organiser.get("/.well-known/ticket-keys.json")).json())

    async def whole() -> bytes | None:
        file = (await organiser.get(path(sale, "admissions"))).content
        return file if file.count(b"at_once") == 6 else None

    file: Any = await eventually(whole)
    lines = file.splitlines(keepends=True)
    checked = Checker(keys).check(read_rows(lines))
    assert (checked.fault, checked.event, checked.rows) == (None, sale.event_id, 7)
    tampered = [*lines[:3], lines[3].replace(b"at_once", b"called"), *lines[4:]]
    fault = Checker(keys).check(read_rows(tampered)).fault
    assert fault is not None
    assert fault.row == 4


async def test_who_takes_names_away_is_written_down(house: House, sold: tuple[Sale, Visitor]):
    sale, organiser = sold
    for what, action in (("attendees.csv", "attendees.export"), ("admissions", "admissions.export")):
        these = (audit.c.event_id == sale.event_id) & (audit.c.action == action)
        count = select(func.count()).select_from(audit).where(these)
        before = await house.database.fetch_val(count)
        await organiser.get(path(sale, what))
        assert await house.database.fetch_val(count) == before + 1


async def test_whose_they_are_is_asked_by_the_query_itself(house: House, sold: tuple[Sale, Visitor]):
    """Also without the look into memory before it."""
    sale, _ = sold
    other = await open_sale(house)
    found = services(house)
    owner = await found.users.find(found.catalogue.event(sale.event_id).organiser_id)
    stranger = await found.users.find(found.catalogue.event(other.event_id).organiser_id)
    assert owner is not None
    assert stranger is not None
    for who, count in ((owner, 4), (stranger, 0)):
        assert len(await attendees.page(house.database, who, sale.event_id, None, 10)) == count
        assert (await reports.sales_of(house.database, who, sale.event_id)).buyers == count
