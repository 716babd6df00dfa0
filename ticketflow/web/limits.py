"""How often an address may try something: quart-rate-limiter with a Redis store whose keys expire."""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Network, ip_address

from quart import Quart, Response, current_app, has_websocket_context, request, websocket
from quart_rate_limiter import RateLimit, RateLimiter
from quart_rate_limiter.store import RateLimiterStoreABC
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ticketflow.settings import Settings

MINUTE = timedelta(minutes=1)
SPARE_SECONDS = 60

WITH_PORT = re.compile(r"\[(?P<six>[^\]]+)\](:\d+)?|(?P<four>[\d.]+):\d+")
"""An address as some proxies write it: "203.0.113.5:4001", "[2001:db8::5]:4001"."""


class ExpiringStore(RateLimiterStoreABC):
    """The library's Redis store on our pool, with keys that end by themselves."""

    def __init__(self, redis: "Redis", prefix: str) -> None:
        self._redis = redis
        self._prefix = prefix

    async def get(self, key: str, default: datetime) -> datetime:
        try:
            stored = await self._redis.get(f"{self._prefix}:limit:{key}")
        except RedisError:
            return default  # a brake, not a lock: without its store the request meets its own answer
        return default if stored is None else datetime.fromtimestamp(float(stored), UTC)

    async def set(self, key: str, tat: datetime) -> None:
        seconds = int((tat - datetime.now(UTC)).total_seconds()) + SPARE_SECONDS
        with suppress(RedisError):
            await self._redis.set(f"{self._prefix}:limit:{key}", tat.timestamp(), ex=max(1, seconds))

    async def before_serving(self) -> None:
        """The pool is open already."""

    async def after_serving(self) -> None:
        """The pool is closed by who made it."""


class _Limiter(RateLimiter):
    """The library's, spared the requests to routes without a limit: nearly all are."""

    _answers: dict[str | None, bool]

    def init_app(self, app: Quart, enabled: bool = True) -> None:
        self._answers = {}
        super().init_app(app, enabled)

    async def _before_request(self) -> None:
        if self._limited():
            await super()._before_request()

    async def _after_request(self, response: Response) -> Response:
        return await super()._after_request(response) if self._limited() else response

    def _limited(self) -> bool:
        endpoint = request.endpoint
        if endpoint not in self._answers:
            view = current_app.view_functions.get(endpoint or "")
            blueprint = current_app.blueprints.get(request.blueprint or "")
            limits = self._get_limits_for_view_function(view, blueprint) if view else []
            self._answers[endpoint] = bool(limits)
        return self._answers[endpoint]


def install(app: Quart, redis: "Redis", settings: Settings) -> None:
    """Count requests by address, for the routes that are marked. An embedded crowd runs on loopback."""

    async def address() -> str:
        peer = client_address(settings.proxy_hops)
        return network_of(peer) or peer

    async def skip() -> bool:
        return settings.embedded and _is_loopback(client_address(settings.proxy_hops))

    store = ExpiringStore(redis, settings.redis_prefix)
    _Limiter(app, key_function=address, store=store, skip_function=skip)


def sign_in_limit(settings: Settings) -> RateLimit:
    """How often one address may register or sign in."""
    return RateLimit(settings.sign_ins_per_minute, MINUTE)


def join_sources(settings: Settings, account: int | None, address: str) -> dict[str, int]:
    """Where a join comes from, and how many new places each may take in a minute: for `WaitingRoom.join`."""
    sources = {}
    network = counted(settings, address)
    if settings.joins_per_address and network:
        sources[f"address:{network}"] = settings.joins_per_address
    if settings.joins_per_account and account is not None:
        sources[f"account:{account}"] = settings.joins_per_account
    return sources


def counted(settings: Settings, address: str) -> str | None:
    """What an address is counted as; None if it is nobody's: an embedded crowd runs on loopback, and a local
    socket has no address."""
    return None if settings.embedded and _is_loopback(address) else network_of(address)


@lru_cache(maxsize=4_096)
def network_of(address: str) -> str | None:
    """What is counted as one address; None if it is no IP address.

    Of IPv6 that is the /64 which any connection has to itself, with more addresses than could be counted.
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return None
    if isinstance(ip, IPv4Address):
        return str(ip)
    return str(ip.ipv4_mapped or IPv6Network((int(ip), 64), strict=False))


def client_address(proxy_hops: int) -> str:
    """Who is asking: the peer, or what the trusted proxies in front of us saw.

    Each proxy appends who it saw to X-Forwarded-For, to the line that came or in a line of its own, so only
    the last `proxy_hops` entries can be believed. What is no address there stands for the peer's.
    """
    asked = websocket if has_websocket_context() else request
    peer = asked.remote_addr or "unknown"
    entries = ",".join(asked.headers.getlist("X-Forwarded-For")).split(",")
    forwarded = [entry.strip() for entry in entries if entry.strip()]
    if proxy_hops == 0 or len(forwarded) < proxy_hops:
        return peer
    seen = forwarded[-proxy_hops]
    with_port = WITH_PORT.fullmatch(seen)
    address = (with_port["six"] or with_port["four"]) if with_port else seen
    return address if network_of(address) else peer


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
