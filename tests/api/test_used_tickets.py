"""A ticket that was used at the door, as its holder sees it: used, and not to be cancelled any more."""

from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from tests.api.support import is_problem, open_sale
from tests.api.test_cancelling import booked, path
from tests.house import House, Sale, Visitor
from ticketflow.domain import now
from ticketflow.words import clock

pytestmark = pytest.mark.asyncio(loop_scope="package")


@pytest_asyncio.fixture(loop_scope="package")
async def sale(house: House) -> Sale:
    """A sale whose tickets may be given back."""
    return await open_sale(house, cancel_until=now() + timedelta(days=10))


async def use(house: House, sale: Sale, ticket: dict[str, Any]) -> str:
    """Somebody comes in with it; when."""
    async with house.visitor() as steward:
        await steward.sign_in(sale.organiser_email)
        told = (await steward.post("/api/organiser/check", json={"code": ticket["signed"]})).json()
    assert told["verdict"] == "valid"
    return str(told["used_at"])


async def test_the_api_tells_which_ticket_was_used_and_when(house: House, sale: Sale, fan: Visitor):
    booking = await booked(fan, sale, 2)
    assert [ticket["used_at"] for ticket in booking["tickets"]] == [None, None]
    used_at = await use(house, sale, booking["tickets"][1])
    (listed,) = (await fan.get("/api/bookings")).json()
    one = (await fan.get(f"/api/bookings/{booking['id']}")).json()
    for seen in (listed, one):
        assert [ticket["used_at"] for ticket in seen["tickets"]] == [None, used_at]


@pytest.mark.parametrize("where", ["booking", "tickets"])
async def test_pages_mark_it_and_offer_no_cancelling(house: House, sale: Sale, fan: Visitor, where: str):
    booking = await booked(fan, sale, 2)
    page = f"/bookings/{booking['id']}" if where == "booking" else "/tickets"
    before = (await fan.get(page)).text
    assert ('data-test="cancel"' in before, 'data-test="used"' in before) == (True, False)
    used_at = await use(house, sale, booking["tickets"][0])
    after = (await fan.get(page)).text
    assert ('data-test="cancel"' in after, after.count('data-test="used"')) == (False, 1)
    assert f"{clock(used_at)}</time>" in after.partition("Used <time")[2][:120]
    assert after.count("data-used") == 1
    assert "You can cancel until" not in after
    assert all(ticket["code"] in after for ticket in booking["tickets"])


async def test_the_page_that_asks_says_why_it_does_not(house: House, sale: Sale, fan: Visitor):
    booking = await booked(fan, sale)
    await use(house, sale, booking["tickets"][0])
    answer = await fan.get(f"/bookings/{booking['id']}/cancel")
    assert (answer.status_code, "was used at the door" in answer.text) == (409, True)
    is_problem(await fan.post(path(booking)), 409, "ticket_used")
