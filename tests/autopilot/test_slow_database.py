"""A database becomes slow while a crowd books. With the autopilot bookings are quick again; without it, not.

The database sits behind a line that carries so many bytes a second: about ten bookings' worth. A machine does
many times that, so how fast it is does not matter. The short flight looks every 0.3 s; `make autopilot` flies
the real one, which looks every 5 s, and prints its trace.
"""

import os

import pytest

from tests import servers
from tests.autopilot.flight import flight
from tests.house import settings_for

LOOKS_EVERY = float(os.environ.get("TICKETFLOW_TEST_AUTOPILOT_SECONDS", "0.3"))
WITHIN = 60 if LOOKS_EVERY >= 5 else 20
"""Seconds in which p95 must be under its target."""
CONTROL = 60 if LOOKS_EVERY >= 5 else 5
WIDTH = 40_000
RATE, LOW = 900, 60
TARGET_MS = 2000 if LOOKS_EVERY >= 5 else 1500
ASKED = {"low": LOW, "high": RATE, "target_p95_ms": TARGET_MS, "target_error_rate": 0.05}


@pytest.mark.timeout(600)
async def test_a_slow_database_is_flown_through_and_breaches_without_the_autopilot(
    mariadb_url: str, redis_url: str, smtp: servers.Mailbox, prefix: str
):
    settings = settings_for(
        database_url=mariadb_url,
        redis_url=redis_url,
        smtp_url=smtp.url,
        prefix=prefix,
        autopilot_seconds=LOOKS_EVERY,
    )
    target, last = TARGET_MS / 1000, 2 * LOOKS_EVERY + 1
    async with flight(settings, mariadb_url, fans=6000, rate=RATE) as flying:
        try:
            well = lambda: len(flying.ended) > 20 and flying.p95(last) < target / 2  # noqa: E731
            assert await flying.until(well, 30, "all is well") is not None

            flying.line.bytes_a_second = WIDTH
            breached = await flying.until(lambda: flying.p95(last) > target, CONTROL, "slow, by hand")
            assert breached is not None
            cured = await flying.until(lambda: flying.p95(last) < target, CONTROL, "slow, by hand")
            assert cured is None, "the control must breach to its end"

            flying.line.bytes_a_second = None
            assert await flying.until(well, 30, "quick again") is not None
            await flying.ask("PUT", **ASKED)
            flying.line.bytes_a_second = WIDTH
            assert await flying.until(lambda: flying.p95(last) > target, WITHIN, "slow") is not None
            cured = await flying.until(lambda: flying.p95(last) < target, WITHIN, "slow, autopilot")
            assert cured is not None
            slowest = (await flying.ask("GET"))["rate_per_minute"]
            assert LOW <= slowest < RATE

            flying.line.bytes_a_second = None
            back = await flying.until(lambda: flying.rate >= 2 * slowest, 4 * WITHIN, "quick, autopilot")
            assert back is not None
            assert (await flying.ask("GET"))["why"].startswith("Raised to ")
        finally:
            print("\n".join(flying.trace))
