"""Made-up requests, by schemathesis from the document of a running house, as one of three people."""

import asyncio
import json
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import httpx
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.schemas import OpenApiSchema
from sqlalchemy import select, update

from tests.api.support import cookies_of, open_sale, services
from tests.house import PASSWORD, House, Sale, Visitor, eventually
from ticketflow.domain import now
from ticketflow.store.events import NewTicketType
from ticketflow.store.tables import events, outbox

# A house that is asked to make up 500 requests a call is asked by hand: `make fuzz`.
CASES = int(os.environ.get("TICKETFLOW_FUZZ_CASES", "0"))
IN_THE_SUITE = 2
BY_HAND = bool(CASES)
CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@dataclass
class Person:
    """Who asks, and what there is that they could name: without it a made-up request seldom gets far."""

    role: str
    house: House
    visitor: Visitor
    sale: Sale
    """Where they buy."""
    upcoming: Sale
    """That they may want to be told of."""
    own: dict[str, Any] = field(default_factory=dict)
    """Of an organiser: their own event, with a booking. What they do to it must not shut the other's desk."""
    known: dict[str, Any] = field(default_factory=dict)
    seen: Counter[tuple[str, int]] = field(default_factory=Counter)
    wrong: dict[tuple[str, int], str] = field(default_factory=dict)
    """The first answer of each call and status that the document does not tell of."""

    @property
    def cases(self) -> int:
        return sum(self.seen.values())

    async def prepare(self, path: str = "") -> None:
        """Be signed in and at the desk again, with something held and something booked; or at one's event."""
        self.known = {"event_id": self.sale.event_id, "ticket_type_id": self.sale.type_ids[0]}
        if self.role == "stranger":
            await self.visitor.join(self.sale)
            return
        if self.role == "organiser" and path.startswith("/api/organiser"):
            await self.have_an_event(path)
        self.known |= {"email": self.visitor.email, "password": PASSWORD, "current_password": PASSWORD}
        if (await self.visitor.get("/api/me")).status_code != 200:
            await self.visitor.sign_in(self.visitor.email)
        if path.startswith("/api/organiser") and self.own:
            self.known |= self.own
            if "/mail" in path:
                await self._let_a_letter_be("failed" if path.endswith("/retry") else "sent")
            return
        if path.endswith("/reminder"):
            self.known["event_id"] = self.upcoming.event_id
        if not any(word in path for word in ("queue", "holds", "bookings", "tokens/")):
            return
        await self.visitor.come_in(self.sale)
        # In this order: who has bought and holds nothing more has had their turn.
        self.known["hold_id"] = await self.hold(self.sale)
        self.known["booking_id"] = await self.buy(self.sale)
        if path.startswith("/api/tokens/"):
            made = await self.visitor.post(
                "/api/tokens", json={"name": "A program", "current_password": PASSWORD}
            )
            self.known["token_id"] = made.json().get("id", 1)

    async def have_an_event(self, path: str = "") -> None:
        """One for each call: many leave nothing to be asked for. Types come and go before its sale."""
        is_ahead = "ticket-types" in path
        own = await (_ahead(self.house) if is_ahead else _sale(self.house, 2_000))
        if not self.own:
            self.visitor.email = own.organiser_email
        await self.visitor.sign_in(self.visitor.email)
        me = (await self.visitor.get("/api/me")).json()["id"]
        mine = update(events).where(events.c.id == own.event_id).values(organiser_id=me)
        await self.house.database.execute(mine)
        await services(self.house).catalogue.load()
        kind = own.type_ids[0]
        # Nothing has been moved or edited yet.
        self.own = {"event_id": own.event_id, "ticket_type_id": kind, "type_id": kind, "revision": 0}
        if not is_ahead:
            await self.visitor.come_in(own)
            self.own["booking_id"] = await self.buy(own)

    async def _let_a_letter_be(self, state: str) -> None:
        """What tells of a booking of one's own event; of a new one, for others were cancelled meanwhile."""
        own = Sale(self.own["event_id"], "", [self.own["ticket_type_id"]], "")
        await self.visitor.come_in(own)
        self.own["booking_id"] = self.known["booking_id"] = await self.buy(own)
        those = outbox.c.booking_id == self.own["booking_id"]

        async def sent() -> Any:
            row = await self.house.database.fetch_one(select(outbox).where(those))
            return row and row["state"] not in ("pending", "sending") and row

        self.known["letter_id"] = (await eventually(sent))["id"]
        await self.house.database.execute(update(outbox).where(those).values(state=state))

    async def buy(self, sale: Sale) -> str:
        """The id of a new booking."""
        booked = await self.visitor.book(await self.hold(sale))
        assert booked.status_code in (201, 202), booked.text
        return str(booked.json()["id"])

    async def hold(self, sale: Sale) -> str:
        """The id of a new hold."""
        held = await self.visitor.hold(sale)
        assert held.status_code == 201, held.text
        return str(held.json()["id"])

    async def send(self, case: Case) -> httpx.Response:
        """The case as this person sends it. What it answers is not kept: a cookie would make them another."""
        asked = requests.Request(**case.as_transport_kwargs(base_url="http://localhost")).prepare()
        headers = {n: cast(str, v) for n, v in asked.headers.items() if n.lower() != "cookie"}
        headers["Cookie"] = cookies_of(self.visitor)
        async with self.house.visitor() as client:
            return await client.request(
                str(asked.method), str(asked.url), content=cast(bytes, asked.body or b""), headers=headers
            )


