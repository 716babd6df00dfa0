"""Letters on their way: woken, paced, encrypted, and what the mail server's answers mean for them."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest
from redis.asyncio import Redis
from sqlalchemy import func, select, update

from tests.house import eventually, make_sale
from tests.house import worker as worker_process
from tests.mail import letters
from tests.mail.certificate import self_made
from tests.mail.post import delivering
from tests.mail.rough_server import RoughServer
from ticketflow.clients import Stores, open_stores
from ticketflow.mail.pace import Pace
from ticketflow.mail.server_board import ServerState, server_state
from ticketflow.settings import Settings
from ticketflow.steady import SteadyDatabase
from ticketflow.store.tables import outbox as table

NEVER = 3600.0


async def arrive(rough: RoughServer, count: int, seconds: float = 20) -> list[str]:
    """The Message-IDs of what was taken, once there are so many."""

    async def so() -> bool:
        return len(rough.taken()) >= count

    await eventually(so, seconds=seconds)
    return rough.taken()


async def become(stores: Stores, wanted: dict[str, int], seconds: float = 20) -> None:
    """Return once the outbox counts so; fail with how it does."""
    found: dict[str, int] = {}

    async def so() -> bool:
        nonlocal found
        found = await letters.states(stores.database)
        return found == wanted

    try:
        await eventually(so, seconds=seconds)
    except TimeoutError:
        raise AssertionError(f"{found}, not {wanted}") from None


async def away(settings: Settings, stores: Stores, reason: str) -> None:
    """Return once the server is said to be away for that reason; fail with what is said."""
    said = ServerState("up")

    async def so() -> bool:
        nonlocal said
        said = await server_state(stores.redis, settings.redis_prefix)
        return said.state == "away" and reason in str(said.reason)

    try:
        await eventually(so)
    except TimeoutError:
        raise AssertionError(f"{said}, not {reason}") from None


async def test_a_letter_wakes_the_postman_once_it_is_committed(settings: Settings, up: RoughServer):
    sale = await make_sale(settings)
    async with delivering(replace(settings, mail_poll_seconds=NEVER)), open_stores(settings) as elsewhere:
        for count in (1, 2):
            await letters.book(elsewhere.database, sale, 1)
            await arrive(up, count)


async def test_control_without_the_bell_it_does_not_come(
    settings: Settings, up: RoughServer, monkeypatch: pytest.MonkeyPatch
):
    sale = await make_sale(settings)
    async with delivering(replace(settings, mail_poll_seconds=NEVER)), open_stores(settings) as elsewhere:
        await letters.book(elsewhere.database, sale, 1)
        await arrive(up, 1)
        monkeypatch.setattr(SteadyDatabase, "after_commit", lambda *_: None)
        await letters.book(elsewhere.database, sale, 1)
        with pytest.raises(TimeoutError):
            await arrive(up, 2, seconds=2)


async def test_without_redis_letters_go_out_all_the_same(settings: Settings, up: RoughServer):
    sale = await make_sale(settings)
    away = replace(settings, redis_url="redis://127.0.0.1:1/0", mails_per_second=50, mail_poll_seconds=0.2)
    async with delivering(away) as stores:
        await letters.book(stores.database, sale, 5)
        await arrive(up, 5)
        await become(stores, {"sent": 5})


RATE = 20
AT_A_PACE = 60


async def seconds_of_two_workers(settings: Settings, redis: Redis) -> float:
    """How long two workers' letters take to be let go, by the clock of Redis."""
    paces = [Pace(redis, settings.redis_prefix, RATE) for _ in range(2)]
    before = await redis.time()
    await asyncio.gather(*(paces[number % 2].wait() for number in range(AT_A_PACE)))
    after = await redis.time()
    return float(after[0] - before[0] + (after[1] - before[1]) / 1e6)


async def test_all_workers_together_keep_the_pace(settings: Settings, redis: Redis):
    burst = Pace(redis, "", RATE).burst
    assert RATE * await seconds_of_two_workers(settings, redis) + burst >= AT_A_PACE
    key = f"{settings.redis_prefix}:mail:pace"
    assert await redis.pttl(key) != -1, "it must not stay for ever"


async def test_control_without_the_bucket_they_are_faster(
    settings: Settings, redis: Redis, monkeypatch: pytest.MonkeyPatch
):
    async def at_once(_self: Pace) -> float:
        return 0

    monkeypatch.setattr(Pace, "_ask", at_once)
    burst = Pace(redis, "", RATE).burst
    assert RATE * await seconds_of_two_workers(settings, redis) + burst < AT_A_PACE


async def test_each_letter_asks_for_its_turn(settings: Settings, up: RoughServer, redis: Redis):
    async with delivering(replace(settings, mails_per_second=1)) as stores:
        await letters.book(stores.database, await make_sale(settings), 2)
        await arrive(up, 2)
        assert 0 < await redis.pttl(f"{settings.redis_prefix}:mail:pace") <= 1000


