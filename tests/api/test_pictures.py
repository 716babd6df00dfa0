"""How an event looks where its link is shared: a card that is a picture whatever its name, and facts."""

import asyncio
import io
import json
import re
from datetime import UTC, datetime

import pytest
from PIL import Image

from tests.api.support import open_sale, services
from tests.house import House, Sale
from ticketflow.art.artwork import artwork
from ticketflow.art.shapes import HEIGHT, KINDS, WIDTH
from ticketflow.web.share_card import share_card

DAY = datetime(2026, 12, 12, 18, 30, tzinfo=UTC)
ODD = {
    "long": "The Very Long and Winding Anniversary Concert of the Philharmonic Orchestra " * 3,
    "one word": "W" * 200,
    "other letters": "東京フィルハーモニー 🎸 Ночь в Опере \u0645\u0647\u0631\u062c\u0627\u0646",
    "accents": "Ünïcødé Łódź",
    "none": "",
    "controls": "evil\x00\n\u202ename\t",
}


def picture_of(card: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(card))
    assert (image.format, image.size) == ("PNG", (WIDTH, HEIGHT))
    assert len(card) < 300_000
    return image.convert("RGB")


def ink(card: bytes) -> int:
    """How many pixels of the card's paper are dark: how much is written there."""
    paper = picture_of(card).crop((90, 350, 850, 560)).convert("L")
    return sum(paper.histogram()[:90])


@pytest.mark.parametrize("name", ODD.values(), ids=ODD)
def test_any_name_makes_a_card(name: str):
    assert ink(share_card(1, name, name, DAY)) > 500


def test_what_no_font_has_is_left_out_and_the_rest_is_there():
    plain = share_card(1, "A night", "Town", DAY)
    assert share_card(1, "\U000f0000A night\U000f0001", "Town", DAY) == plain
    assert share_card(1, "Another", "Town", DAY) != plain


@pytest.mark.asyncio(loop_scope="package")
async def test_the_card_stays_at_its_address_and_another_day_has_another(house: House, sale: Sale):
    async with house.visitor() as anybody:
        page = (await anybody.get(f"/events/{sale.slug}")).text
        (address,) = set(re.findall(r'og:image" content="http://localhost([^"]+)"', page))
        found = await anybody.get(address)
        assert found.headers["Cache-Control"].endswith("immutable")
        assert found.headers["Content-Type"] == "image/png"
        picture_of(found.content)
        stale = await anybody.get(address[:-4] + "0000")
        assert stale.headers["Cache-Control"] == "no-cache"
        again = {"If-None-Match": found.headers["ETag"]}
        assert (await anybody.get(address, headers=again)).status_code == 304
        other = await open_sale(house)
        assert address.partition("?v=")[2] not in (await anybody.get(f"/events/{other.slug}")).text
        assert (await anybody.get("/events/no-such/card.png")).status_code == 404


@pytest.mark.asyncio(loop_scope="package")
async def test_many_who_ask_at_once_get_one_card(house: House, sale: Sale):
    async with house.visitor() as anybody:
        before = share_card.cache_info().misses
        cards = await asyncio.gather(*(anybody.get(f"/events/{sale.slug}/card.png") for _ in range(20)))
        assert len({card.content for card in cards}) == 1
        assert share_card.cache_info().misses == before + 1


@pytest.mark.asyncio(loop_scope="package")
async def test_machines_read_the_facts(house: House, sale: Sale):
    async with house.visitor() as anybody:
        page = (await anybody.get(f"/events/{sale.slug}")).text
    block = re.search(r'<script type="application/ld\+json">(.*?)</script>', page, re.S)
    assert block is not None
    facts = json.loads(block[1])
    event = services(house).catalogue.event(sale.event_id)
    assert (facts["@type"], facts["name"]) == ("Event", event.name)
    assert datetime.fromisoformat(facts["startDate"]) == event.starts_at.replace(
        microsecond=event.starts_at.microsecond // 1000 * 1000
    )
    assert facts["offers"][0]["price"] == "25.00"
    assert facts["offers"][0]["availability"] == "https://schema.org/InStock"
    assert f'<link rel="canonical" href="http://localhost/events/{sale.slug}">' in page


@pytest.mark.asyncio(loop_scope="package")
async def test_artwork_is_light_and_lets_in_no_style_but_its_own(house: House, sale: Sale):
    async with house.visitor() as anybody:
        found = await anybody.get(f"/events/{sale.slug}/artwork.svg")
        plain = await anybody.get(f"/events/{sale.slug}/artwork.svg", headers={"Accept-Encoding": "identity"})
    assert found.text == plain.text == artwork(sale.event_id)
    assert int(found.headers["Content-Length"]) < 1_800
    assert re.search(
        r"default-src 'none'; style-src 'sha256-[^']+'$", found.headers["Content-Security-Policy"]
    )


def test_events_made_one_after_the_other_look_different():
    drawn = [re.sub(r"oklch\([^)]+\)", "", artwork(event_id)) for event_id in range(1, 27)]
    assert len(set(drawn)) == 26
    assert len({re.sub(r"[\d.-]+", "", picture)[:4000] for picture in drawn[: len(KINDS)]}) == len(KINDS)
    assert artwork(7) == artwork(7)
    assert max(len(artwork(event_id)) for event_id in range(1, 200)) < 4_000
