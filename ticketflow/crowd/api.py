"""The crowd's way to the house by HTTP: one pool of connections, and a session for each fan."""

import asyncio
import time
from collections.abc import Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx

from ticketflow.crowd.reply import Broken, NoSale, Reply

MOST_CONNECTIONS = 64
PATIENCE_SECONDS = 30.0
CONNECT_SECONDS = 5.0
START_SECONDS = 15.0
OPENING_SECONDS = 8.0
TRIES = 4


class Api:
    """Asks the house at `url`. Use it as a context manager."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        # A jar that takes no cookie: the client is everybody's, a session is its fan's.
        nobody = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
        self._client = httpx.AsyncClient(
            base_url=self.url,
            cookies=nobody,
            timeout=httpx.Timeout(PATIENCE_SECONDS, pool=None),
            limits=httpx.Limits(max_connections=MOST_CONNECTIONS),
            # A proxy of the machine's does not know the way to a server on it.
            trust_env=False,
        )

    async def __aenter__(self) -> "Api":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    def socket_url(self, path: str) -> str:
        return f"ws{self.url.removeprefix('http')}{path}"

    async def ask(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, json: Any = None
    ) -> tuple[Reply, dict[str, str]]:
        """The answer and the cookies it sets. Raises `Broken` if there is none, after some tries."""
        for attempt in range(TRIES):
            try:
                response = await self._client.request(method, path, headers=headers, json=json)
            except httpx.TransportError as error:
                last = type(error).__name__
                await asyncio.sleep(0.5 * 2**attempt)
                continue
            return Reply(response.status_code, _body(response)), dict(response.cookies.items())
        raise Broken(f"no answer to {method} {path} ({last})")

    async def wait_until_ready(self) -> None:
        """Return once the house can work. Raises `NoSale` if it is not there, or does not get ready."""
        began = time.monotonic()
        while True:
            try:
                response = await self._client.get("/readyz")
                if response.is_success:
                    return
                trouble, patience = f"is not ready (it says {response.status_code}).", START_SECONDS
            except (httpx.InvalidURL, httpx.UnsupportedProtocol):
                raise NoSale(f"{self.url!r} is not the address of a server.") from None
            except httpx.TransportError:
                trouble, patience = "does not answer. Is it running?", CONNECT_SECONDS
            if time.monotonic() - began > patience:
                raise NoSale(f"The server at {self.url} {trouble}")
            await asyncio.sleep(0.2)

    async def find_sale(self, slug: str | None) -> dict[str, Any]:
        """The event of that name, or the sale that has most left. Raises `NoSale` if there is none.

        A server that has just started opens its sales in a moment. Who named an event gets it also unopened.
        """
        until = time.monotonic() + OPENING_SECONDS
        while True:
            reply, _ = await self.ask("GET", "/api/events")
            if not reply.ok or not isinstance(reply.body, list):
                raise NoSale(f"The server at {self.url} has no list of sales (it says {reply.status}).")
            events: list[dict[str, Any]] = [event for event in reply.body if slug in (None, event["slug"])]
            if slug is not None and not events:
                raise NoSale(f"There is no event {slug!r} at {self.url}.")
            on_sale = [event for event in events if event["sale_state"] == "on_sale"]
            if on_sale:
                return max(on_sale, key=_left)
            late = time.monotonic() > until
            if slug is not None and (late or events[0]["sale_state"] == "lobby"):
                return events[0]
            if late:
                raise NoSale(f"Nothing is on sale at {self.url}; --event names an event to wait at.")
            await asyncio.sleep(0.2)


def _left(event: Mapping[str, Any]) -> int:
    return sum(ticket_type["remaining"] for ticket_type in event["ticket_types"])


def _body(response: httpx.Response) -> Any:
    try:
        return response.json() if response.content else None
    except ValueError:
        return None
