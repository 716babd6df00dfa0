"""How much an account or an address may ask for: every route has a limit, and some a strict one."""

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from importlib.resources import files
from ipaddress import IPv4Address, IPv6Network, ip_address
from math import ceil
from typing import cast

from quart import Quart, Response, current_app, has_websocket_context, request, websocket
from quart_rate_limiter import RateLimit, RateLimiter, RateLimitExceeded
from redis.asyncio import Redis
from redis.exceptions import RedisError

from ticketflow.domain import Refusal
from ticketflow.settings import Settings
from ticketflow.web import logs
from ticketflow.web.allowances import Counts
from ticketflow.web.arrival import Allowance, Arrival
from ticketflow.web.bearer import presented_token
from ticketflow.web.guard import SAFE
from ticketflow.web.plain_sockets import PlainWebsocket
from ticketflow.web.session import account_id

MINUTE = timedelta(minutes=1)

WITH_PORT = re.compile(r"\[(?P<six>[^\]]+)\](:\d+)?|(?P<four>[\d.]+):\d+")
"""An address as some proxies write it: "203.0.113.5:4001", "[2001:db8::5]:4001"."""


@dataclass(frozen=True, slots=True)
class Family:
    """Routes that are counted together: `share` of the settings' numbers, by account or by address."""

    name: str
    share: float = 1.0
    by_account: bool = True


READ = Family("read")
WRITE = Family("write")
SOCKET = Family("socket")
STATIC = Family("static", 10, by_account=False)
GATEWAY = Family("gateway", 10, by_account=False)
CHECK = Family("check", 10)
GUESS = Family("guessed token", 0.01, by_account=False)
HEALTH = Family("health", 0.1, by_account=False)

BY_METHOD = {
    method: READ if method in SAFE else WRITE for method in (*SAFE, "POST", "PUT", "PATCH", "DELETE")
}

LIMITS: dict[str, Family | dict[str, Family]] = {
    "account_pages": BY_METHOD,
    "accounts": BY_METHOD,
    "booking_pages": BY_METHOD,
    "audit_pages": READ,
    "autopilot": BY_METHOD,
    "bookings": BY_METHOD,
    "admin": BY_METHOD,
    "after": READ,
    "after_pages": READ,
    "calling_off": BY_METHOD,
    "calling_off_pages": BY_METHOD,
    "checkout": BY_METHOD,
    "checks": CHECK,
    "checks.keys": STATIC,
    "docs": READ,
    "door_pages": CHECK,
    "draws": READ,
    "event_pages": BY_METHOD,
    "events": READ,
    "health": HEALTH,
    "levers": BY_METHOD,
    "link_pages": BY_METHOD,
    "mail_desk": BY_METHOD,
    "mail_pages": BY_METHOD,
    "mailbox": READ,
    "openapi": READ,
    "organiser": BY_METHOD,
    "organiser_events": BY_METHOD,
    "organiser_pages": READ,
    "organiser_stats": READ,
    "pages": BY_METHOD,
    "payments": GATEWAY,
    "pictures": STATIC,
    "profile": BY_METHOD,
    "queue": BY_METHOD,
    "reminders": BY_METHOD,
    "seats": READ,
    "sockets": SOCKET,
    "static": STATIC,
    "ticket_pages": READ,
    "ticket_types": BY_METHOD,
    "token_pages": BY_METHOD,
    "tokens": BY_METHOD,
    "work": BY_METHOD,
    "work_pages": BY_METHOD,
}
"""The one table from an endpoint, or the blueprint it is of, to how much of it somebody may ask for. Joins,
bookings and `strict` routes have tighter limits of their own besides."""


