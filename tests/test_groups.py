"""What many tasks want at about the same time goes over together, and each gets its own."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import BlockingConnectionPool
from redis.exceptions import ResponseError

from ticketflow.grouped_redis import GroupedRedis
from ticketflow.groups import GroupReader

ECHO = (
    "redis.call('INCR', KEYS[1]) if ARGV[1] == 'bad' then return redis.error_reply('NO') end return ARGV[1]"
)


class Counting(GroupedRedis):
    """Counts the groups it sends."""

    groups = 0

    async def _run(self, commands: list[tuple[Any, ...]]) -> list[Any]:
        self.groups += 1
        return await super()._run(commands)


@pytest.fixture
async def grouped(redis_url: str) -> AsyncIterator[Counting]:
    pool = BlockingConnectionPool.from_url(redis_url, decode_responses=True)
    client = Counting(connection_pool=pool)
    yield client
    await client.aclose()
    await pool.disconnect()


async def test_each_gets_what_is_under_its_key_in_few_readings():
    read: list[list[int]] = []

    async def squares(keys: list[int]) -> dict[int, int]:
        read.append(keys)
        await asyncio.sleep(0)
        return {key: key * key for key in keys if key % 2 == 0}

    reader = GroupReader(squares)
    found = await asyncio.gather(*(reader.find(number % 10) for number in range(100)))
    assert found == [(n % 10) ** 2 if n % 2 == 0 else None for n in range(100)]
    assert len(read) == 1
    assert await reader.find(4) == 16
    assert len(read) == 2, "what is found must have been read after it was asked for"


async def test_a_reading_that_fails_fails_for_its_group_and_no_other():
    async def read(keys: list[str]) -> dict[str, str]:
        if "bad" in keys:
            raise ValueError
        return {key: key for key in keys}

    reader = GroupReader(read, most=2)
    together = asyncio.gather(*map(reader.find, ["bad", "a", "b", "c"]), return_exceptions=True)
    assert [type(each) for each in await together] == [ValueError, ValueError, str, str]


async def test_a_reader_who_goes_away_takes_nothing_along():
    waiting = asyncio.Event()

    async def read(keys: list[str]) -> dict[str, str]:
        await waiting.wait()
        return {key: key for key in keys}

    reader = GroupReader(read)
    gone, stays = (asyncio.create_task(reader.find(key)) for key in "ab")
    await asyncio.sleep(0)
    gone.cancel()
    waiting.set()
    assert await stays == "b"
    assert await reader.find("c") == "c"


async def test_scripts_called_at_once_go_in_few_groups_and_each_gets_its_own_reply(
    grouped: Counting, prefix: str
):
    script = grouped.register_script(f"{ECHO} -- {prefix}")
    await script(keys=[prefix], args=["first"])  # which finds the script unknown, and loads it
    grouped.groups = 0
    replies = await asyncio.gather(*(script(keys=[prefix], args=[str(n)]) for n in range(300)))
    assert replies == [str(n) for n in range(300)]
    assert grouped.groups == 2
    assert await grouped.get(prefix) == "301"


async def test_a_script_that_fails_fails_alone(grouped: Counting, prefix: str):
    script = grouped.register_script(ECHO)
    together = (script(keys=[prefix], args=[text]) for text in ("a", "bad", "b"))
    first, failed, last = await asyncio.gather(*together, return_exceptions=True)
    assert (first, last) == ("a", "b")
    assert isinstance(failed, ResponseError)


async def test_callers_who_go_away_leave_the_others_their_own_replies(grouped: Counting, prefix: str):
    script = grouped.register_script(ECHO)
    await script(keys=[prefix], args=["first"])
    calls = [asyncio.create_task(script(keys=[prefix], args=[str(n)])) for n in range(100)]
    for step in range(4):
        for call in calls[step::8]:
            call.cancel()
        await asyncio.sleep(0)
    replies = await asyncio.gather(*calls, return_exceptions=True)
    assert all(reply == str(n) for n, reply in enumerate(replies) if isinstance(reply, str))
    assert sum(isinstance(reply, str) for reply in replies) >= 48
    assert await script(keys=[prefix], args=["next"]) == "next"


async def test_a_server_that_is_gone_is_told_to_all_who_called():
    gone = GroupedRedis(host="127.0.0.1", port=1, retry=None)
    script = gone.register_script(ECHO)
    calls = (script(keys=["k"], args=["a"]) for _ in range(3))
    replies = await asyncio.gather(*calls, return_exceptions=True)
    assert [isinstance(reply, Exception) for reply in replies] == [True] * 3
    await gone.aclose()
