"""A join over HTTP, served by `ticketflow serve`, against a bare route with one Redis call."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from redis.asyncio import Redis

from tests import house, servers
from ticketflow.loops import running
from ticketflow.store.tables import metadata
from waiting_room import WaitingRoom

from .bare import bare_server
from .common import Measure, taking_turns
from .load import Load, post

ROUNDS = 31
CONNECTIONS = 16
EACH = 20
"""Requests of each connection in a round."""


async def measures(folder: Path) -> list[Measure]:
    """Joins by new fans and by known ones, in requests to the bare route. All servers are its own."""
    file = folder / "ticketflow.db"
    servers.create_tables(f"sqlite:///{file}", metadata)
    with servers.valkey(folder) as redis_url:
        settings = house.settings_for(
            database_url=f"sqlite+aiosqlite:///{file}",
            redis_url=redis_url,
            smtp_url="",
            prefix="bench",
            # Out of reach, but counted.
            joins_per_address=1_000_000,
        )
        # Nobody is let in, so that a join is what it is on the day it matters: a place in a line.
        sale = await house.make_sale(settings, rate_per_minute=0)
        async with (
            house.by_commands(settings, folder) as (web,),
            bare_server(folder, redis_url) as bare_url,
            ticking(redis_url, f"event:{sale.event_id}"),
        ):
            return await compare(f"{web.url}/api/events/{sale.event_id}/queue", bare_url)


@asynccontextmanager
async def ticking(redis_url: str, name: str) -> AsyncIterator[None]:
    """The room's heartbeat, which the web would otherwise take for a cut line and read everything anew."""

    async def tick() -> None:
        while True:
            await room.tick()
            await asyncio.sleep(0.5)

    async with Redis.from_url(redis_url, decode_responses=True) as redis:
        room = WaitingRoom(redis, name, secrets=[house.SECRET], prefix="bench")
        async with running([tick()]):
            yield


async def compare(join_url: str, bare_url: str) -> list[Measure]:
    """The three sides in turn, over connections that stay open."""
    bare, new, known = (Load(url, CONNECTIONS) for url in (bare_url, join_url, join_url))
    await new.rate([post(join_url)] * CONNECTIONS)
    tickets = [json.loads(answer.body)["ticket"] for answer in new.answers]
    again = [post(join_url, f"Queue-Ticket: {ticket}") for ticket in tickets]
    turns = await taking_turns(
        ROUNDS,
        partial(bare.rate, [post(bare_url)] * CONNECTIONS * EACH),
        partial(new.rate, [post(join_url)] * CONNECTIONS * EACH),
        partial(known.rate, again * EACH),
    )
    assert {answer.status for answer in new.answers} == {201}
    assert {answer.status for answer in known.answers} == {200}
    for load in (bare, new, known):
        load.close()
    return [
        Measure(
            f"join over HTTP, {who} fans, in bare requests",
            turns.ratio(side, 0),
            least=0.6,
            note=f"{turns.of(side):,.0f} a second against {turns.of(0):,.0f}",
        )
        for side, who in enumerate(("new", "known"), start=1)
    ]