async def test_over_starttls_and_signed_in(
    settings: Settings, rough: RoughServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    certificate = self_made(tmp_path)
    rough.behave(certificate=str(certificate), login="post:a secret")
    url = f"smtp+starttls://post:a%20secret@localhost:{rough.port}"
    with rough.running():
        sale = await make_sale(settings)
        async with delivering(replace(settings, smtp_url=url)) as stores:
            await letters.book(stores.database, sale, 1)

            # Nobody vouches for it yet.
            await away(settings, stores, "CERTIFICATE_VERIFY_FAILED")
            monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
            await arrive(rough, 1)
        wrong = url.replace("secret", "guess")
        async with delivering(replace(settings, smtp_url=wrong)) as stores:
            await letters.book(stores.database, sale, 1)
            await away(settings, stores, "535")
            await become(stores, {"sent": 1, "pending": 1})


async def test_what_is_refused_for_good_is_put_aside_with_the_reason(settings: Settings, up: RoughServer):
    up.behave(permanent=1.0)
    sale = await make_sale(settings)
    async with delivering(settings) as stores:
        await letters.book(stores.database, sale, 3)
        await become(stores, {"failed": 3})
        rows = await stores.database.fetch_all(select(table))
        assert {(row["attempts"], row["last_error"]) for row in rows} == {(1, "550 5.1.1 no such mailbox")}


async def test_what_can_never_be_written_is_put_aside_at_once(settings: Settings, up: RoughServer):
    sale = await make_sale(settings)
    async with open_stores(settings) as stores:
        await letters.book(stores.database, sale, 2)
        first = int(await stores.database.fetch_val(select(func.min(table.c.id))))
        await stores.database.execute(update(table).where(table.c.id == first).values(recipient="a@[x.yz"))
    async with delivering(settings) as stores:
        await become(stores, {"failed": 1, "sent": 1})
        row = await stores.database.fetch_one(select(table).where(table.c.id == first))
        assert row is not None
        assert (row["attempts"], row["state"]) == (1, "failed")
        assert "no address" in row["last_error"]


async def test_what_is_refused_for_now_comes_back_and_in_the_end_is_put_aside(
    settings: Settings, up: RoughServer
):
    up.behave(temporary=1.0)
    sale = await make_sale(settings)
    async with delivering(replace(settings, mail_tries=3)) as stores:
        await letters.book(stores.database, sale, 2)
        await become(stores, {"failed": 2})
        rows = await stores.database.fetch_all(select(table))
        assert {(row["attempts"], row["last_error"]) for row in rows} == {(3, "451 4.3.0 later")}
        assert len(up.log()) == 6


async def test_an_answer_that_does_not_come_stops_one_line_and_costs_that_letter_a_try(
    settings: Settings, up: RoughServer
):
    up.behave(hanging=1.0)
    sale = await make_sale(settings)
    async with delivering(settings) as stores:
        await letters.book(stores.database, sale, 1)

        async def hangs() -> bool:
            return len(up.log()) == 1

        await eventually(hangs)
        up.behave()
        await letters.book(stores.database, sale, 10)
        others = await arrive(up, 10)
        assert up.log()[0]["id"] not in others, "the others did not wait for it"
        await become(stores, {"sent": 11})
        rows = await stores.database.fetch_all(select(table.c.attempts).order_by(table.c.id))
        assert [row["attempts"] for row in rows] == [2] + [1] * 10


@pytest.mark.parametrize(
    "manners",
    [{"hello": "554 not you"}, {"sender": "421 busy"}, {"sender": "452 full"}, {"sender": "530 who?"}],
)
async def test_a_server_that_refuses_everybody_costs_no_letter_a_try(
    settings: Settings, up: RoughServer, manners: dict[str, str]
):
    up.behave(**manners)
    sale = await make_sale(settings)
    async with delivering(settings) as stores:
        await letters.book(stores.database, sale, 5)
        await away(settings, stores, next(iter(manners.values())))
        await become(stores, {"pending": 5})
        up.behave()
        await become(stores, {"sent": 5})
        rows = await stores.database.fetch_all(select(table.c.attempts))
        assert {row["attempts"] for row in rows} == {1}
        assert (await server_state(stores.redis, settings.redis_prefix)).state == "up"


async def test_a_letter_that_is_too_large_is_refused_for_itself(settings: Settings, up: RoughServer):
    up.behave(sender="552 too large")
    sale = await make_sale(settings)
    async with delivering(settings) as stores:
        await letters.book(stores.database, sale, 3)
        await become(stores, {"failed": 3})


async def test_a_stop_finishes_what_is_at_the_server_and_gives_back_the_rest(
    settings: Settings, up: RoughServer, tmp_path: Path
):
    up.behave(answer_after=1.0)
    sale = await make_sale(settings)
    async with open_stores(settings) as stores:
        await letters.book(stores.database, sale, 40)
        with worker_process(settings, tmp_path) as process:
            await arrive(up, settings.mail_connections, seconds=60)
            process.terminate()
            started = time.monotonic()
            await asyncio.to_thread(process.wait)
            assert time.monotonic() - started < 15
        found = await letters.states(stores.database)
        assert set(found) == {"pending", "sent"}, found
        assert sorted(await letters.message_ids(stores.database, "sent")) == sorted(up.taken())
        rows = await stores.database.fetch_all(select(table).where(table.c.state == "pending"))
        assert {(row["attempts"], row["lease"]) for row in rows} == {(0, None)}