class Limiter(RateLimiter):
    """The library's, for the routes marked `strict`, with its two steps made one; before it every request is
    counted, for which none waits."""

    def __init__(self, app: Quart, redis: "Redis", settings: Settings) -> None:
        self.counts = Counts(redis, settings.redis_prefix)
        self._settings = settings
        self._script = redis.register_script((files("ticketflow.web") / "lua" / "strict.lua").read_text())
        self._strict: dict[str | None, bool] = {}
        super().__init__(app, key_function=self._address, skip_function=self._at_home)
        app.before_websocket(self._before_websocket)

    async def _before_request(self) -> None:
        arrival = cast(Arrival, request)
        self._count(arrival, family_of(arrival.endpoint, arrival.method))
        if self._is_strict(arrival.endpoint):
            await super()._before_request()

    def count_guess(self) -> None:
        """Count a token that nobody knows. Raises `Refusal` too_many_requests if its address brought many.

        It has been looked for already: no other way tells it from a good one. That is bearable, for those
        that come at once are looked for together, by an index. Their length keeps tokens from being guessed.
        """
        settings = self._settings
        network = counted(settings, client_address(settings.proxy_hops))
        if network and settings.requests_per_address:
            most = max(1, int(settings.requests_per_address * GUESS.share))
            allowance, granted = self.counts.take(f"{GUESS.name}:address:{network}", most)
            if not granted:
                raise _too_many("address", allowance.seconds)

    async def _before_websocket(self) -> None:
        self._count(cast(PlainWebsocket, websocket), family_of(websocket.endpoint, "GET"))

    def _count(self, asked: Arrival | PlainWebsocket, family: Family) -> None:
        settings = self._settings
        asked.network = counted(settings, client_address(settings.proxy_hops))
        if family.by_account:
            asked.account = account_id()
        if asked.account is not None:
            kind, which, most = "account", str(asked.account), settings.requests_per_account
        else:
            kind, which, most = "address", asked.network or "", settings.requests_per_address
        if not (which and most):
            return
        name = f"{family.name}:{kind}:{which}"
        asked.allowance, granted = self.counts.take(name, max(1, int(most * family.share)))
        if not granted:
            raise _too_many(kind, asked.allowance.seconds)

    async def _raise_on_rejection(self, endpoint: str, rate_limits: list[RateLimit]) -> None:
        for limit in rate_limits:
            key = f"{self._settings.redis_prefix}:limit:{await self._create_key(endpoint, limit)}"
            millis = int(limit.period.total_seconds() * 1000)
            try:
                wait, left, full_in = await self._script(keys=[key], args=[limit.count, millis])
            except RedisError:
                continue  # a brake, not a lock: without its store the request meets its own answer
            cast(Arrival, request).allowance = Allowance(limit.count, left, ceil(full_in / 1000))
            if wait:
                logs.security.info("limit_reached", extra={"limit": f"{endpoint}:{await self._address()}"})
                raise RateLimitExceeded(ceil(wait / 1000))

    async def _update_limits(self, endpoint: str, rate_limits: list[RateLimit]) -> None:
        """The script has counted as it looked."""

    async def _after_request(self, response: Response) -> Response:
        """What is left is told as the answer leaves, as for every route."""
        return response

    def _is_strict(self, endpoint: str | None) -> bool:
        if endpoint not in self._strict:
            view = current_app.view_functions.get(endpoint or "")
            blueprint = current_app.blueprints.get(request.blueprint or "")
            limits = self._get_limits_for_view_function(view, blueprint) if view else []
            self._strict[endpoint] = bool(limits)
        return self._strict[endpoint]

    async def _address(self) -> str:
        peer = client_address(self._settings.proxy_hops)
        return network_of(peer) or peer

    async def _at_home(self) -> bool:
        return self._settings.embedded and _is_loopback(client_address(self._settings.proxy_hops))


def _too_many(kind: str, seconds: int) -> Refusal:
    return Refusal(
        "too_many_requests",
        f"Very much was asked for by your {kind} in a short time. Nothing was lost; "
        f"try again in {seconds} s.",
        retry_after=seconds,
    )


def install(app: Quart, redis: "Redis", settings: Settings) -> None:
    """Limit every route of `app`. An embedded crowd runs on loopback, and is no address."""
    app.extensions["limits"] = Limiter(app, redis, settings)


def counts_of(app: Quart) -> Counts:
    """What `app` has counted; somebody must keep it sharing."""
    limiter: Limiter = app.extensions["limits"]
    return limiter.counts


def family_of(endpoint: str | None, method: str) -> Family:
    """How a route is counted. What is not in the table, or is no route at all, is counted like a page: a test
    sees to it that every route is."""
    found = LIMITS.get(endpoint or "") or LIMITS.get((endpoint or "").partition(".")[0]) or BY_METHOD
    return found if isinstance(found, Family) else found.get(method, WRITE)


def sign_in_limit(settings: Settings) -> RateLimit:
    """How often one address may register or sign in, or use a letter's link."""
    return RateLimit(settings.sign_ins_per_minute, MINUTE)


def own_forms_limit(settings: Settings) -> RateLimit:
    """How often an account may change something about itself, wherever it asks from."""

    async def whose() -> str:
        if token := presented_token():
            return f"token:{token.id}"
        account = account_id()
        if account is not None:
            return f"account:{account}"
        address = client_address(settings.proxy_hops)
        return network_of(address) or address

    return RateLimit(settings.own_forms_per_minute, MINUTE, key_function=whose)


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
