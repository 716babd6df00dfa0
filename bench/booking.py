"""One-step bookings, from the fan to the committed rows, against other ways to book and a bare server.

Web and ledger are processes of their own, as are the baselines, the bare server and the stores; MariaDB
commits durably. Each booking is that of a fan of its own, who is signed in and has a turn: both are made
before, and so are the sockets, outside what is timed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from databases import Database
from quart import Quart
from quart_auth import QuartAuth
from redis.asyncio import Redis
from sqlalchemy import func, insert, select

from tests import house, servers
from tests.house import House, Sale
from ticketflow.domain import Role, now
from ticketflow.settings import Settings
from ticketflow.store.events import NewTicketType
from ticketflow.store.tables import metadata, users
from waiting_room.keys import RoomKeys
from waiting_room.places import Signer

from .bare import bare_server
from .common import Measure, Turns, seconds, taking_turns
from .load import Answer, Load, SocketLine, ask, connect, handshake, message, post
from .serving import child

ROUNDS = 5
AT_ONCE = 128
"""Requests on their way at the same time, at each side."""
A_ROUND = 1024
"""Enough that the first and the last of a round, which have the house to themselves, weigh little."""
PAID_ROUNDS = 3
PAID_SECONDS = 0.5
PAID_AT_ONCE = 512
FANS = (ROUNDS + 2) * A_ROUND * 2 + PAID_ROUNDS * PAID_AT_ONCE * 2
"""All who are needed, and some for warming up."""
TURN_SECONDS = 3_600
ROWS_A_STATEMENT = 2_000
MARKER = b'{"type": "reply"'

Side = Callable[[], Awaitable[float]]


@dataclass(frozen=True)
class Fan:
    """Somebody who is signed in and has a turn, as the header lines that say so."""

    session: str
    turn: str


async def measures(folder: Path) -> list[Measure]:
    """All comparisons. All servers are its own."""
    async with stage(folder) as (real, bare_url, other_url):
        return await compare(real, bare_url, other_url)


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[tuple[Booking, str, str]]:
    """The real house, the bare server's address and that of the other ways to book, all in `folder`."""
    home = folder / "mariadb"
    home.mkdir()
    with (
        servers.valkey(folder) as redis_url,
        servers.mariadb(home, durable=True) as mariadb,
        mariadb.fresh(metadata) as database_url,
    ):
        settings = house.settings_for(
            database_url=database_url,
            redis_url=redis_url,
            smtp_url="smtp://localhost",
            prefix="bench",
            slow_payment_seconds=PAID_SECONDS,
            # A payment that takes half a second must not wait for another one.
            ledger_concurrency=PAID_AT_ONCE,
            tick_seconds=0.5,
        )
        sale = await house.make_sale(settings, types=[NewTicketType("Standing", 2500, FANS)])
        async with (
            house.by_commands(settings, folder) as (web,),
            ledger(settings, folder),
            bare_server(folder, redis_url) as bare_url,
            child("bench.baselines", database_url, redis_url, folder=folder) as other_url,
        ):
            await house.doors_open(web, sale)
            yield Booking(web, sale, iter(await fans_for(settings, sale))), bare_url, other_url


@asynccontextmanager
async def ledger(settings: Settings, folder: Path) -> AsyncIterator[None]:
    """A worker in a process of its own that books, and leaves the letters to another one."""
    command = [sys.executable, "-m", "bench.ledger_process"]
    with servers.process(command, folder / "ledger.log", env=house.environment(settings)):
        yield


async def fans_for(settings: Settings, sale: Sale) -> list[Fan]:
    """Accounts, sessions and turns, written where the house keeps them."""
    async with Database(settings.database_url) as database:
        first = await database.fetch_val(select(func.max(users.c.id))) + 1
        numbers = range(first, first + FANS)
        for begin in numbers[::ROWS_A_STATEMENT]:
            rows = [account(number) for number in range(begin, min(begin + ROWS_A_STATEMENT, numbers.stop))]
            await database.execute(insert(users).values(rows))
    room, ends = f"event:{sale.event_id}", now().timestamp() + TURN_SECONDS
    async with Redis.from_url(settings.redis_url) as redis:
        leases = {f"fan{number}": int(ends * 1e6) for number in numbers}
        await redis.zadd(RoomKeys.of(settings.redis_prefix, room).active, leases)
    signer, sessions = Signer(settings.secret_keys, room), Quart(__name__)
    sessions.secret_key = settings.secret_keys[0]
    auth = QuartAuth(sessions)
    return [
        Fan(
            f"Cookie: session={auth.dump_token(str(number), sessions)}",
            f"Queue-Pass: {signer.grant(f'fan{number}', ends).token}",
        )
        for number in numbers
    ]


def account(number: int) -> dict[str, Any]:
    """The row of a user."""
    known = {"password_hash": "none", "role": Role.FAN.value, "created_at": now()}
    return {"id": number, "name": "A fan", "email": f"{number}@example.com", **known}


