"""The list of routes: none ships without a line here, and a look at what guards it."""

import pytest
from quart_schema.validation import QUART_SCHEMA_REQUEST_ATTRIBUTE

from tests.api.support import is_problem, sale_body
from tests.house import House, Sale
from ticketflow.web.openapi.autopilot_answers import ASKED

pytestmark = pytest.mark.asyncio(loop_scope="package")

PUBLIC, SIGNED_IN, ORGANISER, TICKET = "anybody", "who is signed in", "organisers", "who has a ticket"
ADMIN = "who runs the house"
CONTRACT = {
    "POST /api/register": PUBLIC,
    "POST /api/login": PUBLIC,
    "POST /api/logout": PUBLIC,
    "POST /api/verify": PUBLIC,
    "POST /api/password/forgotten": PUBLIC,
    "POST /api/password/reset": PUBLIC,
    "GET /api/me": SIGNED_IN,
    "POST /api/tokens": SIGNED_IN,
    "GET /api/tokens": SIGNED_IN,
    "DELETE /api/tokens/<int:token_id>": SIGNED_IN,
    "PATCH /api/me": SIGNED_IN,
    "DELETE /api/me": SIGNED_IN,
    "POST /api/me/export": SIGNED_IN,
    "POST /api/me/verification": SIGNED_IN,
    "DELETE /api/me/sessions": SIGNED_IN,
    "GET /api/events": PUBLIC,
    "GET /api/events/<int:event_id>": PUBLIC,
    "GET /api/events/<int:event_id>/seats": PUBLIC,
    "GET /api/events/<int:event_id>/seats/plan": PUBLIC,
    "GET /api/events/<int:event_id>/seats/state": PUBLIC,
    "GET /api/events/<int:event_id>/draw": PUBLIC,
    "POST /api/events/<int:room_id>/queue": PUBLIC,
    "GET /api/events/<int:room_id>/queue": TICKET,
    "DELETE /api/events/<int:room_id>/queue": TICKET,
    "POST /api/events/<int:room_id>/queue/claim": TICKET,
    "POST /api/events/<int:event_id>/holds": SIGNED_IN,
    "POST /api/events/<int:event_id>/reminder": SIGNED_IN,
    "GET /api/events/<int:event_id>/reminder": SIGNED_IN,
    "DELETE /api/events/<int:event_id>/reminder": SIGNED_IN,
    "GET /api/holds/<hold_id>": SIGNED_IN,
    "DELETE /api/holds/<hold_id>": SIGNED_IN,
    "POST /api/holds/<hold_id>/extend": SIGNED_IN,
    "POST /api/bookings": SIGNED_IN,
    "GET /api/bookings": SIGNED_IN,
    "GET /api/bookings/<booking_id>": SIGNED_IN,
    "POST /api/payments/webhook": PUBLIC,
    "POST /api/bookings/<booking_id>/cancel": SIGNED_IN,
    "POST /api/organiser/events": ORGANISER,
    "GET /api/organiser/events": ORGANISER,
    "GET /api/organiser/events/<int:event_id>": ORGANISER,
    "PATCH /api/organiser/events/<int:event_id>": ORGANISER,
    "POST /api/organiser/events/<int:event_id>/ticket-types": ORGANISER,
    "PATCH /api/organiser/events/<int:event_id>/ticket-types/<int:type_id>": ORGANISER,
    "DELETE /api/organiser/events/<int:event_id>/ticket-types/<int:type_id>": ORGANISER,
    "POST /api/organiser/events/<int:event_id>/duplicate": ORGANISER,
    "GET /api/organiser/events/<int:event_id>/bookings": ORGANISER,
    "GET /api/organiser/events/<int:event_id>/audit": ORGANISER,
    "GET /api/organiser/events/<int:event_id>/stats": ORGANISER,
    "POST /api/organiser/events/<int:event_id>/cancel": ORGANISER,
    "GET /api/organiser/events/<int:event_id>/cancel": ORGANISER,
    "GET /api/organiser/work": ORGANISER,
    "POST /api/organiser/work/orders/retry": ORGANISER,
    "POST /api/organiser/work/payments/retry": ORGANISER,
    "POST /api/organiser/work/payments/<booking_id>/retry": ORGANISER,
    "GET /api/organiser/mail": ORGANISER,
    "GET /api/organiser/mail/summary": ORGANISER,
    "GET /api/organiser/mail/<int:letter_id>": ORGANISER,
    "POST /api/organiser/mail/retry": ORGANISER,
    "POST /api/organiser/mail/<int:letter_id>/retry": ORGANISER,
    "POST /api/organiser/mail/<int:letter_id>/resend": ORGANISER,
    "GET /api/admin/accounts": ADMIN,
    "PATCH /api/admin/accounts/<int:account_id>": ADMIN,
    "GET /api/organiser/events/<int:event_id>/report": ORGANISER,
    "GET /api/organiser/events/<int:event_id>/attendees": ORGANISER,
    "GET /api/organiser/events/<int:event_id>/attendees.csv": ORGANISER,
    "GET /api/organiser/events/<int:event_id>/admissions": ORGANISER,
    "GET /api/organiser/events/<int:event_id>/room": ORGANISER,
    "PATCH /api/organiser/events/<int:event_id>/room": ORGANISER,
    "GET /api/organiser/events/<int:event_id>/autopilot": ORGANISER,
    "PUT /api/organiser/events/<int:event_id>/autopilot": ORGANISER,
    "DELETE /api/organiser/events/<int:event_id>/autopilot": ORGANISER,
    "POST /api/organiser/events/<int:event_id>/room/extend": ORGANISER,
    "GET /api/organiser/events/<int:event_id>/room/outlook": ORGANISER,
    "POST /api/organiser/events/<int:event_id>/bookings/<booking_id>/cancel": ORGANISER,
    "POST /api/organiser/check": ORGANISER,
    "GET /.well-known/ticket-keys.json": PUBLIC,
    "GET /healthz": PUBLIC,
    "GET /readyz": PUBLIC,
    "GET /openapi.json": PUBLIC,
    "WS /ws/events/<int:event_id>": PUBLIC,
    "WS /ws/desk/<int:event_id>": PUBLIC,
    "WS /ws/organiser/<int:event_id>": ORGANISER,
    "WS /ws/organiser/mail": ORGANISER,
}
PAGES = {
    "GET /": PUBLIC,
    "GET /signin": PUBLIC,
    "POST /signin": PUBLIC,
    "GET /register": PUBLIC,
    "POST /register": PUBLIC,
    "POST /signout": PUBLIC,
    "GET /forgot": PUBLIC,
    "POST /forgot": PUBLIC,
    "GET /reset": PUBLIC,
    "POST /reset": PUBLIC,
    "GET /verify": PUBLIC,
    "POST /verify": PUBLIC,
    "GET /unsubscribe": PUBLIC,
    "POST /unsubscribe": PUBLIC,
    "GET /profile": SIGNED_IN,
    "POST /profile/name": SIGNED_IN,
    "POST /profile/email": SIGNED_IN,
    "POST /profile/password": SIGNED_IN,
    "POST /profile/look": SIGNED_IN,
    "POST /profile/sessions": SIGNED_IN,
    "POST /profile/verification": SIGNED_IN,
    "POST /profile/data": SIGNED_IN,
    "POST /profile/close": SIGNED_IN,
    "GET /profile/tokens": SIGNED_IN,
    "POST /profile/tokens": SIGNED_IN,
    "POST /profile/tokens/<int:token_id>/revoke": SIGNED_IN,
    "GET /tickets": SIGNED_IN,
    "GET /bookings/<booking_id>": SIGNED_IN,
    "GET /bookings/<booking_id>/calendar.ics": SIGNED_IN,
    "GET /bookings/<booking_id>/cancel": SIGNED_IN,
    "POST /bookings/<booking_id>/cancel": SIGNED_IN,
    "GET /events/<slug>": PUBLIC,
    "GET /events/<slug>/artwork.svg": PUBLIC,
    "GET /events/<slug>/card.png": PUBLIC,
    "GET /events/<slug>/draw": PUBLIC,
    "GET /events/<slug>/draw/list.txt": PUBLIC,
    "POST /events/<slug>/queue": PUBLIC,
    "POST /events/<slug>/reminder": PUBLIC,
    "GET /events/<slug>/queue": TICKET,
    "POST /events/<slug>/queue/claim": TICKET,
    "POST /events/<slug>/queue/leave": TICKET,
    "GET /events/<slug>/book": PUBLIC,
    "POST /events/<slug>/book": SIGNED_IN,
    "GET /events/<slug>/checkout": SIGNED_IN,
    "POST /events/<slug>/checkout": SIGNED_IN,
    "POST /events/<slug>/checkout/extend": SIGNED_IN,
    "POST /events/<slug>/checkout/release": SIGNED_IN,
    "GET /organiser": ORGANISER,
    "GET /organiser/<slug>": ORGANISER,
    "GET /organiser/<slug>/cancel": ORGANISER,
    "POST /organiser/<slug>/cancel": ORGANISER,
    "GET /organiser/work": ORGANISER,
    "POST /organiser/work/orders/retry": ORGANISER,
    "POST /organiser/work/payments/retry": ORGANISER,
    "POST /organiser/work/payments/<booking_id>/retry": ORGANISER,
    "GET /organiser/<slug>/audit": ORGANISER,
    "GET /organiser/new": ORGANISER,
    "POST /organiser/new": ORGANISER,
    "GET /organiser/<slug>/edit": ORGANISER,
    "POST /organiser/<slug>/edit": ORGANISER,
    "POST /organiser/<slug>/publish": ORGANISER,
    "POST /organiser/<slug>/types": ORGANISER,
    "POST /organiser/<slug>/types/<int:type_id>": ORGANISER,
    "GET /organiser/<slug>/preview": ORGANISER,
    "GET /organiser/<slug>/artwork.svg": ORGANISER,
    "GET /organiser/<slug>/after": ORGANISER,
    "GET /organiser/mail": ORGANISER,
    "GET /organiser/mail/<int:letter_id>": ORGANISER,
    "GET /organiser/mail/<int:letter_id>/html": ORGANISER,
    "POST /organiser/mail/retry": ORGANISER,
    "POST /organiser/mail/<int:letter_id>/retry": ORGANISER,
    "POST /organiser/mail/<int:letter_id>/resend": ORGANISER,
    "GET /organiser/door/<slug>": ORGANISER,
    "POST /organiser/door/<slug>": ORGANISER,
    "GET /docs": PUBLIC,
    "GET /mailbox": PUBLIC,
    "GET /mailbox/<key>": PUBLIC,
    "GET /mailbox/<key>/html": PUBLIC,
    "GET /static/<path:filename>": PUBLIC,
}
# The sockets are opened in tests/api/test_sockets.py.
GUARDED = [
    r for r, who in CONTRACT.items() if who in (SIGNED_IN, ORGANISER, ADMIN) and not r.startswith("WS")
]
BODIES = {
    "POST /api/tokens": {"name": "A phone"},
    "POST /api/events/<int:event_id>/holds": {"ticket_type_id": 1, "quantity": 1},
    "POST /api/bookings": {"event_id": 1, "quantity": 1},
    "POST /api/organiser/events": sale_body(),
    "PATCH /api/organiser/events/<int:event_id>": {"name": "A late night at the hall"},
    "PATCH /api/organiser/events/<int:event_id>/room": {"mode": "open"},
    "PUT /api/organiser/events/<int:event_id>/autopilot": ASKED,
    "POST /api/organiser/events/<int:event_id>/room/extend": {"minutes": 1},
    "PATCH /api/admin/accounts/<int:account_id>": {"role": "fan", "current_password": "x"},
    "POST /api/organiser/mail/retry": {},
    "POST /api/organiser/events/<int:event_id>/ticket-types": {"name": "A", "price": 1, "capacity": 5},
    "PATCH /api/organiser/events/<int:event_id>/ticket-types/<int:type_id>": {"price": 2},
    "POST /api/organiser/events/<int:event_id>/duplicate": {
        "starts_at": "2030-01-02T00:00:00Z",
        "sale_starts_at": "2030-01-01T00:00:00Z",
    },
    "POST /api/organiser/check": {"code": "x"},
    "PATCH /api/me": {"name": "Ann"},
    "DELETE /api/me": {"current_password": "x"},
    "POST /api/me/export": {"current_password": "x"},
}
QUERIES = {"GET /api/admin/accounts": {"email": "ann@example.com"}}


