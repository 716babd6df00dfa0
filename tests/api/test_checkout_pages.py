"""The checkout's forms: whatever is sent leads to a page with words, and what was chosen is kept."""

import asyncio
import re
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
import pytest

from tests.api.support import BALCONY, STANDING, is_problem, open_sale, services, state_of
from tests.house import House, Sale, Visitor
from ticketflow.domain import Hold

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def send(fan: Visitor, sale: Sale, step: str, **fields: Any) -> httpx.Response:
    answer = await fan.post(f"/events/{sale.slug}/{step}", data=fields)
    assert answer.status_code == 303, answer.text
    return answer


async def page_after(fan: Visitor, answer: httpx.Response) -> str:
    """The page that an answer leads to, in the end."""
    page = await fan.get(answer.headers["Location"], follow_redirects=True)
    assert page.status_code == 200, page.text
    return page.text


def said(page: str) -> str:
    """What the page says went wrong."""
    found = re.search(r'role="alert" data-problem[^>]*>([^<]*)<', page)
    assert found is not None
    return found[1]


def field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, name
    return found[1]


async def held(house: House, sale: Sale) -> Hold | None:
    """The only hold of the sale there is."""
    found = services(house)
    stored = await found.redis.hkeys(found.stock.keys(sale.event_id).holds)
    assert len(stored) <= 1
    if not stored:
        return None
    user = (await found.database.fetch_one("select max(id) as id from users"))["id"]  # type: ignore[index]
    return await found.stock.find(sale.event_id, str(stored[0]), user)


async def test_a_choice_survives_the_way_over_sign_in(house: House):
    sale = await open_sale(house, types=[STANDING, BALCONY])
    kind = sale.type_ids[1]
    async with house.visitor() as fan:
        await fan.come_in(sale)
        seats = {"type": sale.type_ids[0], "quantity": 3, "seat": [f"{kind}.1", f"{kind}.4"]}
        answer = await send(fan, sale, "book", **seats)
        onward = unquote(urlsplit(answer.headers["Location"]).query.removeprefix("next="))
        assert answer.headers["Location"].startswith("/signin?next=")
        assert parse_qs(urlsplit(onward).query) == {"type": [str(kind)], "quantity": ["3"], "units": ["1,4"]}
        await fan.register()
        page = (await fan.get(onward)).text
        for unit, checked in ((1, True), (2, False), (4, True)):
            box = re.search(rf'value="{kind}\.{unit}"([^>]*)>', page)
            assert box is not None
            assert ("checked" in box[1]) is checked


async def test_one_form_sent_twice_is_one_hold_and_one_booking(house: House, sale: Sale, fan: Visitor):
    choice = {"type": sale.type_ids[0], "quantity": 2}
    first = await send(fan, sale, "book", **choice)
    again = await send(fan, sale, "book", **choice)
    assert first.headers["Location"] == again.headers["Location"] == f"/events/{sale.slug}/checkout"
    hold = await held(house, sale)
    assert hold is not None
    assert len(hold.units) == 2
    page = await page_after(fan, first)
    sent = {"hold_id": field(page, "hold_id"), "key": field(page, "key"), "method": "card-ok"}
    answers = await asyncio.gather(*(send(fan, sale, "checkout", **sent) for _ in range(5)))
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert len((await fan.get("/api/bookings")).json()) == 1
    assert field(await page_after(fan, await send(fan, sale, "book", **choice)), "key") != sent["key"]


async def test_a_card_that_is_declined_leads_back_to_another(house: House, sale: Sale, fan: Visitor):
    page = await page_after(fan, await send(fan, sale, "book", type=sale.type_ids[0], quantity=1))
    sent = {"hold_id": field(page, "hold_id"), "key": field(page, "key")}
    page = await page_after(fan, await send(fan, sale, "checkout", method="card-declined", **sent))
    assert "Nothing was charged. Your tickets are still held" in said(page)
    assert field(page, "key") != sent["key"]
    page = await page_after(fan, await send(fan, sale, "checkout", method="card-ok", **sent))
    assert "sent once already" in said(page)
    sent["key"] = field(page, "key")
    page = await page_after(fan, await send(fan, sale, "checkout", method="gold", **sent))
    assert "no way to pay called" in said(page)
    sent["key"] = field(page, "key")
    assert "Confirmed" in await page_after(fan, await send(fan, sale, "checkout", method="card-ok", **sent))


async def test_time_once_more_and_given_back(house: House, sale: Sale, fan: Visitor):
    page = await page_after(fan, await send(fan, sale, "book", type=sale.type_ids[0], quantity=3))
    hold_id = field(page, "hold_id")
    assert said(await page_after(fan, await send(fan, sale, "checkout/extend", hold_id=hold_id))) == ""
    page = await page_after(fan, await send(fan, sale, "checkout/extend", hold_id=hold_id))
    assert "had their extra time" in said(page)
    answer = await send(
        fan, sale, "checkout/release", hold_id=hold_id, type=sale.type_ids[0], quantity=3, units=""
    )
    page = await page_after(fan, answer)
    assert "The tickets went back, and nothing was charged." in page
    assert 'value="3" data-test="quantity"' in page
    assert await held(house, sale) is None


