"""The picture a shared link shows: the event's artwork with a paper ticket on it, as a PNG.

Those who show it take no SVG. Letters that no font here has are left out; the page has them all.
"""

import io
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import sha256

from PIL import Image, ImageDraw, ImageFilter, ImageFont

from ticketflow.art.artwork import palette, picture
from ticketflow.art.colours import Rgb, rgb
from ticketflow.art.painting import FADE, FINER, painted
from ticketflow.art.shapes import HEIGHT, WIDTH
from ticketflow.domain import Event

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Box = tuple[int, int, int, int]

DRAWN_ANEW = 1
"""One more whenever the card is drawn differently: then its address changes."""
FACES = (
    *("DejaVuSansCondensed-Bold.ttf", "LiberationSansNarrow-Bold.ttf", "NotoSans-Bold.ttf"),
    *("Arial Bold.ttf", "arialbd.ttf", "NotoSansCJK-Bold.ttc", "NotoSansDevanagari-Bold.ttf"),
)
"""Bold faces that a machine may have, the best first; none is needed."""
PAPER, INK, QUIET, RULE = (250, 246, 238), (38, 29, 22), (98, 84, 70), (196, 186, 172)
TICKET: Box = (64, 318, 1136, 574)
TEAR = 872
"""Where the stub begins."""


def card_version(event: Event) -> str:
    """A short name of everything the card shows: it changes when the card does."""
    shown = (DRAWN_ANEW, event.id, event.name, event.venue, event.local(event.starts_at).isoformat())
    return sha256(repr(shown).encode()).hexdigest()[:12]