def routes(house: House) -> dict[str, str]:
    """Every route of the application, as `METHOD /path`, and its endpoint."""
    assert house.app is not None
    found: dict[str, str] = {}
    for rule in house.app.url_map.iter_rules():
        methods = ["WS"] if rule.websocket else sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        found |= {f"{method} {rule.rule}": rule.endpoint for method in methods}
    return found


async def test_no_route_ships_unlisted_and_no_line_is_out_of_date(house: House):
    assert set(routes(house)) == set(CONTRACT) | set(PAGES)


@pytest.mark.parametrize("route", GUARDED)
async def test_who_is_not_signed_in_is_told_so(house: House, sale: Sale, route: str):
    method, path = route.split(" ")
    where = (
        path.replace("<int:event_id>", str(sale.event_id))
        .replace("<hold_id>", "x")
        .replace("<int:token_id>", "1")
        .replace("<int:account_id>", "1")
        .replace("<booking_id>", "x")
        .replace("<int:letter_id>", "1")
        .replace("<int:type_id>", "1")
    )
    async with house.visitor() as nobody:
        is_problem(
            await nobody.request(method, where, json=BODIES.get(route), params=QUERIES.get(route)),
            401,
            "not_signed_in",
        )


@pytest.mark.parametrize("route", [route for route, who in CONTRACT.items() if who == TICKET])
async def test_who_has_no_ticket_is_told_so(house: House, sale: Sale, route: str):
    method, path = route.split(" ")
    async with house.visitor() as nobody:
        where = path.replace("<int:room_id>", str(sale.event_id))
        is_problem(await nobody.request(method, where), 404, "no_place")


