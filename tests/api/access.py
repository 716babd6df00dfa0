"""Who is who in the access matrix, what they bring, and how a cell of it is asked."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from httpx import Response
from quart.testing.connections import WebsocketResponseError
from sqlalchemy import delete, select, update

from tests.api.support import cookies_of, made_sale, open_sale, sale_body
from tests.house import PASSWORD, House, Sale, Visitor, eventually, make_sale
from ticketflow.domain import BOOK, READ, now
from ticketflow.store.events import NewTicketType
from ticketflow.store.outbox import CONFIRMATION
from ticketflow.store.tables import audit, outbox, payments, users
from ticketflow.web.bearer import NEEDS

COLUMNS = ("stranger", "fan", "other_fan", "other_organiser", "owner", "admin", "weak_token")
"""`fan` has the booking, the hold, the place and the token in the addresses; `owner` the event. `weak_token`
is a token without the ability that the route wants."""
ENDS_ALL = ("DELETE /api/me/sessions", "POST /profile/sessions")
CALLS_OFF = ("POST /api/organiser/events/<int:event_id>/cancel", "POST /organiser/<slug>/cancel")
"""What ends an event for good has one of its own each time."""
OFF = {"reason": "Rain", "current_password": PASSWORD}
STEERING: dict[str, dict[str, Any]] = {
    "PUT /api/organiser/events/<int:event_id>/autopilot": {
        "low": 60,
        "high": 600_000,
        "target_p95_ms": 2000,
        "target_error_rate": 0.02,
    },
    "POST /api/organiser/events/<int:event_id>/room/extend": {"minutes": 1},
    "PATCH /api/admin/accounts/<int:account_id>": {"role": "fan", "current_password": PASSWORD},
    "POST /api/organiser/events/<int:event_id>/cancel": OFF,
}
EDITING = {
    "POST /api/organiser/events/<int:event_id>/ticket-types": {"name": "A", "price": 1, "capacity": 5},
    "PATCH /api/organiser/events/<int:event_id>/ticket-types/<int:type_id>": {"price": 2600},
    "POST /api/organiser/events/<int:event_id>/duplicate": {
        "starts_at": "2030-01-02T00:00:00Z",
        "sale_starts_at": "2030-01-01T00:00:00Z",
    },
}
EDITING_FORMS = {
    "POST /organiser/<slug>/cancel": OFF,
    "POST /organiser/<slug>/publish": {"wanted": "yes"},
    "POST /organiser/<slug>/types": {"types-0-name": "A", "types-0-price": "1", "types-0-capacity": "5"},
    "POST /organiser/<slug>/types/<int:type_id>": {"act": "remove"},
}
QUEUEING = ("queue", "hold", "book", "checkout")


@dataclass
class Cast:
    """Everybody, signed in, and what the addresses name."""

    house: House
    sale: Sale
    people: dict[str, Visitor]
    weak: dict[str, str]
    named: dict[str, str] = field(default_factory=dict)
    upcoming: dict[str, str] = field(default_factory=dict)
    """The same of an event of the owner's whose sale is not open yet."""
    sure: set[str] = field(default_factory=set)
    """What needs no renewing: nothing has been done since."""

    async def ask(self, route: str, column: str) -> str:
        """One cell: the status, and where it leads if it leads somewhere, as in `303>signin`.

        What the answer leaves in the browser is taken away again.
        """
        await self._renew(route)
        method, rule = route.split()
        path = rule
        for name, value in self._names(route).items():
            path = path.replace(name, value)
        visitor = self.people.get(column) or self.people["stranger"]
        headers = {"Authorization": f"Bearer {self._weak_for(route)}"} if column == "weak_token" else {}
        if method == "WS":
            return str(await self._open(path, visitor, headers))
        kept = list(visitor.cookies.jar)
        answer = await visitor.request(method, path, headers=headers, **self._sent(route))
        visitor.cookies.clear()
        for cookie in kept:
            visitor.cookies.jar.set_cookie(cookie)
        leads_to = self._leads_to(answer.headers.get("Location"))
        if column in self.people and column != "stranger" and _has_ended_the_session(answer):
            await visitor.sign_in(visitor.email)
        if route in ENDS_ALL and column in self.people:
            self.weak = await weak_tokens(self.people)
        return f"{answer.status_code}{leads_to}"

    def _names(self, route: str) -> dict[str, str]:
        """What the route's address names: types come and go only where nothing has been sold yet."""
        if route in CALLS_OFF:
            named = self.named
            return {**named, "<int:event_id>": named["doomed"], "<slug>": named["doomed slug"]}
        return {**self.named, **self.upcoming} if "types" in route else self.named

    def _leads_to(self, location: str | None) -> str:
        if location is None:
            return ""
        end = location.partition("?")[0].rstrip("/").rpartition("/")[2]
        words = {self.sale.slug: "event", self.named.get("<booking_id>", ""): "booking", "": "home"}
        return f">{words.get(end, end if len(end) < 20 else 'booking')}"

    def _weak_for(self, route: str) -> str:
        needed = NEEDS.get(route) or frozenset()
        return self.weak[
            "organise" if BOOK in needed and READ in needed else "book" if READ in needed else "read"
        ]

    async def _open(self, path: str, visitor: Visitor, headers: dict[str, str]) -> int:
        assert self.house.app is not None
        given = headers or {"Cookie": cookies_of(visitor)}
        try:
            async with self.house.app.test_client().websocket(path, headers=given) as socket:
                await socket.receive()
        except WebsocketResponseError as refused:
            return int(refused.response.status_code)
        return 101

    def _sent(self, route: str) -> dict[str, Any]:
        bodies = {
            **EDITING,
            **STEERING,
            "POST /api/register": {"name": "Ann", "email": "a", "password": "a password"},
            "POST /api/login": {"email": "nobody@example.com", "password": "a password"},
            "PATCH /api/me": {"theme": "dark"},
            "DELETE /api/me": {"current_password": "not the password"},
            "POST /api/me/export": {"current_password": "not the password"},
            "POST /api/verify": {"token": "x"},
            "POST /api/password/forgotten": {"email": "nobody@example.com"},
            "POST /api/password/reset": {"token": "x", "password": "a password for later"},
            "POST /api/tokens": {"name": "A phone", "current_password": PASSWORD},
            "POST /api/events/<int:event_id>/holds": {"ticket_type_id": self.sale.type_ids[0], "quantity": 1},
            "POST /api/bookings": {"hold_id": self.named["<hold_id>"]},
            "POST /api/organiser/events": sale_body(),
            "PATCH /api/organiser/events/<int:event_id>": {"venue": "The other hall"},
            "PATCH /api/organiser/events/<int:event_id>/room": {"message": "Doors are open"},
            "POST /api/organiser/check": {"code": "x"},
            "POST /api/organiser/mail/retry": {"event_id": self.sale.event_id},
            "POST /api/organiser/work/orders/retry": {"event_id": self.sale.event_id},
            "POST /api/organiser/work/payments/retry": {"event_id": self.sale.event_id},
        }
        forms = {
            **EDITING_FORMS,
            "POST /organiser/door/<slug>": {"code": "x"},
            "POST /events/<slug>/book": {"ticket_type_id": str(self.sale.type_ids[0]), "quantity": "1"},
            "POST /events/<slug>/checkout": {"hold_id": self.named["<hold_id>"], "method": "card-ok"},
            "POST /events/<slug>/checkout/extend": {"hold_id": self.named["<hold_id>"]},
            "POST /events/<slug>/checkout/release": {"hold_id": self.named["<hold_id>"]},
            "POST /organiser/mail/retry": {"event": str(self.sale.event_id)},
            "POST /organiser/work/orders/retry": {"event": str(self.sale.event_id)},
            "POST /organiser/work/payments/retry": {"event": str(self.sale.event_id)},
        }
        queries = {
            "GET /api/organiser/mail": {"event_id": self.sale.event_id},
            "GET /api/organiser/mail/summary": {"event_id": self.sale.event_id},
            "GET /organiser/mail": {"event": self.sale.event_id},
            "GET /api/organiser/work": {"event_id": self.sale.event_id},
            "GET /organiser/work": {"event": self.sale.event_id},
            "GET /api/admin/accounts": {"email": "ann@example.com"},
        }
        return {"json": bodies.get(route), "data": forms.get(route), "params": queries.get(route)}

    async def _renew(self, route: str) -> None:
        """Let the fan have, and the two fans be, what a cell before may have ended."""
        needs = {
            self._renew_upcoming: "types" in route,
            self._renew_turns: any(word in route for word in QUEUEING),
            self._renew_hold: "hold" in route or "checkout" in route or route == "POST /api/bookings",
            self._renew_booking: "<booking_id>" in route,
            self._renew_token: "<int:token_id>" in route,
            self._open_payment: "/work/payments/<booking_id>" in route,
            self._renew_doomed: route in CALLS_OFF,
            self._failed_letter: "/organiser/mail/" in route and "resend" not in route,
            self._sent_letter: "<int:letter_id>/resend" in route,
        }
        for renew, needed in needs.items():
            if needed and renew.__name__ not in self.sure:
                await renew()
                self.sure.add(renew.__name__)
        if not route.startswith(("GET ", "WS ")):
            self.sure.clear()

    async def _renew_upcoming(self) -> None:
        kinds = [{"name": name, "price": 2500, "capacity": 20} for name in ("Standing", "Gallery")]
        made = await self.people["owner"].post("/api/organiser/events", json=sale_body(ticket_types=kinds))
        event = made.json()
        # That it was made is no act of whoever is asked about.
        await self.house.database.execute(delete(audit).where(audit.c.event_id == event["id"]))
        kind = event["ticket_types"][0]["id"]
        self.upcoming = {
            "<int:event_id>": str(event["id"]),
            "<slug>": event["slug"],
            "<int:type_id>": str(kind),
        }

    async def _renew_turns(self) -> None:
        for inside in ("fan", "other_fan"):
            if (await self.people[inside].claim(self.sale)).status_code != 200:
                await self.people[inside].come_in(self.sale)

    async def _renew_booking(self) -> None:
        fan, known = self.people["fan"], self.named.get("<booking_id>")
        if known and (await fan.get(f"/api/bookings/{known}")).json()["status"] == "confirmed":
            return
        await self._renew_hold()
        booked = await fan.book(self.named["<hold_id>"])
        assert booked.status_code == 201, booked.text
        self.named["<booking_id>"] = booked.json()["id"]

    async def _open_payment(self) -> None:
        """Let the gateway have failed to take the booking's money once."""
        of_booking = payments.c.booking_id == self.named["<booking_id>"]
        failed = {"status": "authorised", "attempts": 1, "due_at": now() + timedelta(hours=1)}
        await self.house.database.execute(update(payments).where(of_booking).values(failed))

    async def _renew_doomed(self) -> None:
        doomed = await made_sale(self.people["owner"])
        # That it was made is no act of the cell's.
        await self.house.database.execute(delete(audit).where(audit.c.event_id == doomed.event_id))
        self.named |= {"doomed": str(doomed.event_id), "doomed slug": doomed.slug}

    async def _failed_letter(self) -> None:
        await self._letter("failed")

    async def _sent_letter(self) -> None:
        await self._letter("sent")

    async def _letter(self, state: str) -> None:
        """Let the fan's tickets' letter, once it was sent, stand in that state."""
        await self._renew_booking()
        database, booking = self.house.database, self.named["<booking_id>"]
        those = (outbox.c.booking_id == booking) & (outbox.c.kind == CONFIRMATION)

        async def sent() -> Any:
            row = await database.fetch_one(select(outbox).where(those))
            return row if row and row["state"] in ("sent", "failed") else None

        self.named["<int:letter_id>"] = str((await eventually(sent))["id"])
        await database.execute(update(outbox).where(those).values(state=state))

    async def _renew_token(self) -> None:
        fan = self.people["fan"]
        listed = [str(token["id"]) for token in (await fan.get("/api/tokens")).json()]
        if self.named.get("<int:token_id>") not in listed:
            made = await fan.post("/api/tokens", json={"name": "Of the fan", "current_password": PASSWORD})
            self.named["<int:token_id>"] = str(made.json()["id"])

    async def _renew_hold(self) -> None:
        fan = self.people["fan"]
        known = self.named.get("<hold_id>", "0-x")
        if (await fan.get(f"/api/holds/{known}")).status_code != 200:
            await fan.come_in(self.sale)
            held = await fan.hold(self.sale)
            assert held.status_code == 201, held.text
            self.named["<hold_id>"] = held.json()["id"]


