"""Words for the next page stand on that page, before who did it, for a moment: nowhere else."""

import secrets
import time
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.house import House, Visitor
from ticketflow.web import paging

pytestmark = [
    pytest.mark.asyncio(loop_scope="package"),
    # None of this asks a database of its own.
    pytest.mark.parametrize("house", ["sqlite"], indirect=True),
]

WORDS = "You are called Words from here on."


async def renamed(fan: Visitor) -> str:
    """What `said` is in the address that a form leads to."""
    answer = await fan.post("/profile/name", data={"name": "Words"})
    assert answer.status_code == 303
    return parse_qs(urlsplit(answer.headers["Location"]).query)["said"][0]


async def shows(visitor: Visitor, path: str, said: str) -> bool:
    page = await visitor.get(path, params={"said": said}, headers={"Accept": "text/html"})
    assert page.status_code == 200
    return WORDS in page.text


async def check_words_stay_where_they_belong(house: House) -> None:
    async with house.visitor() as fan, house.visitor() as other, house.visitor() as stranger:
        await fan.register()
        await other.register()
        said = await renamed(fan)
        assert await shows(fan, "/profile", said)
        for path in ("/signin", "/forgot", "/reset", "/verify", "/profile/tokens", "/tickets"):
            assert not await shows(fan, path, said), path
        assert not await shows(other, "/profile", said)
        assert not await shows(stranger, "/signin", said)


async def test_words_show_on_their_page_before_who_did_it_only(house: House):
    await check_words_stay_where_they_belong(house)


async def test_control_signed_for_no_page_they_show_anywhere(house: House, monkeypatch: pytest.MonkeyPatch):
    seal = paging._sealer
    monkeypatch.setattr(paging, "_sealer", lambda _: seal("anywhere"))
    with pytest.raises(AssertionError, match="/signin"):
        await check_words_stay_where_they_belong(house)


async def test_control_signed_for_nobody_they_show_before_others(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(paging, "account_id", lambda: None)
    with pytest.raises(AssertionError):
        await check_words_stay_where_they_belong(house)


async def test_words_are_over_soon(house: House, monkeypatch: pytest.MonkeyPatch):
    async with house.visitor() as fan:
        await fan.register()
        said = await renamed(fan)
        later = time.time() + paging.SAID_SECONDS + 2
        monkeypatch.setattr("itsdangerous.timed.time.time", lambda: later)
        assert not await shows(fan, "/profile", said)


async def test_a_page_with_a_query_keeps_it(house: House):
    async with house.visitor() as fan:
        await fan.register()
        sent = {"next": f"/tickets?x={secrets.token_hex(4)}"}
        answer = await fan.post("/profile/verification", data=sent)
        assert answer.headers["Location"].startswith(f"{sent['next']}&said=")
