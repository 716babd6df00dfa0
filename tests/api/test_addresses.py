"""Whatever stands in an address: 404 with a problem document, in our own words."""

import pytest

from tests.api.support import is_problem, state_of
from tests.house import House, Sale, Visitor

pytestmark = pytest.mark.asyncio(loop_scope="package")

IDS = ["987654321", "0", "-1", str(10**30), "9" * 4000, "1.5", "one", "%00", "%ED%A0%80", "%F0%9F%8E%AB",
       "1%2F2", "x" * 5000, "'; DROP TABLE events; --", "..%2f..%2fetc%2fpasswd"]  # fmt: skip
OF_AN_EVENT = [
    ("GET", "/api/events/{}", None),
    ("GET", "/api/events/{}/seats", None),
    ("GET", "/api/events/{}/seats/plan", None),
    ("GET", "/api/events/{}/seats/state", None),
    ("GET", "/api/events/{}/queue", None),
    ("POST", "/api/events/{}/queue", None),
    ("DELETE", "/api/events/{}/queue", None),
    ("POST", "/api/events/{}/queue/claim", None),
    ("POST", "/api/events/{}/holds", {"ticket_type_id": 1, "quantity": 1}),
    ("GET", "/api/organiser/events/{}/room", None),
    ("PATCH", "/api/organiser/events/{}/room", {"mode": "open"}),
]
OF_ANOTHER_THING = [("DELETE", "/api/holds/{}"), ("GET", "/api/bookings/{}")]


@pytest.mark.parametrize(("method", "path", "body"), OF_AN_EVENT)
async def test_an_event_that_is_not_there(
    house: House, sale: Sale, fan: Visitor, method: str, path: str, body: object
):
    before = await state_of(house, sale)
    async with house.visitor() as organiser:
        await organiser.sign_in(sale.organiser_email)
        for wanted in IDS:
            is_problem(await organiser.request(method, path.format(wanted), json=body), 404, "not_found")
    assert await state_of(house, sale) == before


@pytest.mark.parametrize(("method", "path"), OF_ANOTHER_THING)
async def test_a_thing_that_is_not_there(house: House, sale: Sale, fan: Visitor, method: str, path: str):
    before = await state_of(house, sale)
    event = sale.event_id
    for wanted in [*IDS, f"{event}-", f"{event}-{'0' * 32}", f"{10**30}-x", f"{event}-%00", "-x", "²-x"]:
        is_problem(await fan.request(method, path.format(wanted)), 404, "not_found")
    assert await state_of(house, sale) == before


async def test_an_address_that_is_not_there_is_told_kindly(house: House):
    async with house.visitor() as visitor:
        for path in ("/api/", "/api/nothing", "/api/events/", "/api/%ff", "/api/" + "x" * 8000):
            detail = is_problem(await visitor.get(path), 404, "not_found")["detail"]
            assert "URL" not in detail
            assert "server" not in detail
        page = await visitor.get("/nothing", headers={"Accept": "text/html"})
        assert (page.status_code, page.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
        assert "There is nothing here" in page.text


async def test_an_address_used_in_another_way(house: House, sale: Sale):
    async with house.visitor() as visitor:
        for method, path in (
            ("DELETE", "/api/events"),
            ("PUT", f"/api/events/{sale.event_id}/queue"),
            ("GET", "/api/login"),
            ("POST", "/api/me"),
            ("PATCH", "/api/bookings"),
        ):
            is_problem(await visitor.request(method, path), 405, "method_not_allowed")


async def test_pages_of_events_that_are_not_there(house: House):
    async with house.visitor() as visitor:
        for path in ("", "/queue", "/book", "/artwork.svg"):
            for slug in ("no-such-event", "%00", "x" * 3000):
                page = await visitor.get(f"/events/{slug}{path}", headers={"Accept": "text/html"})
                assert page.status_code == 404, path