async def gather(house: House) -> Cast:
    """Make one sale and everybody who asks for it."""
    sale = await open_sale(
        house,
        types=[NewTicketType("Standing", 2500, 400)],
        per_user_limit=100,
        cancel_until=now() + timedelta(days=10),
    )
    another = await make_sale(house.settings)
    people = {column: house.visitor() for column in COLUMNS if column != "weak_token"}
    for name, own in (("owner", sale), ("other_organiser", another)):
        people[name].email = own.organiser_email
        await people[name].sign_in(own.organiser_email)
    for name in ("fan", "other_fan", "admin"):
        last = (await people[name].register()).json()["id"]
    await house.database.execute(update(users).where(users.c.id == last).values(role="admin"))
    named = {
        "<int:event_id>": str(sale.event_id),
        "<int:room_id>": str(sale.event_id),
        "<slug>": sale.slug,
        "<key>": "x",
        "<path:filename>": "js/landing.js",
        "<int:account_id>": str((await people["other_fan"].get("/api/me")).json()["id"]),
        "<hold_id>": "0-x",
        "doomed": "0",
        "doomed slug": "none",
    }
    return Cast(house, sale, people, await weak_tokens(people), named)


async def weak_tokens(people: dict[str, Visitor]) -> dict[str, str]:
    """One for each ability, in place of those from before."""
    weak = {}
    for ability in ("read", "book", "organise"):
        of = people["owner" if ability == "organise" else "other_fan"]
        for token in (await of.get("/api/tokens")).json():
            if token["name"] == ability:
                await of.delete(f"/api/tokens/{token['id']}")
        asked = {"name": ability, "abilities": [ability], "current_password": PASSWORD}
        weak[ability] = (await of.post("/api/tokens", json=asked)).json()["token"]
    return weak


def _has_ended_the_session(answer: Response) -> bool:
    """Whether it has taken the browser's session away, or begun another in its place."""
    return any(cookie.startswith("session=") for cookie in answer.headers.get_list("Set-Cookie"))
