"""What `ticketflow verify-log` does: with a file and the published keys alone, or with the database."""

import json
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from ticketflow.admission_log import Checked, Checker, Fault, LogKeys, NoRow, Row, read_rows
from ticketflow.clients import open_stores
from ticketflow.domain import now
from ticketflow.settings import Settings
from ticketflow.store import admissions
from ticketflow.ticket_codes import read_published


class CannotCheck(ValueError):
    """There is nothing that could be checked, or nothing to check it with."""


def offline(log: Path, published: Path | None, secrets: tuple[str, ...], earlier: Path | None) -> Checked:
    """What an exported log is worth, by published keys or by those of the settings. Raises `CannotCheck`."""
    keys = _published(published) if published else LogKeys(secrets).public
    known = None
    if earlier:
        known = _checked(earlier, Checker(keys))
        if known.fault:
            raise CannotCheck(f"{earlier} is no good log itself: {known.fault}")
    return _checked(log, Checker(keys, known))


async def in_database(settings: Settings, event_id: int) -> Checked:
    """The same of the log that the database has of an event. Raises `CannotCheck`."""
    keys = LogKeys(settings.ticket_keys)
    async with open_stores(replace(settings, redis_url=settings.redis_url or "redis://unused")) as stores:
        till = await admissions.length(stores.database, event_id)
        if till == 0:
            raise CannotCheck(f"there is no admission log of event {event_id}")
        checker, last = Checker(keys.public), Row(event_id, 0, "", "", 0, "", "")
        async for page in admissions.pages(stores.database, event_id, till):
            if found := checker.see_all(page):
                return Checked(found)
            last = page[-1] if page else last
    if last.number != till or not last.signature:
        return Checked(Fault(last.number + 1, "is missing: the log ended with it, or with a row after it"))
    # What an export would close with; its signature is ours, made here.
    return checker.check([keys.end(last, now())])


def told(checked: Checked) -> str:
    """A line about it."""
    if checked.fault:
        return f"WRONG: {checked.fault}"
    return (
        f"event {checked.event}: {checked.rows:,} rows, all in their chain and vouched for; closed at "
        f"{checked.closed_at}, the last hash is {checked.head}."
    )


def _checked(file: Path, checker: Checker) -> Checked:
    try:
        with file.open("rb") as lines:
            return checker.check(read_rows(lines))
    except OSError as error:
        raise CannotCheck(f"{file} cannot be read: {error.strerror}") from None
    except NoRow as error:
        raise CannotCheck(f"{file}, {error}") from None


def _published(file: Path) -> dict[bytes, Ed25519PublicKey]:
    try:
        return read_published(json.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise CannotCheck(f"{file} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise CannotCheck(f"{file} is not a set of published keys: {error}") from None
