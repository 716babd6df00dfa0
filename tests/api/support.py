"""What the tests of the API share: sales, a socket that asks and is answered, and what must not change."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
from sqlalchemy import func, select

from tests.house import House, Sale, Visitor, make_sale
from ticketflow.domain import iso, now
from ticketflow.store.events import NewTicketType, Seat
from ticketflow.store.tables import metadata
from ticketflow.web.services import Services

STANDING = NewTicketType("Standing", 2500, 20)
BALCONY = NewTicketType("Balcony", 9900, 6, [Seat("Balcony", "A", number) for number in range(1, 7)])
MEMBERS = {"type", "title", "status", "code", "detail"}


def services(house: House) -> Services:
    """What the house's handlers use."""
    assert house.app is not None
    found: Services = house.app.extensions["ticketflow"]
    return found


async def open_sale(house: House, **given: Any) -> Sale:
    """A new sale that this house knows of and has in Redis."""
    sale = await make_sale(house.settings, **{"types": [STANDING], **given})
    found = services(house)
    await found.hub.refresh()
    event = found.catalogue.find(sale.event_id)
    assert event is not None
    await found.keeper.prepare(event)
    await found.hub.refresh()
    return sale


def sale_body(**given: Any) -> dict[str, Any]:
    """What an organiser sends to make a sale that opens in an hour."""
    return {
        "name": "A night at the hall",
        "venue": "The test hall",
        "starts_at": iso(now() + timedelta(days=30)),
        "sale_starts_at": iso(now() + timedelta(hours=1)),
        "currency": "EUR",
        "per_user_limit": 4,
        "publish": True,
        "ticket_types": [{"name": "Standing", "price": 2500, "capacity": 20}],
        **given,
    }


async def made_sale(organiser: Visitor, **given: Any) -> Sale:
    """A sale made over the API."""
    answer = await organiser.post("/api/organiser/events", json=sale_body(**given))
    assert answer.status_code == 201, answer.text
    event = answer.json()
    return Sale(event["id"], event["slug"], [kind["id"] for kind in event["ticket_types"]], "")


IN_TIME = ("minutes", "admissions", "admission_heads")
"""Tables that grow by themselves while a house runs."""


async def state_of(house: House, sale: Sale) -> dict[str, Any]:
    """What a refused request must leave as it is: rows of every table, and the sale's stock in Redis."""
    rows = {
        name: await house.database.fetch_val(select(func.count()).select_from(table))
        for name, table in metadata.tables.items()
        if name not in IN_TIME
    }
    keys = services(house).stock.keys(sale.event_id)
    redis = services(house).redis
    stock = await redis.hgetall(keys.stock)
    return {
        **rows,
        "stock": stock,
        "holds": await redis.hgetall(keys.holds),
        "orders": await redis.xlen(keys.orders),
    }


def is_problem(response: httpx.Response, status: int | set[int], code: str | None = None) -> dict[str, Any]:
    """The problem document that a response must be, with one of the statuses and, if given, that code."""
    wanted = {status} if isinstance(status, int) else status
    assert response.status_code in wanted, (response.status_code, response.text)
    assert response.headers["Content-Type"] == "application/problem+json"
    return check_problem(response.json(), response.status_code, code)


def check_problem(body: Mapping[str, Any], status: int, code: str | None = None) -> dict[str, Any]:
    """The same for a body that came over a socket."""
    assert set(body) >= MEMBERS, body
    assert body["status"] == status
    assert body["type"] == f"urn:problem:{body['code']}"
    assert body["detail"], body
    assert code is None or body["code"] == code, body
    return dict(body)


def cookies_of(visitor: Visitor) -> str:
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in visitor.cookies.jar)


class DeskLine:
    """A fan's end of a desk socket."""

    def __init__(self, socket: Any) -> None:
        self._socket = socket
        self._number = 0

    async def ask(self, do: str, **fields: Any) -> dict[str, Any]:
        """Send a command and give its reply."""
        self._number += 1
        return await self.say(json.dumps({"id": self._number, "do": do, **fields}))

    async def say(self, text: str | bytes | None) -> dict[str, Any]:
        """Send a message as it is and give the next reply. None is what a server makes of no bytes at all."""
        if text is None:
            await self._socket._send_queue.put({"type": "websocket.receive", "bytes": b"", "text": None})
        else:
            await self._socket.send(text)
        return await self.next("reply")

    async def next(self, kind: str) -> dict[str, Any]:
        """The next frame of that type."""
        while True:
            frame: dict[str, Any] = json.loads(await self._socket.receive())
            if frame["type"] == kind:
                return frame


@asynccontextmanager
async def desk_line(
    house: House, sale: Sale, visitor: Visitor | None = None, **headers: str
) -> AsyncIterator[DeskLine]:
    """A desk socket of the visitor's, in process. Raises Quart's WebsocketResponseError if it is refused."""
    assert house.app is not None
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    if visitor is not None:
        given["Cookie"] = cookies_of(visitor)
    async with house.app.test_client().websocket(f"/ws/desk/{sale.event_id}", headers=given) as socket:
        yield DeskLine(socket)
