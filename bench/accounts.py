"""Whether the time of an answer tells who has an account: sign-in, register and forgotten, over real HTTP."""

from __future__ import annotations

import random
import secrets
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from databases import Database

from tests import house, servers
from ticketflow.passwords import Passwords
from ticketflow.store import users
from ticketflow.store.tables import metadata

from .common import Measure, seconds

EACH = 300
"""Answers about known addresses, and as many about unknown ones, in turns whose order is drawn."""
WARM_UP = 20
MOST_RATIO = 1.1
MOST_GUESSED = 0.6
"""Who sees the times of one known and one unknown address, and always takes the longer for the known, or
always the shorter, is right so often at most; half of the time is chance."""

WAYS = {
    "sign in": ("/api/login", {"password": "none of theirs"}),
    "register": ("/api/register", {"name": "Ann", "password": "a password of one's own"}),
    "forgotten": ("/api/password/forgotten", {}),
}


async def measures(folder: Path) -> list[Measure]:
    """Each way, on a server of its own, with hashes as strong as they are for real."""
    file = folder / "ticketflow.db"
    servers.create_tables(f"sqlite:///{file}", metadata)
    with servers.valkey(folder) as redis_url:
        settings = house.settings_for(
            database_url=f"sqlite+aiosqlite:///{file}",
            redis_url=redis_url,
            smtp_url="",
            prefix="bench",
            sign_in_failures=1_000_000,
            letters_per_network=1_000_000,
        )
        async with house.by_commands(settings, folder) as (web,), web.visitor() as stranger:
            found = []
            for way in WAYS:
                found += compared(way, *await times(stranger, way, await known(web.database)))
            return found


async def known(database: Database) -> list[str]:
    """Addresses of as many accounts, half of which have proven theirs."""
    password_hash = await Passwords().hash(house.PASSWORD)
    found = [f"{secrets.token_hex(8)}@example.com" for _ in range(EACH + WARM_UP)]
    for number, email in enumerate(found):
        await users.create(
            database, name="Ann", email=email, password_hash=password_hash, verified=number % 2 == 0
        )
    return found


async def times(stranger: house.Visitor, way: str, addresses: list[str]) -> tuple[list[float], list[float]]:
    """How long answers took about known and about unknown addresses, in seconds."""
    path, body = WAYS[way]
    told: tuple[list[float], list[float]] = ([], [])
    for turn, address in enumerate(addresses):
        sides = [(0, address), (1, f"{secrets.token_hex(8)}@example.com")]
        random.shuffle(sides)
        for side, email in sides:
            # A new browser each time: neither device nor session has a part in it.
            stranger.cookies.clear()
            ask = {**body, "email": email}
            took = await seconds(lambda ask=ask: stranger.post(path, json=ask))  # type: ignore[misc]
            if turn >= WARM_UP:
                told[side].append(took)
    return told


def compared(way: str, theirs: Sequence[float], nobodys: Sequence[float]) -> list[Measure]:
    """What tells the two apart, if anything does."""
    ratio = median(theirs) / median(nobodys)
    guessed = longer(theirs, nobodys)
    medians = (
        f"{median(theirs) * 1000:.1f} ms known, {median(nobodys) * 1000:.1f} ms unknown, {len(theirs)} each"
    )
    return [
        Measure(
            f"{way}: medians, the longer in the shorter", max(ratio, 1 / ratio), MOST_RATIO, note=medians
        ),
        Measure(
            f"{way}: one pair guessed right",
            max(guessed, 1 - guessed),
            MOST_GUESSED,
            note="half of them is chance",
        ),
    ]


def longer(theirs: Sequence[float], nobodys: Sequence[float]) -> float:
    """The share of all pairs in which the known address took longer."""
    pairs = [(a > b) + (a == b) / 2 for a in theirs for b in nobodys]
    return sum(pairs) / len(pairs)
