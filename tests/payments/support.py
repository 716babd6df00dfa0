"""Stripe as its owner sees it, and a postbox for what it sends."""

import asyncio
import hashlib
import hmac
import json
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web

from tests.house import TRUST

API_KEY = "sk_test_of_the_house"
WEBHOOK_SECRET = "whsec_of_the_house"
GOOD, DECLINED = "pm_card_visa", "pm_card_chargeCustomerFail"
WANTS_ACTION = "4000002500003155"
"""The number of a card whose bank wants to see the payer."""


class Stripe(httpx.AsyncClient):
    """A client of localstripe with the account's key."""

    def __init__(self, url: str) -> None:
        key = {"Authorization": f"Bearer {API_KEY}"}
        super().__init__(base_url=url, headers=key, timeout=30, verify=TRUST)

    async def trouble(self, **times: int) -> None:
        """Let the next so many requests meet trouble, such as `lose_confirm=1`, `busy_capture=2`."""
        wanted = {name.replace("_", " ", 1): count for name, count in times.items()}
        (await self.post("/_test/trouble", json=wanted)).raise_for_status()

    async def method(self, number: str) -> str:
        """The id of a new payment method for a card of that number."""
        card = {"number": number, "exp_month": "12", "exp_year": "2035", "cvc": "123"}
        fields = {"type": "card"} | {f"card[{name}]": value for name, value in card.items()}
        return str((await self._one(self.post("/v1/payment_methods", data=fields)))["id"])

    async def slow_method(self) -> str:
        """The id of a payment method that is refused after half a second, and is "processing" until then."""
        fields = {"type": "sepa_debit", "sepa_debit[iban]": "DE62370400440532013001"}
        return str((await self._one(self.post("/v1/payment_methods", data=fields)))["id"])

    async def intents(self, key: str) -> list[dict[str, Any]]:
        """All intents that were made for a booking."""
        found = await self._one(self.get("/v1/payment_intents", params={"limit": 10_000}))
        return [intent for intent in found["data"] if intent["metadata"].get("booking") == key]

    async def charges(self, key: str) -> list[dict[str, Any]]:
        """All attempts to take or reserve a booking's money, of whatever intent."""
        ours = {intent["id"] for intent in await self.intents(key)}
        found = await self._one(self.get("/v1/charges", params={"limit": 10_000}))
        return [charge for charge in found["data"] if charge["payment_intent"] in ours]

    async def refunds(self, key: str) -> list[dict[str, Any]]:
        ours = {charge["id"] for charge in await self.charges(key)}
        found = await self._one(self.get("/v1/refunds", params={"limit": 10_000}))
        return [refund for refund in found["data"] if refund["charge"] in ours]

    async def send_events_to(self, url: str) -> None:
        """Let localstripe deliver its events there, signed with the house's secret, a second after each."""
        hook = {"url": url, "secret": WEBHOOK_SECRET}
        (await self.post("/_config/webhooks/house", json=hook)).raise_for_status()

    async def _one(self, answering: Any) -> dict[str, Any]:
        answer = await answering
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body


@dataclass(frozen=True)
class Letter:
    """An event as it came over the wire."""

    body: bytes
    signature: str

    @property
    def event(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self.body)
        return read


class Postbox:
    """Keeps the events that came. To deliver them, twice or in another order, is the test's part."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self._arrived = asyncio.Condition()

    async def take(self, request: web.Request) -> web.Response:
        letter = Letter(await request.read(), request.headers["Stripe-Signature"])
        async with self._arrived:
            self.letters.append(letter)
            self._arrived.notify_all()
        return web.Response()

    async def about(self, kind: str, intent_id: str) -> Letter:
        """The event of that kind about an intent, once it has come."""

        def here() -> list[Letter]:
            return [
                letter
                for letter in self.letters
                if letter.event["type"] == kind and letter.event["data"]["object"]["id"] == intent_id
            ]

        async with asyncio.timeout(20), self._arrived:
            await self._arrived.wait_for(here)
        return here()[0]


@asynccontextmanager
async def postbox_open(stripe: Stripe) -> AsyncIterator[Postbox]:
    postbox = Postbox()
    app = web.Application()
    app.router.add_post("/", postbox.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    await stripe.send_events_to(f"http://127.0.0.1:{runner.addresses[0][1]}/")
    yield postbox
    await runner.cleanup()


def signed(event: Any, *, secret: str = WEBHOOK_SECRET, at: float | None = None) -> Letter:
    """An event that localstripe does not send, signed as Stripe documents it."""
    body, moment = json.dumps(event).encode(), int(time.time() if at is None else at)
    mac = hmac.new(secret.encode(), b"%d.%s" % (moment, body), hashlib.sha256).hexdigest()
    return Letter(body, f"t={moment},v1={mac}")


def serving(url: str, running: "subprocess.Popen[bytes]", log: Path) -> None:
    """Return once localstripe answers; fail with its log if it ends or is late."""
    give_up = time.monotonic() + 60
    while running.poll() is None and time.monotonic() < give_up:
        try:
            if httpx.get(url, verify=TRUST).status_code:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    pytest.fail(f"localstripe did not start:\n{log.read_text()}")