@lru_cache(maxsize=64)
def share_card(event_id: int, name: str, venue: str, starts_at: datetime) -> bytes:
    """A PNG of 1200 x 630. Takes a fifth of a second: not for the event loop."""
    image = painted(picture(event_id))
    draw = ImageDraw.Draw(image)
    image.paste((8, 10, 26), (0, 0), _dusk())
    _mark(draw, rgb(palette(picture(event_id).hue)["glow"]))
    _paper(image)
    _words(ImageDraw.Draw(image), name, venue)
    _stub(ImageDraw.Draw(image), starts_at)
    out = io.BytesIO()
    # A palette of 256 colours is a third of the weight; the noise of dithering hides its steps.
    # The colours are chosen from a small copy, which takes a tenth of the time.
    colours = image.resize((WIDTH // 4, HEIGHT // 4)).quantize(256)
    image.quantize(palette=colours, dither=Image.Dither.FLOYDSTEINBERG).save(out, "PNG")
    return out.getvalue()


def _dusk() -> Image.Image:
    """A shade in the upper left corner, so that the mark can be read on any artwork."""
    mask = Image.new("L", (WIDTH // FADE, HEIGHT // FADE))
    ImageDraw.Draw(mask).ellipse((-30, -26, 62, 30), fill=170)
    return mask.filter(ImageFilter.GaussianBlur(10)).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)


def _mark(draw: ImageDraw.ImageDraw, you: Rgb) -> None:
    """Our own: dots that walk to a door."""
    for x, size, colour in ((78, 7, (168, 172, 190)), (104, 7, (206, 209, 222)), (134, 11, you)):
        draw.ellipse((x - size, 104 - size, x + size, 104 + size), fill=colour)
    draw.arc((162, 62, 194, 94), 180, 360, fill="white", width=5)
    draw.line([(164, 78), (164, 116)], fill="white", width=5)
    draw.line([(192, 78), (192, 116)], fill="white", width=5)
    _write(draw, (214, 116), "TicketFlow", 36, "white", 400)


def _paper(image: Image.Image) -> None:
    """The ticket: paper with a shadow, notches where the stub tears off, and the perforation."""
    _, top, _, bottom = TICKET
    mask = Image.new("L", (WIDTH * FINER, HEIGHT * FINER))
    draw = ImageDraw.Draw(mask)
    draw.rounded_rectangle([n * FINER for n in TICKET], 22 * FINER, fill=255)
    for y in (top, bottom):
        draw.ellipse([n * FINER for n in (TEAR - 17, y - 17, TEAR + 17, y + 17)], fill=0)
    mask = mask.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    shadow = mask.filter(ImageFilter.GaussianBlur(16)).point(lambda level: level // 2)
    image.paste((6, 8, 20), (0, 14), shadow)
    image.paste(PAPER, (0, 0), mask)
    drawn = ImageDraw.Draw(image)
    for y in range(top + 30, bottom - 24, 15):
        drawn.ellipse((TEAR - 3, y - 3, TEAR + 3, y + 3), fill=RULE)


def _words(draw: ImageDraw.ImageDraw, name: str, venue: str) -> None:
    left, bottom = TICKET[0], TICKET[3]
    room = TEAR - left - 88
    lines, size = _set(name, room)
    y = bottom - 96 - (len(lines) - 1) * size * 1.06
    for line in lines:
        _write(draw, (left + 44, y), line, size, INK, room)
        y += size * 1.06
    _write(draw, (left + 44, bottom - 40), venue, 30, QUIET, room)


def _set(name: str, room: int) -> tuple[list[str], int]:
    """The name in as large a type as one or two lines allow."""
    words = _known(name)[0].split() or ["Tickets"]
    for size, most in ((76, 1), (64, 2), (52, 2), (42, 2)):
        lines = [""]
        for word in words:
            longer = f"{lines[-1]} {word}".strip()
            if _wide(longer, size) <= room:
                lines[-1] = longer
            else:
                lines.append(word)
        lines = [line for line in lines if line]
        if len(lines) <= most and all(_wide(line, size) <= room for line in lines):
            return lines, size
    return [lines[0], " ".join(lines[1:])][: max(1, len(lines))], 42


def _stub(draw: ImageDraw.ImageDraw, day: datetime) -> None:
    _, top, right, bottom = TICKET
    middle = (TEAR + right) // 2
    for y, text, size, colour in (
        (top + 66, f"{day:%A}", 26, QUIET),
        (top + 164, str(day.day), 108, INK),
        (bottom - 40, f"{day:%B %Y}", 26, INK),
    ):
        wide = _wide(text, size)
        _write(draw, (middle - wide // 2, y), text, size, colour, right - TEAR)


def _write(
    draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, size: int, colour: str | Rgb, room: int
) -> None:
    """Text that stands on a line, cut with an ellipsis where there is no room for all of it."""
    known, face = _known(text)
    if _wide(known, size) > room:
        while known and _wide(known + "...", size) > room:
            known = known[:-1]
        known = known.rstrip() + "..."
    draw.text(at, known, fill=colour, font=_font(face, size), anchor="ls")


def _wide(text: str, size: int) -> int:
    known, face = _known(text)
    return int(_font(face, size).getlength(known))


@lru_cache(maxsize=512)
def _known(text: str) -> tuple[str, str]:
    """What can be written of a text, and the face that can write most of it.

    What a face lacks is written without its accents, or left out.
    """
    best = ("", _faces()[-1])
    for face in _faces():
        letters = "".join(_letter(face, letter) for letter in unicodedata.normalize("NFC", text))
        if len(letters) > len(best[0]):
            best = (" ".join(letters.split()), face)
        if letters == text:
            break
    return best


def _letter(face: str, letter: str) -> str:
    if letter.isspace():
        return " "
    if not letter.isprintable():
        return ""
    plain = unicodedata.normalize("NFKD", letter)
    return next((known for known in (letter, plain[:1]) if _has(face, known)), "")


@lru_cache(maxsize=4096)
def _has(face: str, letter: str) -> bool:
    font = _font(face, 20)
    return bytes(font.getmask(letter)) != bytes(font.getmask("\U000f0000"))


@lru_cache(maxsize=1)
def _faces() -> Sequence[str]:
    """The faces of this machine; the last is the one that Pillow itself brings."""
    found = []
    for face in FACES:
        try:
            ImageFont.truetype(face, 20)
        except OSError:
            continue
        found.append(face)
    return [*found, ""]


@lru_cache(maxsize=128)
def _font(face: str, size: int) -> Font:
    return ImageFont.truetype(face, size) if face else ImageFont.load_default(size)
