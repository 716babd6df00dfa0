"""Wherever an address brings the way to go on, it goes on inside."""

import pytest

from tests.house import PASSWORD, House, Sale
from ticketflow.web.paging import safe_path

pytestmark = [
    pytest.mark.asyncio(loop_scope="package"),
    pytest.mark.parametrize("house", ["sqlite"], indirect=True),
]
OUTSIDE = [
    "//evil.example",
    "///evil.example/x",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/\n/evil.example",
    "/\r\nLocation: https://evil.example",
    "/\u2028/evil.example",
    "/\u00a0/evil.example",
    "/\x00/evil.example",
    "https://evil.example",
    "https:evil.example",
    "HTTPS://evil.example",
    "http://localhost@evil.example",
    "//localhost@evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,evil",
    "evil.example",
    "@evil.example",
    "?next=//evil.example",
    "/" + "x" * 3_000,
]
INSIDE = [
    "/%09/evil.example",
    "/%2F/evil.example",
    "/%5Cevil.example",
    "/@evil.example",
    "/?u=//evil.example",
]


async def test_nothing_leads_outside(house: House, sale: Sale):
    async with house.visitor() as visitor:
        for wanted in OUTSIDE:
            assert safe_path(wanted) == "", wanted
            form = {"email": sale.organiser_email, "password": PASSWORD, "next": wanted}
            signed_in = await visitor.post("/signin", data=form)
            assert (signed_in.status_code, signed_in.headers["Location"]) == (303, "/"), wanted
            again = await visitor.post("/profile/verification", data={"next": wanted})
            assert again.headers["Location"].startswith("/profile?"), wanted
            for page in ("/signin", "/register"):
                assert "evil" not in (await visitor.get(page, params={"next": wanted})).text, wanted


async def test_what_is_written_oddly_stays_a_path_of_ours(house: House, sale: Sale):
    async with house.visitor() as visitor:
        for wanted in INSIDE:
            form = {"email": sale.organiser_email, "password": PASSWORD, "next": wanted}
            location = (await visitor.post("/signin", data=form)).headers["Location"]
            assert location == wanted
            assert visitor.base_url.join(location).host == "localhost", wanted


async def test_an_error_page_leads_back_inside_only(house: House):
    """Its way on is where the reader came from, or this address again; either may begin with two slashes."""
    async with house.visitor() as visitor:
        came_from = {"Referer": "http://localhost//evil.example/x", "Accept": "text/html"}
        page = await visitor.post("/no/such/page", headers=came_from)
        assert "//evil" not in page.text
        good = await visitor.post(
            "/no/such/page", headers=came_from | {"Referer": "http://localhost/tickets"}
        )
        assert 'href="/tickets"' in good.text
