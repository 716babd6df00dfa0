"""The event editor where no script runs: what is wrong stands beside its field, and nothing typed is lost."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.api.support import open_sale
from tests.house import House, Sale, Visitor

pytestmark = [
    pytest.mark.asyncio(loop_scope="package"),
    pytest.mark.parametrize("house", ["sqlite"], indirect=True, scope="package"),
]

FORM = {
    "blocks": "1",
    "name": "A night <b>",
    "venue": "The hall",
    "timezone": "Europe/Berlin",
    "starts_at": "2031-03-30T20:00",
    "sale_starts_at": "2031-01-01T10:00",
    "currency": "JPY",
    "fee": "2.5",
    "per_user_limit": "4",
    "types-0-name": "Stalls",
    "types-0-price": "2500",
    "types-0-kind": "csv",
    "types-0-seating": "section,row,seats\nStalls,A,12\n",
}
WRONG = {
    "name": ("", "Please give it a name"),
    "starts_at": ("2031-03-30T02:30", "There is no such time"),
    "sale_starts_at": ("2032-01-01T10:00", "The sale must start before the event."),
    "timezone": ("Mars", "Please choose a zone"),
    "fee": ("101", "Please write a percentage"),
    "types-0-price": ("25.5", "Please write an amount"),  # a yen has no hundredths
    "types-0-seating": (
        "section,row,seats\nStalls,A,12\nStalls,A,3",
        "Line 3: Stalls, row A stands in line 2",
    ),
}


@pytest_asyncio.fixture(loop_scope="package")
async def organiser(house: House, sale: Sale) -> AsyncIterator[Visitor]:
    async with house.visitor() as visitor:
        await visitor.sign_in(sale.organiser_email)
        yield visitor


def told(page: str, field: str) -> str:
    found = re.search(rf'id="{field}-problem">([^<]*)<', page)
    return found[1] if found else "no such field"


async def test_what_is_wrong_is_said_beside_its_field_and_all_is_kept(organiser: Visitor):
    for field, (value, words) in WRONG.items():
        answer = await organiser.post("/organiser/new", data={**FORM, field: value})
        assert answer.status_code == 422, field
        assert words in told(answer.text, field), (field, told(answer.text, field))
        assert "Stalls,A,12" in answer.text
        assert 'value="The hall"' in answer.text
    made = await organiser.post("/organiser/new", data=FORM)
    assert made.status_code == 303
    event = (await organiser.get("/api/organiser/events")).json()["events"][0]
    # In Berlin the clocks have gone forward on that day.
    assert (event["starts_at"], event["published"]) == ("2031-03-30T18:00:00.000Z", False)
    assert (event["ticket_types"][0]["price"], event["fee_basis_points"]) == (2500, 250)


async def test_seats_are_shown_and_room_is_made_without_anything_being_made(organiser: Visitor):
    before = len((await organiser.get("/api/organiser/events")).json()["events"])
    rows = {"types-0-kind": "rows", "types-0-section": "Box", "types-0-rows": "28", "types-0-seats": "3"}
    page = (await organiser.post("/organiser/new", data={**FORM, **rows, "act": "plan"})).text
    assert ">84</data> seats." in page
    assert "Z with 3, AA with 3, AB with 3" in page
    more = (await organiser.post("/organiser/new", data={**FORM, "act": "more"})).text
    assert 'name="types-1-name"' in more
    assert len((await organiser.get("/api/organiser/events")).json()["events"]) == before


async def test_what_cannot_be_changed_any_more_says_why(
    house: House, organiser: Visitor, sale: Sale, fan: Visitor
):
    await fan.hold(sale, 3)
    path, kind = f"/organiser/{sale.slug}", sale.type_ids[0]
    page = (await organiser.get(f"{path}/edit")).text
    assert "People can be in this queue already and go by this, so it stands." in page
    assert "It cannot be hidden" in page
    assert "types are neither added nor taken away" in page
    form = {f"type-{kind}-name": "Standing", f"type-{kind}-price": "25.00", f"type-{kind}-capacity": "2"}
    below = await organiser.post(f"{path}/types/{kind}", data=form)
    assert below.status_code == 409
    assert "3 of these tickets are sold, held" in told(below.text, f"type-{kind}-capacity")
    assert (
        await organiser.post(f"{path}/types/{kind}", data={**form, f"type-{kind}-capacity": "3"})
    ).is_redirect
    hidden = await organiser.post(f"{path}/publish", data={"wanted": "no"})
    assert "People can be in this queue already" in (await organiser.get(hidden.headers["Location"])).text
    other = await open_sale(house)
    assert (await organiser.get(f"/organiser/{other.slug}/preview")).status_code == 404
