"""The delivery desk's numbers: how many letters stand where, how fast they go, how long the oldest waits."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from databases import Database
from sqlalchemy import ColumnElement, Select, String, cast, func, literal, null, select, union_all

from ticketflow.domain import iso, now
from ticketflow.store.mail_desk import Scope
from ticketflow.store.mail_reasons import Reason, reason_column
from ticketflow.store.outbox import PUT_BACK, MailState
from ticketflow.store.tables import outbox

MINUTES = 60
"""How far back the throughput goes, the minute at hand being the last of them."""
WAITING = (MailState.PENDING.value, MailState.SENDING.value)


async def summary(database: Database, scope: Scope, at: datetime | None = None) -> dict[str, Any]:
    """All numbers of a scope at one moment: one statement counts, so none contradicts another.

    A letter waits since it was written; one that was put back from the desk, since then. (After a try of that
    has failed as well, nothing tells the two apart, and it counts from when it was written.)
    """
    at = at or now()
    first_minute = at.replace(second=0, microsecond=0) - timedelta(minutes=MINUTES - 1)
    rows = await database.fetch_all(_counts(scope.where, at, first_minute))
    found: dict[str, dict[str, Any]] = {"state": {}, "reason": {}, "minute": {}, "last": {}}
    for row in rows:
        found[row["what"]][row["state"] or row["reason"] or row["minute"] or ""] = row
    oldest = await _oldest(database, scope.where, found["state"], at)
    return {
        "at": iso(at),
        "event_id": scope.event_id,
        "states": {state.value: _number(found["state"], state.value) for state in MailState},
        "waiting": sum(_number(found["state"], state) for state in WAITING),
        "oldest_waiting_since": oldest and iso(oldest),
        "oldest_waiting_seconds": oldest and max(0, round((at - oldest).total_seconds())),
        "sent_last_minute": _number(found["last"], ""),
        "minutes": _minutes(found["minute"], first_minute),
        "reasons": {
            reason.value: number for reason in Reason if (number := _number(found["reason"], reason.value))
        },
    }


async def letters_of(
    database: Database, event_id: int, at: datetime
) -> tuple[dict[str, int], datetime | None]:
    """State -> number of letters about an event, and since when the one waits that has waited longest."""
    theirs = outbox.c.event_id == event_id
    rows = await database.fetch_all(
        select(outbox.c.state, func.count().label("letters"), func.min(outbox.c.id).label("first"))
        .where(theirs)
        .group_by(outbox.c.state)
    )
    states = {row["state"]: row for row in rows}
    oldest = await _oldest(database, theirs, states, at)
    return {state.value: _number(states, state.value) for state in MailState}, oldest


def _counts(those: ColumnElement[bool], at: datetime, first_minute: datetime) -> Any:
    failed = outbox.c.state == MailState.FAILED.value
    sent_at = outbox.c.sent_at
    # Both engines write a time as "2026-09-01 18:30:00.000000" when it is to be text.
    minute = func.substr(cast(sent_at, String(26)), 1, 16)
    parts: Sequence[tuple[str, dict[str, Any], ColumnElement[bool]]] = (
        ("state", {"state": outbox.c.state}, those),
        ("reason", {"reason": reason_column()}, those & failed),
        ("minute", {"minute": minute}, those & (sent_at >= first_minute)),
        ("last", {}, those & (sent_at > at - timedelta(minutes=1))),
    )
    return union_all(*(_part(*part) for part in parts))


def _part(what: str, by: dict[str, Any], where: ColumnElement[bool]) -> Select[Any]:
    """How many letters, by what; MariaDB puts no texts into one column that it compares in two ways."""
    return (
        select(
            literal(what).label("what"),
            *(by.get(name, null()).label(name) for name in ("state", "reason", "minute")),
            func.count().label("letters"),
            func.min(outbox.c.id).label("first"),
        )
        .where(where)
        .group_by(*by.values())
    )


async def _oldest(
    database: Database, where: ColumnElement[bool], states: Mapping[str, Any], at: datetime
) -> datetime | None:
    waiting = [state for state in WAITING if state in states]
    if not waiting:
        return None
    oldest = at  # of what was put back and is in a postman's hands just now
    for state in waiting:
        # What was written first has waited longest: the walk begins there, and passes over what was put back.
        those = (outbox.c.state == state) & (outbox.c.id >= states[state]["first"])
        first = select(outbox.c.created_at).where(where & those & ~PUT_BACK).order_by(outbox.c.id)
        oldest = min(oldest, await database.fetch_val(first.limit(1)) or at)
    # By the index of what is due: little is due longer than the oldest letter of the others.
    put_back = (outbox.c.state == MailState.PENDING.value) & (outbox.c.due_at < oldest) & PUT_BACK
    again = await database.fetch_val(select(func.min(outbox.c.due_at)).where(where & put_back))
    return again or oldest


def _number(rows: Mapping[str, Any], which: str) -> int:
    return int(rows[which]["letters"]) if which in rows else 0


def _minutes(rows: Mapping[str, Any], first: datetime) -> list[dict[str, Any]]:
    moments = [first + timedelta(minutes=number) for number in range(MINUTES)]
    return [{"at": iso(moment), "sent": _number(rows, f"{moment:%Y-%m-%d %H:%M}")} for moment in moments]
