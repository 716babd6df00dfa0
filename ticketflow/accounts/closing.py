"""Closing an account: refused while there is something ahead; then nobody can tell whose it was.

A booking under way must not become a ticket of a closed account. The row of the account decides: closing
locks it and then looks for bookings; a ledger's commit refers to it, and so waits for that lock, and writes
tickets of open accounts only (`store.sales`). So one of both sees the other, whoever comes first.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta

from databases import Database
from redis.asyncio import Redis

from ticketflow.booking.desk import Desk
from ticketflow.domain import Event, Refusal, Role, User, iso, now
from ticketflow.stock import Stock
from ticketflow.stock.belongings import belongings
from ticketflow.store import closing, outbox, roles, session_ends

OVER = timedelta(hours=12)
"""So long after it has started an event counts as over: nobody shows tickets at its door any more."""


class Closing:
    """Closes accounts, with what they hold at the sales that are on."""

    def __init__(
        self,
        *,
        redis: "Redis",
        database: Database,
        stock: Stock,
        desk: Desk,
        events: Callable[[], Iterable[Event]],
    ) -> None:
        self._redis = redis
        self._database = database
        self._stock = stock
        self._desk = desk
        self._events = events

    async def close(self, user: User) -> None:
        """Close the account and give back what it holds. Raises `Refusal` tickets_ahead, has_events,
        last_admin."""
        ahead = {event.id: event for event in self._events() if now() < event.starts_at + OVER}
        if orders := (await belongings(self._redis, self._stock, list(ahead), user.id)).paying:
            raise _tickets_ahead([_named(ahead[event_id]) for event_id in orders])
        async with self._database.transaction():
            if user.role is Role.ADMIN and await roles.lock_admins(self._database) == [user.id]:
                raise roles.last_admin()
            email = await closing.lock(self._database, user.id)
            if email is None:
                raise Refusal("not_signed_in", "This account is closed already.")
            if await closing.has_events(self._database, user.id):
                raise Refusal(
                    "has_events",
                    "Events are in this account's name, and who has booked them must find their organiser. "
                    "Nothing was changed.",
                )
            if booked := await closing.booked_events(self._database, user.id, list(ahead)):
                raise _tickets_ahead([_named(ahead[e], booking_id) for booking_id, e in booked.items()])
            if user.verified:
                await outbox.write(self._database, outbox.CLOSED_LETTER, email, user_id=user.id)
            await closing.anonymise(self._database, user.id)
            await session_ends.note_all(self._database, user.id)
        await self._give_back(user, ahead)

    async def _give_back(self, user: User, ahead: dict[int, Event]) -> None:
        """What it holds is free again at once. If this is cut short, the holds end by themselves."""
        for event_id, hold_id in (await belongings(self._redis, self._stock, list(ahead), user.id)).holds:
            with suppress(Refusal):  # over by itself, or on its way to a ledger that will refuse it
                await self._desk.release(ahead[event_id], user, hold_id)


def _tickets_ahead(what: list[dict[str, str]]) -> Refusal:
    return Refusal(
        "tickets_ahead",
        "You have tickets for something that is still to come, or are paying for some. Cancel them, or close "
        "the account afterwards. Nothing was changed.",
        bookings=what,
    )


def _named(event: Event, booking_id: str | None = None) -> dict[str, str]:
    booking = {"booking_id": booking_id} if booking_id else {}
    return {**booking, "event": event.name, "starts_at": iso(event.starts_at)}
