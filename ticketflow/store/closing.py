"""An account is closed: what the books need stays, what tells who it was goes. One transaction."""

from collections.abc import Sequence

from databases import Database
from sqlalchemy import ColumnElement, delete, or_, select, update

from ticketflow.domain import BookingStatus, now
from ticketflow.store.mail_links import leave_resets
from ticketflow.store.outbox import CLOSED_LETTER, MailState
from ticketflow.store.tables import api_tokens, bookings, events, mail_links, outbox, reminders, users

NAME = "Closed account"
NO_PASSWORD = "-"  # noqa: S105 - no password has such a hash


async def lock(database: Database, user_id: int) -> str | None:
    """The account's address if it is open. Inside a transaction, nobody closes it or books for it until that
    ends: whoever writes a booking waits for the row it refers to."""
    row = await database.fetch_one(
        select(users.c.email).where((users.c.id == user_id) & users.c.closed_at.is_(None)).with_for_update()
    )
    return str(row["email"]) if row else None


async def has_events(database: Database, user_id: int) -> bool:
    own = select(events.c.id).where(events.c.organiser_id == user_id).limit(1)
    return await database.fetch_val(own) is not None


async def booked_events(database: Database, user_id: int, event_ids: Sequence[int]) -> dict[str, int]:
    """Booking id -> event, for the confirmed bookings that the account has at these events."""
    theirs = (bookings.c.user_id == user_id) & (bookings.c.status == BookingStatus.CONFIRMED.value)
    rows = await database.fetch_all(
        select(bookings.c.id, bookings.c.event_id).where(theirs & bookings.c.event_id.in_(event_ids))
    )
    return {row["id"]: row["event_id"] for row in rows}


async def anonymise(database: Database, user_id: int) -> None:
    """Close the account `lock` has found, and forget whose it was. The last letter keeps its address until it
    has arrived or is given up.

    Several accounts may claim one address: what only the address ties to an account goes with the one that
    has proven it, and stays for its owner otherwise."""
    links = await _links_of(database, user_id)
    nobody = f"closed-{user_id}@invalid"
    await database.execute(
        update(users)
        .where(users.c.id == user_id)
        .values(
            name=NAME,
            email=nobody,
            verified_email=None,
            password_hash=NO_PASSWORD,
            theme="system",
            session_epoch=users.c.session_epoch + 1,
            closed_at=now(),
        )
    )
    await database.execute(delete(api_tokens).where(api_tokens.c.user_id == user_id))
    await database.execute(delete(reminders).where(reminders.c.user_id == user_id))
    mine = select(bookings.c.id).where(bookings.c.user_id == user_id)
    link_ids = [row["id"] for row in await database.fetch_all(select(mail_links.c.id).where(links))]
    letters = or_(
        outbox.c.user_id == user_id, outbox.c.booking_id.in_(mine), outbox.c.link_id.in_(link_ids)
    ) & (outbox.c.kind != CLOSED_LETTER)
    waiting = outbox.c.state.in_([MailState.PENDING.value, MailState.SENDING.value])
    await database.execute(
        update(outbox).where(letters & waiting).values(state=MailState.WITHDRAWN.value, lease=None)
    )
    await database.execute(update(outbox).where(letters).values(recipient="", link_id=None, last_error=None))
    await database.execute(delete(mail_links).where(mail_links.c.id.in_(link_ids)))


async def _links_of(database: Database, user_id: int) -> ColumnElement[bool]:
    """The account's by its id, and by its address those of nobody else, if it has proven that."""
    mine = mail_links.c.user_id == user_id
    proven = await database.fetch_val(select(users.c.verified_email).where(users.c.id == user_id))
    if proven is None:
        await leave_resets(database, user_id)
        return mine
    return or_(mine, (mail_links.c.email == proven) & mail_links.c.user_id.is_(None))
