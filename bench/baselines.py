"""Two other ways to book, on the same stack: what the real one is held against.

`python -m bench.baselines DATABASE_URL REDIS_URL PORT`

Both write one transaction a booking, and know no session, no limit, no seat, no mail and no key. The lock is
generous to the prototype: who waits for it waits in this process, and not by asking Redis again and again.
"""

from __future__ import annotations

import asyncio
import sys
import uuid

from databases import Database
from quart import Quart, request
from redis.asyncio import BlockingConnectionPool, Redis

from .serving import serve_on

TABLES = (
    "CREATE TABLE bench_stock (id INT PRIMARY KEY, free INT NOT NULL) ENGINE=InnoDB",
    "CREATE TABLE bench_bookings (id CHAR(32) PRIMARY KEY, event_id INT NOT NULL, quantity INT NOT NULL, "
    "created_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)) ENGINE=InnoDB",
    "INSERT INTO bench_stock VALUES (1, 100000000)",
)
INSERT = "INSERT INTO bench_bookings (id, event_id, quantity) VALUES (:id, 1, :quantity)"


async def pay() -> None:
    """The payment, which takes as long as the request says."""
    seconds = float(request.args["pay"])
    if seconds:
        await asyncio.sleep(seconds)


def baselines_app(database: Database, redis: Redis) -> Quart:
    """An application with one route a way."""
    app = Quart(__name__)
    in_line = asyncio.Lock()

    @app.get("/")
    async def alive() -> str:
        return "here"

    @app.post("/prototype")
    async def prototype() -> tuple[dict[str, str], int]:
        """The event's lock around all: check, payment, decrement, insert."""
        quantity = int((await request.get_json())["quantity"])
        async with in_line, redis.lock("bench:lock", timeout=30):
            if int(await redis.get("bench:free") or 0) < quantity:
                return {"code": "sold_out"}, 409
            await pay()
            await redis.decrby("bench:free", quantity)
            booking = uuid.uuid4().hex
            try:
                async with database.transaction():
                    await database.execute(INSERT, {"id": booking, "quantity": quantity})
            except Exception:
                await redis.incrby("bench:free", quantity)
                raise
        return {"id": booking}, 201

    @app.post("/for-update")
    async def for_update() -> tuple[dict[str, str], int]:
        """The stock's row locked until the booking is written. Payment comes before, outside the lock."""
        quantity = int((await request.get_json())["quantity"])
        await pay()
        booking = uuid.uuid4().hex
        async with database.transaction():
            free = await database.fetch_val("SELECT free FROM bench_stock WHERE id = 1 FOR UPDATE")
            if free < quantity:
                return {"code": "sold_out"}, 409
            await database.execute("UPDATE bench_stock SET free = free - :n WHERE id = 1", {"n": quantity})
            await database.execute(INSERT, {"id": booking, "quantity": quantity})
        return {"id": booking}, 201

    return app


async def main(database_url: str, redis_url: str, port: int) -> None:
    pool = BlockingConnectionPool.from_url(redis_url, max_connections=64, decode_responses=True)
    async with Redis(connection_pool=pool) as redis, Database(database_url, max_size=10) as database:
        for statement in TABLES:
            await database.execute(statement)
        await redis.set("bench:free", 100_000_000)
        await serve_on(port, baselines_app(database, redis))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