async def test_what_is_over_and_what_was_never_there(house: House, sale: Sale, fan: Visitor):
    page = await page_after(fan, await send(fan, sale, "book", type=sale.type_ids[0], quantity=1))
    sent = {"hold_id": field(page, "hold_id"), "key": field(page, "key"), "method": "card-ok"}
    found = services(house)
    keys = found.stock.keys(sale.event_id)
    stored = str(await found.redis.hget(keys.holds, sent["hold_id"]))
    await found.redis.hset(keys.holds, sent["hold_id"], re.sub(r'"expires":"\d+"', '"expires":"1"', stored))
    assert "time for these tickets has run out" in said(
        await page_after(fan, await send(fan, sale, "checkout", **sent))
    )
    ended = await fan.get(f"/events/{sale.slug}/checkout?ended")
    assert "The time to pay has passed" in said(await page_after(fan, ended))
    for step in ("checkout", "checkout/extend", "checkout/release"):
        page = await page_after(fan, await send(fan, sale, step, hold_id="no-such-hold", method="card-ok"))
        assert said(page) or "The tickets went back" in page


async def test_what_was_paid_in_another_tab_leads_to_its_booking(house: House, sale: Sale, fan: Visitor):
    """A hold that became a booking did not go back, and nobody is told so, by form or by API."""
    page = await page_after(fan, await send(fan, sale, "book", type=sale.type_ids[0], quantity=1))
    hold_id = field(page, "hold_id")
    hold = f"/api/holds/{hold_id}"
    assert (await fan.get(hold)).json()["id"] == hold_id
    paid = (await fan.book(hold_id)).json()["id"]
    for answer in (await fan.get(hold), await fan.post(f"{hold}/extend"), await fan.delete(hold)):
        assert is_problem(answer, 409, "already_booked")["booking_id"] == paid
    sent = {"hold_id": hold_id, "key": "of-another-page", "method": "card-slow"}
    for step in ("checkout", "checkout/extend", "checkout/release"):
        answer = await send(fan, sale, step, **sent)
        assert answer.headers["Location"] == f"/bookings/{paid}"
    ended = await fan.get(f"/events/{sale.slug}/checkout?ended={hold_id}")
    assert ended.headers["Location"] == f"/bookings/{paid}"
    assert len((await fan.get("/api/bookings")).json()) == 1
    async with house.visitor() as thief:
        await thief.register()
        is_problem(await thief.get(hold), 410, "hold_expired")
        ended = await thief.get(f"/events/{sale.slug}/checkout?ended={hold_id}")
        assert "The time to pay has passed" in said(await page_after(thief, ended))


async def test_who_is_not_let_in_is_shown_the_line(house: House, sale: Sale):
    async with house.visitor() as stranger:
        await stranger.register()
        before = await state_of(house, sale)
        page = await page_after(
            stranger, await send(stranger, sale, "book", type=sale.type_ids[0], quantity=1)
        )
        assert said(page)
        assert 'data-step="outside"' in page
        assert await state_of(house, sale) == before


async def test_nonsense_in_a_form_is_answered_in_words(house: House, sale: Sale, fan: Visitor):
    """Never an error page: a choice as near as can be, or words."""
    for fields in (
        {},
        {"type": "x", "quantity": "x", "units": "x", "seat": "x"},
        {"type": "9" * 30, "quantity": "-1", "units": "1,,2"},
        {"type": str(sale.type_ids[0]), "quantity": "99", "seat": f"{sale.type_ids[0]}.1"},
    ):
        page = await page_after(fan, await send(fan, sale, "book", **fields))
        assert 'data-step="pay"' in page
        await send(fan, sale, "checkout/release", hold_id=field(page, "hold_id"))
    for fields in ({}, {"hold_id": "x" * 500}, {"hold_id": "1-1", "method": "\x00"}, {"key": "é"}):
        assert said(await page_after(fan, await send(fan, sale, "checkout", **fields)))


async def test_seats_of_two_kinds_are_no_one_hold(house: House):
    other = BALCONY.__class__("Gallery", 1900, BALCONY.capacity, BALCONY.seats)
    sale = await open_sale(house, types=[BALCONY, other])
    async with house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        seats = [f"{kind}.0" for kind in sale.type_ids]
        page = await page_after(fan, await send(fan, sale, "book", type=sale.type_ids[0], seat=seats))
        assert "One kind of ticket at a time" in said(page)
        assert await held(house, sale) is None


async def test_nobody_can_put_words_on_our_page(house: House, sale: Sale, fan: Visitor):
    for forged in ("Send money to me", "", "WyJTZW5kIG1vbmV5IiwiIl0.aWx1Vg.x", "é", "." * 300):
        page = await fan.get(f"/events/{sale.slug}/book", params={"said": forged})
        assert page.status_code == 200
        assert said(page.text) == ""
        assert "money to me" not in page.text
