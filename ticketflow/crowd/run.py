"""Lets a crowd come to a sale, over some seconds, and counts what becomes of it."""

import asyncio
import resource
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from rich.console import Console

from ticketflow.crowd.api import Api
from ticketflow.crowd.character import Character, Pace
from ticketflow.crowd.fan import Fan, Venue
from ticketflow.crowd.progress import shown
from ticketflow.crowd.summary import print_summary
from ticketflow.crowd.tally import Tally

RUSH_SECONDS = 10.0
SLOWEST, QUICKEST = 8.0, 25.0
"""Fans a second. Each one's password costs the server some 15 ms of a core: more would be about passwords."""
SPARE_FILES = 256


@dataclass(frozen=True)
class Plan:
    """Who comes where, and how. `arrivals` is in fans a second, chosen by the crowd's size if None."""

    url: str
    size: int
    event: str | None = None
    hurry: float = 1.0
    arrivals: float | None = None
    characters: Sequence[Character] | None = field(default=None, repr=False)
    """Who they are, if that is not left to chance."""

    @property
    def rate(self) -> float:
        return self.arrivals or min(QUICKEST, max(SLOWEST, self.size / RUSH_SECONDS) * self.hurry)


async def run_crowd(plan: Plan, console: Console, stop: asyncio.Event | None = None) -> Tally:
    """Let the crowd come, show it, and sum up; `stop` ends it early. Raises `NoSale` if there is none."""
    tally = Tally(plan.size)
    _make_room_for_sockets(plan.size)
    async with Api(plan.url) as api:
        await api.wait_until_ready()
        sale = await api.find_sale(plan.event)
        console.print(f"{plan.size} fans come to {sale['name']}.", highlight=False)
        venue = Venue(api, sale, tally, Pace(plan.hurry), Random())
        async with shown(tally, console):
            await _until_stopped(_everybody(plan, venue), stop or asyncio.Event())
    print_summary(tally, console)
    return tally


async def _everybody(plan: Plan, venue: Venue) -> None:
    limit = venue.sale["per_user_limit"]
    dice = venue.dice
    async with asyncio.TaskGroup() as fans:
        for number in range(plan.size):
            known = plan.characters
            character = known[number % len(known)] if known else Character.draw(dice, limit)
            fans.create_task(Fan(venue, character).come())
            # A trickle at first, then the rush.
            share = min(1.0, 0.2 + 4 * number / plan.size)
            await asyncio.sleep(dice.expovariate(plan.rate * share))


async def _until_stopped(coming: Coroutine[Any, Any, None], stop: asyncio.Event) -> None:
    crowd, stopped = asyncio.ensure_future(coming), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({crowd, stopped}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
        crowd.cancel()
        await asyncio.wait({crowd})
    if not crowd.cancelled():
        crowd.result()


def _make_room_for_sockets(size: int) -> None:
    """Each fan has a socket open, and many a system's first limit is 1,024 files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = size + SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
