"""Letters: text and HTML say the same, what was typed stays words, and codes and files are whole."""

import io
import re
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from html import unescape

import pytest
import zxingcpp
from icalendar import Calendar
from PIL import Image, ImageOps

from tests import letters
from tests.letters import opened
from ticketflow.domain import Booking, now
from ticketflow.mail import account_words, event_sheets
from ticketflow.mail.html_page import html_page
from ticketflow.mail.looks import palette_of
from ticketflow.mail.message import SUBJECTS
from ticketflow.store.reminders import SALE_OPENS
from ticketflow.ticket_codes import TicketReader

KINDS = sorted(SUBJECTS)
MOST_BYTES = 200_000
"""Of a letter with ten tickets."""
CLIPPED = 102_000
"""Of HTML: above that, a large mail program cuts a letter off."""
HOSTILE = '<script>alert(1)</script> & "Co"\r\nBcc: all@example.com'


def seen_in(html: str) -> str:
    """The words that a reader sees of a page of HTML, in one line."""
    body = re.sub(r"<!--.*?-->|<style>.*?</style>|<title>.*?</title>", "", html, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<br>|<[^>]+>", " ", body)).split())


def only_in_text(message: EmailMessage) -> list[str]:
    """The lines of a letter's text that its HTML does not say."""
    seen = seen_in(letters.html_of(message)).replace(" ", "")
    lines = [line.rstrip(":") for line in letters.text_of(message).splitlines() if "/unsubscribe" not in line]
    parts = [part for line in lines for part in re.split(r": |, ", line)]
    return [part for part in parts if "".join(part.split()) not in seen]


def test_there_is_one_of_each_kind():
    assert sorted(letters.one_of_each()) == KINDS
    assert set(KINDS) == set(account_words.SUBJECTS) | set(event_sheets.SUBJECTS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_letter_is_whole_and_says_the_same_twice(kind: str):
    message = opened(letters.one_of_each()[kind])
    assert message["Subject"] == SUBJECTS[kind].format(event=letters.EVENT.name)
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"] == f"<{kind}@ticketflow>"
    assert only_in_text(message) == []
    assert all(ord(sign) >= 32 or sign in "\r\n" for sign in letters.text_of(message))


def test_control_a_line_that_only_the_text_has_is_found():
    message = opened(letters.one_of_each()["verify"])
    text = message.get_body(("plain",))
    assert text is not None
    text.set_content(letters.text_of(message) + "\nMoney back: €12.00\n")
    assert only_in_text(message) == ["Money back", "€12.00"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_letter_loads_nothing_and_styles_itself(kind: str):
    message = opened(letters.one_of_each()[kind])
    html = letters.html_of(message)
    shown = html_page(message) or ""
    for address in re.findall(r"""(?:src|background)=["']([^"']+)|url\(([^)]+)""", shown):
        assert all(
            part.startswith(("data:image/png;base64,", "data:image/jpeg;base64,")) for part in address if part
        )
    assert "<link" not in html
    assert "<svg" not in html
    assert "oklch" not in html
    assert "class=" in html
    # Without its only style sheet, which is for the dark, each element still has its colours.
    without = re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)
    for element in re.findall(r"<(?:p|a|h1|h2|strong)\b[^>]*>", without):
        assert "style=" in element, element
    assert without.count("cid:") == len(letters.pictures_of(message))


def test_only_a_letter_that_was_asked_for_can_be_stopped_by_one_click():
    for kind, written in letters.one_of_each().items():
        message = opened(written)
        stop = (message["List-Unsubscribe"], message["List-Unsubscribe-Post"])
        if kind == SALE_OPENS:
            url = f"{letters.HOME}/unsubscribe?token=a.b"
            assert stop == (f"<{url}>", "List-Unsubscribe=One-Click")
            assert url in letters.text_of(message)
        else:
            assert stop == (None, None)


@pytest.mark.parametrize(
    "write", [letters.confirmation, letters.cancellation], ids=lambda write: write.__name__
)
def test_what_somebody_typed_stays_words(write):
    event = replace(letters.EVENT, name=HOSTILE, venue=HOSTILE)
    plain = opened(write(letters.made_booking()))
    message = opened(write(letters.made_booking(), event, HOSTILE))
    assert set(message.keys()) == set(plain.keys())
    assert "Bcc" not in message
    assert "<script" not in letters.html_of(message)
    assert "&lt;script&gt;" in letters.html_of(message)
    assert "\n" not in str(message["Subject"])


def test_an_event_s_name_writes_no_header_of_a_sale_s_letter():
    message = opened(letters.sale_opens(replace(letters.EVENT, name=HOSTILE), HOSTILE))
    assert set(message.keys()) == set(opened(letters.sale_opens()).keys())
    assert "<script" not in letters.html_of(message)


def codes_in(message: EmailMessage) -> list[str]:
    """What each picture of the letter says that is a QR code, by somebody else's decoder."""
    found = []
    for picture in letters.pictures_of(message).values():
        # Paper round it as dark as a mail program may make it: the quiet zone comes along.
        image = ImageOps.expand(Image.open(io.BytesIO(picture)).convert("L"), 40, fill=0)
        found += [code.text for code in zxingcpp.read_barcodes(image)]
    return found


@pytest.mark.parametrize("count", [1, 2, 10])
def test_each_ticket_has_a_code_that_a_door_can_check_by_itself(count: int):
    booking = letters.made_booking(count)
    message = opened(letters.confirmation(booking))
    reader = TicketReader.of_published(letters.CODES.published())
    read = [reader.read(text) for text in codes_in(message)]
    assert [(one.event_id, one.code) for one in read] == [(letters.EVENT.id, t.code) for t in booking.tickets]
    text, html = letters.text_of(message), letters.html_of(message)
    for number, ticket in enumerate(booking.tickets, 1):
        assert f"Ticket {number} of {count}: Balcony, {ticket.seat}\n{ticket.code}" in text.replace("\r", "")
        assert f'alt="QR code of ticket {number} of {count}: {ticket.code}"' in html


def test_control_a_code_without_its_quiet_zone_is_not_read_in_the_dark():
    """What the four modules of white are for."""
    message = opened(letters.confirmation(letters.made_booking(1)))
    picture = list(letters.pictures_of(message).values())[1]
    image = Image.open(io.BytesIO(picture)).convert("L")
    assert image.getpixel((0, 0)) == 255
    bare = ImageOps.expand(ImageOps.crop(image, 4 * 8), 40, fill=0)
    assert zxingcpp.read_barcodes(bare) == []


def test_ten_tickets_weigh_little():
    written = letters.confirmation(letters.made_booking(10))
    assert len(written) < MOST_BYTES
    assert len(letters.html_of(opened(written)).encode()) < CLIPPED / 2


def calendar_in(message: EmailMessage) -> tuple[EmailMessage, Calendar]:
    (part,) = [part for part in message.walk() if part.get_content_type() == "text/calendar"]
    calendar = Calendar.from_ical(str(part.get_content()))
    assert calendar.errors == []
    return part, calendar


def test_the_calendar_file_is_kept_and_taken_out_again():
    booking = letters.made_booking()
    entries = []
    for written, method in (
        (letters.confirmation(booking), "PUBLISH"),
        (letters.cancellation(booking), "CANCEL"),
    ):
        part, calendar = calendar_in(opened(written))
        assert (part.get_param("method"), str(calendar["method"])) == (method, method)
        assert part.get_filename() == "strings-by-candlelight.ics"
        (entry,) = calendar.events
        assert entry.decoded("dtstart") == letters.STARTS
        assert abs(entry.decoded("dtstamp") - now()) < timedelta(minutes=1)
        assert (str(entry["summary"]), str(entry["location"])) == (letters.EVENT.name, letters.EVENT.venue)
        entries.append(entry)
    kept, out = entries
    assert str(kept["uid"]) == str(out["uid"])
    assert out.decoded("sequence") > kept.decoded("sequence")
    assert str(out["status"]) == "CANCELLED"


def refunded(booking: Booking) -> str:
    return letters.text_of(opened(letters.cancellation(booking)))


def test_money_that_goes_back_is_told_with_its_way_and_its_time():
    said = refunded(letters.made_booking(2))
    assert "Money back: €89.00, the way you paid, on its way" in said
    assert "Banks take five to ten working days" in said
    free = refunded(replace(letters.made_booking(2), amount=0, fee=0))
    assert "Nothing was paid, so nothing has to go back." in free
    assert "Banks" not in free


def contrast(one: str, other: str) -> float:
    """By WCAG 2."""

    def light(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("hue", range(0, 360, 10))
def test_every_hue_can_be_read_by_day_and_by_night(hue: int):
    colours = palette_of(hue)
    assert contrast(colours.signal, "#ffffff") >= 4.5
    assert contrast(colours.signal, colours.paper) >= 4.5
    assert contrast(colours.glow, colours.night_room) >= 4.5
    for ink in (colours.ink, colours.quiet):
        assert contrast(ink, colours.paper) >= 4.5
    assert contrast(colours.soft, colours.room) >= 4.5
    assert contrast(colours.night_soft, colours.night_room) >= 4.5
