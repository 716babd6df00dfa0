"""Events, their ticket types and their units."""

import secrets
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from databases import Database
from sqlalchemy import Select, insert, select, update

from ticketflow.domain import Event, Refusal, TicketType, User, booking_fee, check_times, now
from ticketflow.store import closing, edits, numbering, rooms, ticket_types, violations
from ticketflow.store.tables import called_off, events, units
from ticketflow.store.tables import ticket_types as kinds
from ticketflow.store.ticket_types import NewTicketType, Seat

__all__ = ["NewSale", "NewTicketType", "Seat", "by_id", "create", "edit", "every", "seats"]


@dataclass(frozen=True)
class NewSale:
    """An event to make, with its ticket types and the levers its waiting room starts with."""

    slug: str
    name: str
    venue: str
    starts_at: datetime
    sale_starts_at: datetime
    lobby_opens_at: datetime | None
    currency: str
    per_user_limit: int
    published: bool
    rate_per_minute: int
    max_active: int
    types: Sequence[NewTicketType]
    mode: str = "lobby"
    queue_needs_account: bool = False
    fee_basis_points: int = 0
    cancel_until: datetime | None = None
    sale_ends_at: datetime | None = None
    timezone: str = "UTC"


async def create(database: Database, organiser_id: int, new: NewSale) -> int:
    """Write an event down with its types, units and room, and give its id. Raises `Refusal` slug_taken, and
    not_signed_in if the organiser's account is closed.

    One transaction: no process may ever read an event that has no room. It has the account's row to itself,
    as closing has: the later of the two sees what the other has done, so no event is a closed account's.
    """
    row = {
        "slug": new.slug,
        "name": new.name,
        "venue": new.venue,
        "starts_at": new.starts_at,
        "sale_starts_at": new.sale_starts_at,
        "lobby_opens_at": new.lobby_opens_at,
        "cancel_until": new.cancel_until,
        "sale_ends_at": new.sale_ends_at,
        "timezone": new.timezone,
        "currency": new.currency,
        "per_user_limit": new.per_user_limit,
        "fee_basis_points": new.fee_basis_points,
        "published": new.published,
        "queue_needs_account": new.queue_needs_account,
        "organiser_id": organiser_id,
        "created_at": now(),
    }
    room: dict[str, Any] = {
        "mode": new.mode,
        "rate_per_minute": new.rate_per_minute,
        "max_active": new.max_active,
        "seed": secrets.token_bytes(32),
        "account_key": secrets.token_bytes(32),
    }
    try:
        async with database.transaction():
            if await closing.lock(database, organiser_id) is None:
                raise Refusal("not_signed_in", "This account has been closed. Nothing was made.")
            event_id = int(await database.execute(insert(events).values(row)))
            for position, new_type in enumerate(new.types):
                await ticket_types.create(database, event_id, position, new_type)
            await rooms.create(database, event_id, **room)
    except violations.UNIQUE as error:
        raise Refusal("slug_taken", "There is an event with this name already.") from error
    return event_id


async def edit(
    database: Database,
    event_id: int,
    actor: User,
    changes: Mapping[str, Any],
    before_commit: Callable[[Event], Awaitable[None]],
    revision: int | None = None,
) -> None:
    """Change columns of an event that the actor sees to, with a row in the audit log.

    `before_commit` is called with the event as it will be; what it raises undoes all. Raises `Refusal`
    not_found, stale if others have edited it since `revision`, and invalid_request for times that cannot be.
    """
    async with database.transaction():
        before = await edits.begin(database, event_id, actor, revision)
        edited = before | dict(changes)
        try:
            check_times(**{name: edited[name] for name in _TIMES})
        except ValueError as wrong:
            raise Refusal("invalid_request", f"Something in the request cannot be used: {wrong}.") from None
        await database.execute(update(events).where(events.c.id == event_id).values(**changes))
        old = {name: before[name] for name in changes}
        await edits.note(database, event_id, actor, "event.edit", before=old, after=changes)
        found = await by_id(database, event_id)
        if found:
            await before_commit(found)


_TIMES = ("starts_at", "sale_starts_at", "lobby_opens_at", "cancel_until", "sale_ends_at")


async def every(database: Database) -> list[Event]:
    """All events with their types, the next to start first."""
    rows = await database.fetch_all(_events().order_by(events.c.starts_at, events.c.id))
    return await _with_types(database, rows)


async def by_id(database: Database, event_id: int) -> Event | None:
    found = await _with_types(database, await database.fetch_all(_events().where(events.c.id == event_id)))
    return found[0] if found else None


def _events() -> Select[Any]:
    return select(events, called_off.c.reason.label("called_off")).outerjoin_from(events, called_off)


async def _with_types(database: Database, rows: Sequence[Any]) -> list[Event]:
    of_event = kinds.c.event_id.in_([row["id"] for row in rows])
    fees = {row["id"]: row["fee_basis_points"] for row in rows}
    types: dict[int, list[TicketType]] = defaultdict(list)
    for t in await database.fetch_all(
        select(kinds).where(of_event).order_by(kinds.c.event_id, kinds.c.position)
    ):
        types[t["event_id"]].append(
            TicketType(
                t["id"],
                t["name"],
                t["price"],
                t["capacity"],
                bool(t["seated"]),
                booking_fee(t["price"], fees[t["event_id"]]),
                numbering.read(t["gaps"]),
            )
        )
    return [_event(row, types[row["id"]]) for row in rows]


def _event(row: Any, types: Iterable[TicketType]) -> Event:
    return Event(
        id=row["id"],
        slug=row["slug"],
        name=row["name"],
        venue=row["venue"],
        starts_at=row["starts_at"],
        sale_starts_at=row["sale_starts_at"],
        lobby_opens_at=row["lobby_opens_at"],
        currency=row["currency"],
        per_user_limit=row["per_user_limit"],
        fee_basis_points=row["fee_basis_points"],
        organiser_id=row["organiser_id"],
        published=bool(row["published"]),
        ticket_types=tuple(types),
        queue_needs_account=bool(row["queue_needs_account"]),
        cancel_until=row["cancel_until"],
        called_off=row["called_off"],
        sale_ends_at=row["sale_ends_at"],
        timezone=row["timezone"],
        revision=row["revision"],
    )


async def seats(database: Database, ticket_type_id: int) -> list[Seat]:
    """The seat of each unit of a seated type, by unit number."""
    rows = await database.fetch_all(
        select(units.c.section, units.c.row, units.c.number)
        .where(units.c.ticket_type_id == ticket_type_id)
        .order_by(units.c.unit)
    )
    return [Seat(row["section"], row["row"], row["number"]) for row in rows]