async def person(house: House, role: str) -> Person:
    """Somebody of that role, at a sale that runs and takes tickets back; an organiser has another."""
    sale = await _sale(house)
    upcoming = await _ahead(house)
    someone = Person(role, house, house.visitor(), sale, upcoming)
    if role == "organiser":
        await someone.have_an_event()
    elif role == "fan":
        await someone.visitor.register()
    return someone


async def _sale(house: House, capacity: int = 20_000) -> Sale:
    until = now() + timedelta(days=1)
    return await open_sale(
        house, types=[NewTicketType("Standing", 2500, capacity)], per_user_limit=10_000, cancel_until=until
    )


async def _ahead(house: House) -> Sale:
    """Before anybody can be in its queue."""
    types = [NewTicketType("Standing", 2500, 20), NewTicketType("Balcony", 4500, 20)]
    return await open_sale(house, types=types, mode="lobby", sale_starts_in=timedelta(days=1))


def schema_of(document: Mapping[str, Any]) -> OpenApiSchema:
    """The document as schemathesis reads it; what it has made ready for one person serves the next."""
    text = json.dumps(document, sort_keys=True)
    if text not in _READ:
        _READ[text] = _read(text)
    return _READ[text]


_READ: dict[str, OpenApiSchema] = {}


def _read(text: str) -> OpenApiSchema:
    schema = schemathesis.openapi.from_dict(json.loads(text))
    # Who asks is ours to say.
    schema.config.generation.update(with_security_parameters=False)
    return schema


async def ask_everything(someone: Person, document: Mapping[str, Any], *, only: str | None = None) -> None:
    """Make up requests for every call and hold each answer to the document; `wrong` says what is not."""
    loop = asyncio.get_running_loop()
    for found in schema_of(document).get_all_operations():
        operation = cast(Any, found).ok()
        key = f"{operation.method.upper()} {operation.path}"
        if only is None or key == only:
            await someone.prepare(operation.path)
            await asyncio.to_thread(_ask, someone, operation, key, loop)


def _ask(someone: Person, operation: Any, key: str, loop: asyncio.AbstractEventLoop) -> None:
    """In a thread: hypothesis waits for nobody, the house runs in the loop."""

    def check(case: Case) -> None:
        answer = asyncio.run_coroutine_threadsafe(someone.send(case), loop).result(60)
        someone.seen[key, answer.status_code] += 1
        try:
            case.validate_response(answer, checks=CHECKS)
        except (Failure, FailureGroup) as failure:
            # Kept, not raised: hypothesis would try it again, and the house is not what it was before.
            said = "; ".join(str(one) for one in getattr(failure, "exceptions", [failure]))
            someone.wrong.setdefault(
                (key, answer.status_code), f"{said}\n{case.as_curl_command()}\n{answer.text}"
            )

    check(_as_it_should_be(someone, operation))
    made_up = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    if _can_be_wrong(operation):
        made_up |= operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)

    @settings(
        max_examples=CASES or IN_THE_SUITE,
        derandomize=not BY_HAND,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=made_up, really=st.booleans())
    def run(case: Case, really: bool) -> None:
        check(_named(someone, case) if really else case)

    run()


def _as_it_should_be(someone: Person, operation: Any) -> Case:
    """The call as the document's own example shows it, with what this person really has."""
    content = operation.definition.raw.get("requestBody", {}).get("content", {})
    examples = {kind: told.get("example") for kind, told in content.items()}
    kind = next(iter(examples), None)
    case: Case = operation.Case(
        path_parameters={name.name: someone.known.get(name.name, 1) for name in operation.path_parameters},
        headers={},
        query={},
        **({"body": examples[kind] or {}, "media_type": kind} if kind else {}),
    )
    return _named(someone, case)


def _named(someone: Person, case: Case) -> Case:
    """The case, made about what there is."""
    for name, value in someone.known.items():
        if name in (case.path_parameters or {}):
            case.path_parameters[name] = value
        if isinstance(case.body, dict) and name in case.body:
            case.body = {**case.body, name: value}
    return case


def _can_be_wrong(operation: Any) -> bool:
    return bool(operation.path_parameters or operation.body or operation.headers or operation.query)
