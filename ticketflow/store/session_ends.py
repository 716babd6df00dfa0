"""The ends of sessions, kept until no cookie or token of them could be shown any more.

Each process has them all in its memory and reads what is new (`live.session_ends`). They are here because
Redis may be lost: what was signed out must not come back with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from databases import Database
from sqlalchemy import delete, insert, select

from ticketflow.domain import SESSION_DAYS, now
from ticketflow.store.tables import session_ends, users

KEPT = timedelta(days=SESSION_DAYS + 1)
"""A cookie ends by itself before that, also where clocks differ a little."""


@dataclass(frozen=True, slots=True)
class End:
    """One session or token is over by its name; or, with `epoch`, all of the account that began before it."""

    user_id: int
    session: str | None
    epoch: int | None
    ended_at: datetime


async def note(database: Database, user_id: int, session: str) -> None:
    """Keep that a session, or a token, is over."""
    await _add(database, End(user_id, session, None, now()))


async def note_all(database: Database, user_id: int) -> None:
    """Keep that all of an account are over that began under another number than its present one.

    To be called in the transaction that has given it the number.
    """
    epoch = await database.fetch_val(select(users.c.session_epoch).where(users.c.id == user_id))
    await _add(database, End(user_id, None, epoch, now()))


async def _add(database: Database, end: End) -> None:
    row = {
        "user_id": end.user_id,
        "session": end.session,
        "epoch": end.epoch,
        "ended_at": end.ended_at,
    }
    await database.execute(insert(session_ends).values(row))


async def since(database: Database, at: datetime) -> Sequence[End]:
    """What has ended from that time on."""
    rows = await database.fetch_all(select(session_ends).where(session_ends.c.ended_at >= at))
    return [End(row["user_id"], row["session"], row["epoch"], row["ended_at"]) for row in rows]


async def prune(database: Database) -> None:
    """Forget those whose cookies have ended by themselves."""
    await database.execute(delete(session_ends).where(session_ends.c.ended_at < now() - KEPT))