class Booking:
    """The sides that book for real. Each takes new fans for each round."""

    def __init__(self, web: House, sale: Sale, fans: Iterator[Fan]) -> None:
        self._web = web
        self._event = sale.event_id
        self._fans = fans

    async def over_http(self, count: int, at_once: int, method: str = "card-ok") -> float:
        """Bookings a second, each confirmed."""
        url = f"{self._web.url}/api/bookings"
        body = {"event_id": self._event, "quantity": 1, "payment": {"method": method}}
        asked = json.dumps(body).encode()
        kind = "Content-Type: application/json"
        requests = [post(url, fan.session, fan.turn, kind, body=asked) for fan in islice(self._fans, count)]
        load = Load(url, at_once)
        rate = await load.rate(requests)
        load.close()
        assert {(answer.status, b'"status": "confirmed"' in answer.body) for answer in load.answers} == {
            (201, True)
        }, load.answers[0]
        return rate

    async def over_sockets(self, count: int, at_once: int) -> float:
        """The same, each over the fan's own socket, which is open already."""
        url = f"{self._web.url}/ws/desk/{self._event}"
        fans = list(islice(self._fans, count))
        lines = await open_sockets(url, [(fan.session, fan.turn) for fan in fans], MARKER)
        asked = json.dumps({"id": 1, "do": "book", "quantity": 1, "payment": {"method": "card-ok"}})
        rate = await socket_rate(lines, message(asked.encode()), count, at_once)
        for line in lines:
            line.close()
        return rate


async def open_sockets(url: str, headers: Sequence[Sequence[str]], marker: bytes) -> list[SocketLine]:
    """Sockets that are open, one for each list of header lines."""
    lines = [await connect(url, lambda: SocketLine(marker)) for _ in headers]
    for line, own in zip(lines, headers, strict=True):
        (answer,) = await ask([line], [handshake(url, *own)], 1)
        assert answer.status == 101, answer
    return lines


async def socket_rate(lines: Sequence[SocketLine], request: bytes, count: int, at_once: int) -> float:
    """Replies a second."""
    answers: list[Answer] = []

    async def work() -> None:
        answers.extend(await ask(lines, [request] * count, at_once))

    took = await seconds(work)
    bad = [a for a in answers if b'"status": 201' not in a.body and not a.body.startswith(b'{"count"')]
    assert not bad, bad[0]
    return count / took


async def compare(real: Booking, bare_url: str, other_url: str) -> list[Measure]:
    """All sides in turn."""
    sockets = await open_sockets(f"{bare_url}/ws", [()] * AT_ONCE, b"{")
    asked = (b'{"quantity": 1}', "Content-Type: application/json")
    bare, prototype, for_update = Load(bare_url, AT_ONCE), Load(other_url, AT_ONCE), Load(other_url, AT_ONCE)

    def other(load: Load, way: str, count: int, pay: float = 0) -> Side:
        request = post(f"{other_url}/{way}?pay={pay}", asked[1], body=asked[0])
        return partial(load.rate, [request] * count)

    turns = await taking_turns(
        ROUNDS,
        partial(real.over_http, A_ROUND, AT_ONCE),
        partial(real.over_sockets, A_ROUND, AT_ONCE),
        partial(bare.rate, [post(bare_url)] * A_ROUND),
        partial(socket_rate, sockets, message(b"book"), A_ROUND, AT_ONCE),
        other(prototype, "prototype", A_ROUND // 4),
        other(for_update, "for-update", A_ROUND // 4),
    )
    paid = await taking_turns(
        PAID_ROUNDS,
        partial(real.over_http, PAID_AT_ONCE * 2, PAID_AT_ONCE, "card-slow"),
        other(prototype, "prototype", 4, PAID_SECONDS),
    )
    return told(turns, paid)


def told(turns: Turns, paid: Turns) -> list[Measure]:
    """The table's rows."""
    http, sockets, bare, bare_sockets, prototype, for_update = range(6)

    def ratio(name: str, side: int, other: int, least: float, of: Turns = turns) -> Measure:
        note = f"{of.of(side):,.0f} a second against {of.of(other):,.3g}"
        return Measure(name, of.ratio(side, other), least=least, note=note)

    return [
        ratio("booking over HTTP, in the prototype's", http, prototype, 5),
        ratio("booking over HTTP, in SELECT FOR UPDATEs", http, for_update, 2),
        ratio("booking over the socket, in SELECT FOR UPDATEs", sockets, for_update, 5),
        ratio("paid in 0.5 s, over HTTP, in the prototype's", 0, 1, 150, paid),
        ratio("booking over HTTP, in bare requests", http, bare, 0.7),
        ratio("booking over the socket, in those over HTTP", sockets, http, 2.5),
        ratio("booking over the socket, in bare messages", sockets, bare_sockets, 0.4),
    ]
