"""What everybody asks for, in the process's memory: events, their stock, their rooms' last frames.

Filled from the database and Redis, kept fresh by what is published; a hot page costs no query.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from databases import Database

from ticketflow.domain import (
    Booking,
    Event,
    Refusal,
    Role,
    SaleState,
    TicketType,
    User,
    iso,
    now,
    sale_state,
    to_micros,
)
from ticketflow.live.outlook import Outlook, outlook
from ticketflow.live.pace import Pace
from ticketflow.stock import Counts
from ticketflow.store import events as event_store
from ticketflow.store.events import Seat
from waiting_room import Frame, RankMap


class Catalogue:
    """The events of this house as this process knows them. `clock` gives monotonic seconds."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._loading = asyncio.Lock()
        self._events: dict[int, Event] = {}
        self._ids: dict[str, int] = {}
        self._counts: dict[int, Counts] = {}
        self._paces: defaultdict[int, Pace] = defaultdict(Pace)
        self._frames: dict[int, Frame] = {}
        self._ranks: dict[int, RankMap] = {}
        self._seats: dict[int, Sequence[Seat]] = {}

    async def load(self) -> None:
        """Read all events anew. One reading at a time: an older answer must not come after a newer one."""
        async with self._loading:
            found = await event_store.every(self._database)
            self._events = {event.id: event for event in found}
            self._ids = {event.slug: event.id for event in found}
            # The id of a type that was taken away may come back as another's.
            known = {t.id for event in found for t in event.ticket_types}
            self._seats = {type_id: seats for type_id, seats in self._seats.items() if type_id in known}

    def all(self) -> list[Event]:
        """Every event, published or not, the next to start first."""
        return list(self._events.values())

    def published(self) -> list[Event]:
        return [event for event in self._events.values() if event.published]

    def seen_to_by(self, user: User) -> list[Event]:
        """The organiser's own events, an admin's all, published or not."""
        return [event for event in self._events.values() if _sees_to(user, event)]

    def event(self, event_id: int) -> Event:
        """The published event of that id. Raises `Refusal` not_found."""
        event = self._events.get(event_id)
        if event is None or not event.published:
            raise Refusal("not_found", "There is no such event.")
        return event

    def event_of_slug(self, slug: str) -> Event:
        """The published event of that name. Raises `Refusal` not_found."""
        return self.event(self._ids.get(slug, 0))

    def own_event(self, event_id: int, user: User) -> Event:
        """The organiser's own event, an admin's any, published or not. Raises `Refusal` not_found for others.

        Here whose it is is checked in memory. In the database it is in each WHERE, also behind this.
        """
        event = self._events.get(event_id)
        if event is None or not _sees_to(user, event):
            raise Refusal("not_found", "There is no such event of yours.")
        return event

    def event_of(self, booking: Booking) -> Event:
        """The event of a booking, published or not. Raises `Refusal` not_found if it is gone."""
        event = self._events.get(booking.event_id)
        if event is None:
            raise Refusal("not_found", "The event of this booking is not there any more.")
        return event

    def find(self, event_id: int) -> Event | None:
        """The event of that id, published or not."""
        return self._events.get(event_id)

    async def seats(self, ticket_type: TicketType) -> Sequence[Seat]:
        """The seat of each unit of a type, by unit number; empty for general admission. Seats never move,
        so they are read once."""
        if not ticket_type.seated:
            return ()
        if ticket_type.id not in self._seats:
            self._seats[ticket_type.id] = await event_store.seats(self._database, ticket_type.id)
        return self._seats[ticket_type.id]

    def take_counts(self, event_id: int, counts: Counts) -> bool:
        """Keep counts if they are newer than those here. Gives whether they were."""
        if not counts.newer_than(self._counts.get(event_id)):
            return False
        self._counts[event_id] = counts
        at = self._clock()
        for type_id, sold in counts.sold.items():
            self._paces[type_id].note(at, counts.epoch, sold)
        return True

    def take_frame(self, event_id: int, frame: Frame) -> None:
        """Keep a room's frame. Ranks come once a second: the last ones stay until then."""
        last = self._frames.get(event_id)
        if last and (frame.epoch, frame.version) < (last.epoch, last.version):
            return
        self._frames[event_id] = frame
        if frame.recovering:
            # Drawn of half a line, it would show places too far in front, which then could not rise again.
            self._ranks.pop(event_id, None)
        elif frame.ranks is not None:
            self._ranks[event_id] = frame.ranks

    def counts(self, event_id: int) -> Counts | None:
        return self._counts.get(event_id)

    def frame(self, event_id: int) -> Frame | None:
        return self._frames.get(event_id)

    def ranks(self, event_id: int) -> RankMap | None:
        return self._ranks.get(event_id)

    def sale_state(self, event: Event) -> SaleState:
        """Where the sale stands, by the room's mode and what is unsold."""
        if event.called_off is not None:
            return SaleState.CLOSED
        frame, counts = self._frames.get(event.id), self._counts.get(event.id)
        at = to_micros(now())
        if frame is None:
            return SaleState.SCHEDULED if at < to_micros(event.sale_starts_at) else SaleState.PAUSED
        capacity = sum(t.capacity for t in event.ticket_types)
        unsold = capacity - sum(counts.sold.values()) if counts else capacity
        opens = frame.lobby_opens_at
        return sale_state(frame.mode.value, lobby_opens_at=opens, at=at, unsold=unsold)

    def gone_in(self, event: Event) -> dict[int, int]:
        """Ticket type -> in about how many minutes it is gone at the pace of the last minutes, where that can
        be said. Nothing is said of a sale that stands still."""
        counts = self._counts.get(event.id)
        if counts is None or self.sale_state(event) is not SaleState.ON_SALE:
            return {}
        at = self._clock()
        left = {
            type_id: self._paces[type_id].minutes_left(at, remaining)
            for type_id, remaining in counts.remaining.items()
        }
        return {type_id: minutes for type_id, minutes in left.items() if minutes is not None}

    def sale_view(self, event: Event) -> dict[str, Any]:
        """What a page shows of a sale beside the counts: its state, how its doors open, when it is gone."""
        return {
            "sale_state": self.sale_state(event).value,
            "called_off": event.called_off is not None,
            **self._doors(event),
            "gone_in_minutes": {str(type_id): minutes for type_id, minutes in self.gone_in(event).items()},
        }

    def left_at_turn(self, event: Event, ahead: int | None) -> Outlook | None:
        """How many tickets will be left after those ahead; None where nothing honest can be said."""
        frame, counts = self._frames.get(event.id), self._counts.get(event.id)
        if ahead is None or frame is None or counts is None or frame.recovering:
            return None
        return outlook(
            free=sum(max(0, n) for n in counts.remaining.values()),
            sold=sum(counts.sold.values()),
            limit=event.per_user_limit,
            # A place may be 1% off, and who has missed a turn may come back to the front.
            turns=ahead + ahead // 100 + frame.inside + frame.missed,
            visits=frame.admitted_total - frame.inside,
        )

    def _doors(self, event: Event) -> dict[str, bool]:
        """Whether the doors have ever been open, and whether they open only by hand."""
        frame = self._frames.get(event.id)
        return {
            "opened": frame is not None and frame.opened,
            "opens_by_hand": frame is not None and frame.opens_at == 0,
        }

    def public(self, event: Event) -> dict[str, Any]:
        """The contract's event."""
        counts = self._counts.get(event.id)
        remaining = counts.remaining if counts else {}
        held = _held(event, counts)
        return {
            "id": event.id,
            "slug": event.slug,
            "name": event.name,
            "venue": event.venue,
            "starts_at": iso(event.starts_at),
            "sale_starts_at": iso(event.sale_starts_at),
            "lobby_opens_at": iso(event.lobby_opens_at) if event.lobby_opens_at else None,
            "cancel_until": iso(event.cancel_until) if event.cancel_until else None,
            "sale_ends_at": iso(event.sale_ends_at) if event.sale_ends_at else None,
            "timezone": event.timezone,
            **self.sale_view(event),
            "called_off_because": event.called_off,
            "currency": event.currency,
            "per_user_limit": event.per_user_limit,
            "queue_needs_account": event.queue_needs_account,
            "ticket_types": [
                {
                    "id": t.id,
                    "name": t.name,
                    "price": t.price,
                    "fee": t.fee,
                    "capacity": t.capacity,
                    # Until the first count arrives nothing is known to be left; never a wrong promise.
                    "remaining": max(0, remaining.get(t.id, 0)),
                    "held": held[t.id],
                    "seated": t.seated,
                }
                for t in event.ticket_types
            ],
        }

    def stock_frame(self, event: Event) -> dict[str, Any] | None:
        """The contract's stock frame, or None while the stock is not known."""
        counts = self._counts.get(event.id)
        if counts is None:
            return None
        return {
            "type": "stock",
            "epoch": counts.epoch,
            "version": counts.version,
            **self.sale_view(event),
            "remaining": {str(type_id): max(0, n) for type_id, n in counts.remaining.items()},
            "held": {str(type_id): n for type_id, n in _held(event, counts).items()},
        }


def _sees_to(user: User, event: Event) -> bool:
    return user.role is Role.ADMIN or event.organiser_id == user.id


def _held(event: Event, counts: Counts | None) -> dict[int, int]:
    """What is set aside for somebody who has not paid yet, and may come back, by type."""
    if counts is None:
        return {t.id: 0 for t in event.ticket_types}
    return {
        t.id: max(0, t.capacity - counts.sold.get(t.id, 0) - max(0, counts.remaining.get(t.id, 0)))
        for t in event.ticket_types
    }
