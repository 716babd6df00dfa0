"""The limit of booking requests a user.

quart-rate-limiter guards the HTTP routes, but it knows no sockets, and it reads and writes its
count in two steps, so a burst slips through. This limit must hold at both doors and to the last
request; hence a script of its own.
"""

from importlib.resources import files
from math import ceil

from redis.asyncio import Redis

from ticketflow.domain import Refusal


class Brake:
    """At most `per_minute` bookings a user in any minute, counted in Redis for all processes."""

    def __init__(self, redis: "Redis", prefix: str, per_minute: int) -> None:
        self._prefix = prefix
        self._per_minute = per_minute
        script = (files("ticketflow.booking") / "lua" / "brake.lua").read_text()
        self._script = redis.register_script(script)

    async def press(self, user_id: int, booking_id: str) -> None:
        """Count one request, unless it is a retry for a booking just counted.

        Raises `Refusal` too_many_requests with `retry_after` in seconds.
        """
        wait = await self._script(
            keys=[f"{self._prefix}:brake:{user_id}"], args=[self._per_minute, booking_id]
        )
        if wait:
            seconds = ceil(int(wait) / 1000)
            raise Refusal(
                "too_many_requests",
                f"That was many bookings in a short time. Your tickets stay held; try again in {seconds} s.",
                retry_after=seconds,
            )