@pytest.mark.parametrize(
    "path",
    [
        r.removeprefix("GET ")
        for r, who in PAGES.items()
        if who in (SIGNED_IN, ORGANISER) and r.startswith("GET ")
    ],
)
async def test_a_page_for_those_signed_in_asks_to_sign_in_and_comes_back(house: House, sale: Sale, path: str):
    where = path.replace("<slug>", sale.slug).replace("<booking_id>", "0" * 32)
    where = where.replace("<int:letter_id>", "1")
    async with house.visitor() as nobody:
        answer = await nobody.get(where)
        assert (answer.status_code, answer.headers["Location"]) == (302, f"/signin?next={where}")


async def test_every_body_of_the_api_is_checked(house: House):
    """A route that takes a body says which model checks it."""
    assert house.app is not None
    bodiless = {
        "POST /api/logout",
        "POST /api/me/verification",
        "POST /api/events/<int:event_id>/reminder",
        "POST /api/events/<int:room_id>/queue",
        "POST /api/events/<int:room_id>/queue/claim",
        "POST /api/payments/webhook",  # its signature is checked, and that is over the bytes
        "POST /api/bookings/<booking_id>/cancel",
        "POST /api/holds/<hold_id>/extend",
        "POST /api/organiser/events/<int:event_id>/bookings/<booking_id>/cancel",
        "POST /api/organiser/mail/<int:letter_id>/retry",
        "POST /api/organiser/mail/<int:letter_id>/resend",
        "POST /api/organiser/work/payments/<booking_id>/retry",
    }
    taking = {
        route: endpoint
        for route, endpoint in routes(house).items()
        if route.startswith(("POST /api/", "PUT /api/", "PATCH /api/"))
    }
    unchecked = {
        route
        for route, endpoint in taking.items()
        if not hasattr(house.app.view_functions[endpoint], QUART_SCHEMA_REQUEST_ATTRIBUTE)
    }
    assert unchecked == bodiless


async def test_health(house: House):
    async with house.visitor() as anybody:
        assert (await anybody.get("/healthz")).json() == {"status": "ok"}
        ready = await anybody.get("/readyz")
        assert (ready.status_code, ready.json()) == (
            200,
            {"ready": True, "redis": True, "database": True, "live": True},
        )
        described = (await anybody.get("/openapi.json")).json()["paths"]
    assert "/api/bookings" in described
    assert described["/api/bookings"].keys() >= {"get", "post"}
