"""Behind the pages: sales made, steered and bought out over the API, so that a page has its state."""

import secrets
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

from httpx import Response

from tests.house import TRUST, Visitor, eventually
from ticketflow.domain import now
from ticketflow.seed import ORGANISER, PASSWORD


class Backstage:
    """The demo organiser's hands, and a crowd's. Open it as a context."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._people = AsyncExitStack()
        self._sales: dict[str, dict[str, Any]] = {}
        self.bought: list[dict[str, Any]] = []
        """The tickets of all who have bought, in that order."""

    async def __aenter__(self) -> "Backstage":
        self._organiser = await self._visitor()
        _good(await self._organiser.post("/api/login", json={"email": ORGANISER, "password": PASSWORD}))
        for sale in _good(await self._organiser.get("/api/events")).json():
            self._sales[sale["slug"]] = sale
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._people.aclose()

    async def sell(self, name: str, *, capacity: int = 100, price: int = 2_500, **given: Any) -> None:
        """Put a sale up, known by `name` from here on; open at once unless `given` says when."""
        body = {
            "name": name,
            "venue": "The small hall",
            "starts_at": (now() + timedelta(days=30)).isoformat(),
            "cancel_until": (now() + timedelta(days=20)).isoformat(),
            "sale_starts_at": (now() - timedelta(minutes=1)).isoformat(),
            "currency": "EUR",
            "per_user_limit": 4,
            "publish": True,
            "ticket_types": [{"name": "Standing", "price": price, "capacity": capacity}],
        }
        made = _good(await self._organiser.post("/api/organiser/events", json=body | given))
        self._sales[name] = made.json()

    async def steer(self, name: str, **levers: Any) -> None:
        """Move levers of the sale's room."""
        _good(await self._organiser.patch(f"/api/organiser/events/{self.id(name)}/room", json=levers))

    async def buyer(self, name: str) -> Visitor:
        """Somebody with an account who is let in at the sale's desk."""
        buyer = await self._visitor()
        _good(await buyer.register())
        _good(await buyer.post(f"/api/events/{self.id(name)}/queue"))

        async def let_in() -> bool:
            return (await buyer.post(f"/api/events/{self.id(name)}/queue/claim")).is_success

        await eventually(let_in)
        return buyer

    async def buy(self, buyer: Visitor, name: str) -> None:
        """One ticket of the sale's first kind."""
        ask = {"event_id": self.id(name), "quantity": 1, "payment": {"method": "card-ok"}}
        key = {"Idempotency-Key": secrets.token_hex(8)}
        self.bought += _good(await buyer.post("/api/bookings", json=ask, headers=key)).json()["tickets"]

    async def crowd(self, name: str, count: int) -> list[Visitor]:
        """So many more in the sale's line."""
        people = [await self._visitor() for _ in range(count)]
        for one in people:
            _good(await one.post(f"/api/events/{self.id(name)}/queue"))
        return people

    async def goes(self, one: Visitor, name: str) -> None:
        """One of the crowd leaves the sale's line."""
        _good(await one.delete(f"/api/events/{self.id(name)}/queue"))

    def id(self, name: str) -> int:
        return int(self._sales[name]["id"])

    def path(self, name: str) -> str:
        """The address of the sale's page."""
        return f"/events/{self._sales[name]['slug']}"

    def type_id(self, name: str) -> int:
        """The sale's first kind of ticket."""
        return int(self._sales[name]["ticket_types"][0]["id"])

    async def _visitor(self) -> Visitor:
        return await self._people.enter_async_context(Visitor(base_url=self._url, timeout=60, verify=TRUST))


def _good(answer: Response) -> Response:
    assert answer.is_success, f"{answer.request.method} {answer.request.url}: {answer.text}"
    return answer
