"""How often somebody may try: passwords of an account, letters to an address, and one letter once more."""

import hashlib
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from redis.asyncio import Redis

from ticketflow.domain import Refusal

SECONDS = 600
"""After so long the count begins anew."""

RESENDS = 3
"""So often one letter is sent once more, whoever asks: who reads it has asked for none of them."""

NEIGHBOURS = {4: 24, 6: 48}
"""Bits of an address that its neighbours share: who has one of them has the others for the asking. Of IPv6
providers hand a household up to a /48."""


@dataclass(frozen=True, slots=True)
class Bound:
    """How many tries one network has at something, and how many all have together."""

    of_one: int
    of_all: int


class Tries:
    """Counts tries in Redis, by what they are at. The names are hashed: Redis need not know who was tried.

    A try is counted before it is made, so that a thousand at once are counted as well; one that succeeds is
    given back. Whether there is such an account has no part in it.

    What strangers try at is counted by their network first, so that one of them cannot use up everybody's.
    """

    def __init__(self, redis: "Redis", prefix: str, *, passwords: int, letters: int) -> None:
        self._redis = redis
        self._prefix = prefix
        self._most = passwords
        self._bounds = {
            "address": Bound(passwords, 10 * passwords),
            "letters": Bound(letters, 5 * letters),
        }

    async def take(self, *at: object) -> None:
        """Count a try at a password. Raises `Refusal` too_many_requests if there were too many."""
        await self._take(at, self._most)

    async def take_from(self, network: str, kind: str, what: str) -> None:
        """Count a try from a network. Raises `Refusal` too_many_requests if it, or all, had too many.

        One that the network's own number refuses is none of everybody's.
        """
        bound = self._bounds[kind]
        await self._take((kind, what, network), bound.of_one)
        await self._take((kind, what), bound.of_all)

    async def take_from_if_left(self, network: str, kind: str, what: str) -> bool:
        """The same, where what was used up is no reason to refuse: says whether it may be made."""
        try:
            await self.take_from(network, kind, what)
        except Refusal:
            return False
        return True

    async def take_resend(self, letter_id: int) -> None:
        """Count a letter that is sent once more. Raises `Refusal` too_many_requests if it often was."""
        await self._take(("resend", letter_id), RESENDS)

    async def give_back_resend(self, letter_id: int) -> None:
        """It was not sent."""
        await self.give_back("resend", letter_id)

    async def take_if_left(self, *at: object) -> bool:
        """Count a try, and say whether it may be made."""
        return (await self._count(at, 1))[0] <= self._most

    async def give_back(self, *at: object) -> None:
        """The try was none: it was right."""
        await self._count(at, -1)

    async def give_back_to(self, network: str, kind: str, what: str) -> None:
        """The same, for one that was taken from a network."""
        await self.give_back(kind, what, network)
        await self.give_back(kind, what)

    async def _take(self, at: tuple[object, ...], most: int) -> None:
        used, seconds = await self._count(at, 1)
        if used > most:
            raise Refusal(
                "too_many_requests",
                "That was tried very often in a short time. Nothing was changed; try again in "
                f"{-(-seconds // 60)} min.",
                retry_after=seconds,
            )

    async def _count(self, at: tuple[object, ...], by: int) -> tuple[int, int]:
        """The count after this one, and how many seconds it is kept."""
        name = hashlib.sha256("\0".join(map(str, at)).encode("utf-8", "surrogatepass")).hexdigest()[:32]
        key = f"{self._prefix}:tries:{name}"
        async with self._redis.pipeline(transaction=True) as step:
            step.incrby(key, by)
            step.expire(key, SECONDS, nx=True)
            step.ttl(key)
            used, _, seconds = await step.execute()
        return int(used), max(1, int(seconds))


def network_of_tries(address: str | None) -> str:
    """What tries from an address are counted as; what is no address is one network of its own."""
    try:
        ip = ip_address(address or "")
    except ValueError:
        return "unknown"
    ip = getattr(ip, "ipv4_mapped", None) or ip
    return str(ip_network((int(ip), NEIGHBOURS[ip.version]), strict=False))
