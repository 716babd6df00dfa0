"""Whose events, as a part of a WHERE: who asks is in each query, so there is no check to forget after it."""

from sqlalchemy import Column, ColumnElement, select, true

from ticketflow.domain import Role, User
from ticketflow.store.tables import events


def seen_to_by(actor: User) -> ColumnElement[bool]:
    """That the event in the row is one the actor sees to: an organiser's own, for an admin any."""
    if actor.role is Role.ADMIN:
        return true()
    return events.c.organiser_id == actor.id


def of_event_seen_to_by(actor: User, event_id: Column[int], wanted: int) -> ColumnElement[bool]:
    """That the row is of that event, and the actor sees to it."""
    theirs = select(events.c.id).where((events.c.id == wanted) & seen_to_by(actor))
    return event_id.in_(theirs)


def of_events_seen_to_by(actor: User, event_id: Column[int]) -> ColumnElement[bool]:
    """That the row is of an event the actor sees to; for an admin also that it is of none."""
    if actor.role is Role.ADMIN:
        return true()
    return event_id.in_(select(events.c.id).where(seen_to_by(actor)))
