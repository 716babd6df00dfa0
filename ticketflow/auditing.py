"""What `ticketflow audit` and `ticketflow rebuild` do, and how they tell it."""

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import timedelta

from rich.console import Console
from rich.table import Table

from ticketflow.booking.auditor import Report
from ticketflow.booking.findings import WORDS, Difference
from ticketflow.booking.rebuilder import Rebuilt
from ticketflow.clients import open_stores
from ticketflow.domain import Event, now
from ticketflow.settings import Settings
from ticketflow.worker import Background

EXAMPLES = 3
"""Subjects shown for a kind of difference that many have."""


class NoSuchEvent(Exception):
    """The words name no event of this house."""


async def audit(
    settings: Settings, console: Console, wanted: str | None, *, repair: bool, hours: int, as_json: bool
) -> Report:
    """Compare everything, or the event of that slug or id, and print it. Gives what is not mended."""
    async with _house(settings) as background:
        only = _event(background, wanted) if wanted else None
        auditor, since = background.auditor(), now() - timedelta(hours=hours)
        found = await auditor.audit(only, since=since)
        left = found
        if repair and found.differences:
            await auditor.mend(found.differences)
            left = await auditor.audit(only, since=since)
        if as_json:
            print(json.dumps(_body(found, left, repair=repair)))
        else:
            _print(console, found, left, repair=repair)
        return left


async def rebuild(settings: Settings, wanted: str) -> Rebuilt:
    """Rebuild the stock of the event of that slug or id."""
    async with _house(settings) as background:
        return await background.rebuilder.rebuild(_event(background, wanted))


@asynccontextmanager
async def _house(settings: Settings) -> AsyncIterator[Background]:
    async with open_stores(settings) as stores:
        background = Background(settings, stores)
        await background.catalogue.load()
        yield background


def _event(background: Background, wanted: str) -> Event:
    for event in background.catalogue.all():
        if wanted in (event.slug, str(event.id)):
            return event
    raise NoSuchEvent(f"There is no event {wanted!r} here; say its id or the name in its address.")


def _body(found: Report, left: Report, *, repair: bool) -> dict[str, object]:
    return {
        "clean": left.clean,
        "gateway_answered": not left.silent,
        "differences": [asdict(d) for d in (found if not repair else left).differences],
        "repaired": [asdict(d) for d in _mended(found, left)] if repair else [],
    }


def _mended(found: Report, left: Report) -> list[Difference]:
    still = {difference.key for difference in left.differences}
    return [difference for difference in found.differences if difference.key not in still]


def _print(console: Console, found: Report, left: Report, *, repair: bool) -> None:
    if found.differences:
        console.print(_table(found.differences))
    if repair and found.differences:
        mended = len(_mended(found, left))
        console.print(f"{mended} of {len(found.differences)} differences are mended.")
        if left.differences:
            console.print("Still different:", _table(left.differences))
    if left.silent:
        console.print("The payment gateway did not answer: money was not compared.")
    elif left.clean:
        console.print("Redis, the database, the gateway and the outbox agree.")


def _table(differences: Sequence[Difference]) -> Table:
    """One line for all that differ in the same way at the same event."""
    table = Table("Event", "What", "How many", "Where", "Should be", "Is")
    groups: dict[tuple[str, str], list[Difference]] = defaultdict(list)
    for difference in differences:
        groups[str(difference.event_id or ""), difference.kind].append(difference)
    for (event_id, kind), group in groups.items():
        some = group[:EXAMPLES]
        where = [d.subject for d in some] + (["…"] if len(group) > EXAMPLES else [])
        table.add_row(
            event_id,
            WORDS[kind],
            str(len(group)),
            "\n".join(where),
            "\n".join(d.expected for d in some),
            "\n".join(d.found for d in some),
        )
    return table
