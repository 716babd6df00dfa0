"""What is left after a sale, over the API: the report, the attendees, the admission log."""

import csv
import io
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

from quart import Blueprint, Response
from quart.typing import ResponseReturnValue
from quart_schema import validate_querystring

from ticketflow.admission_log import LogKeys
from ticketflow.domain import Event, User, iso, now
from ticketflow.store import admissions, attendees, reports
from ticketflow.store.attendees import Attendee
from ticketflow.web.after_view import report_view
from ticketflow.web.organiser_events import PageQuery
from ticketflow.web.services import Services, services
from ticketflow.web.session import require_organiser

blueprint = Blueprint("after", __name__, url_prefix="/api/organiser/events")

NO_STORE = {"Cache-Control": "no-store"}
PATIENCE_SECONDS = 5.0
COLUMNS = ("ticket", "type", "seat", "name", "email", "booking", "booked_at", "used_at", "door")
BOM = "\ufeff"
"""Without it Excel takes UTF-8 for the letters of its own country. Python reads it away as "utf-8-sig"."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@blueprint.get("/<int:event_id>/report")
async def report(event_id: int) -> ResponseReturnValue:
    """What was sold, by type and by hour, what was refused and paid back, and how fair the line was.

    `line` is null while it is being worked out: of a very long log that takes some seconds. Ask again.
    """
    found, user, event = await _asked(event_id)
    sales = await reports.sales_of(found.database, user, event.id)
    line = await found.line_reports.soon(event.id, PATIENCE_SECONDS)
    return report_view(event, sales, line), HTTPStatus.OK, NO_STORE


@blueprint.get("/<int:event_id>/attendees")
@validate_querystring(PageQuery)
async def attendee_page(event_id: int, query_args: PageQuery) -> ResponseReturnValue:
    """Who comes: a row a valid ticket, with its use at a door, in the order in which they were booked."""
    found, user, event = await _asked(event_id)
    if query_args.after is None:
        # Once a reading, not once a page.
        await reports.note_export(found.database, user, event.id, "attendees.read")
    rows = await attendees.page(found.database, user, event.id, query_args.after, query_args.limit + 1)
    shown = rows[: query_args.limit]
    following = shown[-1].id if len(rows) > query_args.limit else None
    return {"attendees": [_view(row) for row in shown], "next": following}, HTTPStatus.OK, NO_STORE


@blueprint.get("/<int:event_id>/attendees.csv")
async def attendee_file(event_id: int) -> ResponseReturnValue:
    """All attendees as a CSV file (RFC 4180, UTF-8 with a byte order mark), sent as it is read.

    A cell that a spreadsheet would take for a formula begins with an apostrophe.
    """
    found, user, event = await _asked(event_id)
    await reports.note_export(found.database, user, event.id, "attendees.export")
    pieces = _csv(attendees.everybody(found.database, user, event.id))
    return _file(pieces, f"attendees-{event.slug}.csv", "text/csv; charset=utf-8")


@blueprint.get("/<int:event_id>/admissions")
async def admission_file(event_id: int) -> ResponseReturnValue:
    """The signed admission log as JSON Lines (docs/admission-log.md): what `ticketflow verify-log` checks."""
    found, user, event = await _asked(event_id)
    await reports.note_export(found.database, user, event.id, "admissions.export")
    till = await admissions.length(found.database, event.id)
    pieces = _log(found, event, till)
    return _file(pieces, f"admissions-{event.slug}.jsonl", "application/jsonl; charset=utf-8")


async def _asked(event_id: int) -> tuple[Services, User, Event]:
    found = services()
    user = await require_organiser()
    return found, user, found.catalogue.own_event(event_id, user)


def _file(pieces: AsyncIterator[bytes], name: str, content_type: str) -> Response:
    headers = {**NO_STORE, "Content-Disposition": f'attachment; filename="{name}"'}
    answer = Response(pieces, content_type=content_type, headers=headers)
    # As long as it takes: who reads slowly holds a page of rows, and no connection to the database.
    answer.timeout = None
    return answer


async def _csv(pages: AsyncIterator[list[Attendee]]) -> AsyncIterator[bytes]:
    yield (BOM + ",".join(COLUMNS) + "\r\n").encode()
    async for page in pages:
        text = io.StringIO()
        csv.writer(text).writerows([_cell(value) for value in _line(row)] for row in page)
        yield text.getvalue().encode()


def _line(row: Attendee) -> tuple[str, ...]:
    used_at = iso(row.used_at) if row.used_at else ""
    who = (row.ticket_type, row.seat, row.name, row.email, row.booking)
    return (row.code, *who, iso(row.booked_at), used_at, row.door)


def _cell(value: str) -> str:
    return f"'{value}" if value.startswith(FORMULA) else value


async def _log(found: Services, event: Event, till: int) -> AsyncIterator[bytes]:
    last = None
    async for page in admissions.pages(found.database, event.id, till):
        last = page[-1]
        yield "".join(row.line() for row in page).encode()
    if last is not None:
        yield LogKeys(found.settings.ticket_keys).end(last, now()).line().encode()


def _view(row: Attendee) -> dict[str, Any]:
    same = ("id", "code", "ticket_type", "name", "email", "booking", "door")
    return {
        **{name: getattr(row, name) for name in same},
        "seat": row.seat or None,
        "booked_at": iso(row.booked_at),
        "used_at": row.used_at and iso(row.used_at),
    }
