"""What the doors say while nobody is taken in: why, in the organiser's words, and never "take your place"."""

from datetime import timedelta

import pytest

from tests.api.support import is_problem, made_sale, open_sale, services
from tests.house import House, Sale
from ticketflow.domain import iso, now

pytestmark = pytest.mark.asyncio(loop_scope="package")

WHY = "The singer is ill.\nMoney goes back on Monday."


async def close(house: House, sale: Sale) -> None:
    """Close the sale with a message, and let this house see it."""
    async with house.visitor() as organiser:
        await organiser.sign_in(sale.organiser_email)
        room = f"/api/organiser/events/{sale.event_id}/room"
        assert (await organiser.patch(room, json={"mode": "closed", "message": WHY})).status_code == 200
    await seen(house, sale)


async def seen(house: House, sale: Sale) -> None:
    """Let the house see the room as it is now, rather than a moment later."""
    found = services(house)
    room = await found.rooms.of(sale.event_id)
    found.catalogue.take_frame(sale.event_id, await room.snapshot())


@pytest.mark.parametrize("needs_account", [False, True])
async def test_who_has_no_place_reads_why_a_sale_was_closed(house: House, needs_account: bool):
    sale = await open_sale(house, queue_needs_account=needs_account)
    await close(house, sale)
    door = f"/events/{sale.slug}/queue"
    async with house.visitor() as fan:
        if needs_account:
            assert "The sale is closed" in (await fan.get(door)).text
            await fan.register()
        by_form = await fan.post(door)
        assert by_form.status_code == 409
        pages = [by_form.text, (await fan.get(f"/events/{sale.slug}")).text]
        if needs_account:
            pages.append((await fan.get(f"{door}?join")).text)
        for page in pages:
            assert "The sale is closed" in page
            assert f"{WHY}</p>" in page
        assert "Take your place" not in by_form.text
        assert "data-join-in" not in pages[-1]


async def test_the_door_of_a_sale_that_has_not_begun_says_when(house: House):
    later = now() + timedelta(hours=2)
    times = {"sale_starts_at": iso(later), "lobby_opens_at": iso(later - timedelta(hours=1))}
    async with house.visitor() as organiser, house.visitor() as fan:
        await organiser.sign_in((await open_sale(house)).organiser_email)
        sale = await made_sale(organiser, queue_needs_account=True, **times)
        await seen(house, sale)
        door = f"/events/{sale.slug}/queue"
        await fan.register()
        is_problem(await fan.join(sale), 409, "not_open")
        for answer in (await fan.get(door), await fan.post(door)):
            assert "The line is not open yet" in answer.text
            assert "The lobby opens" in answer.text
            assert "Take your place" not in answer.text
