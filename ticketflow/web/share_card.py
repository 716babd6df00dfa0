"""The picture a shared link shows: the event's artwork with a paper ticket on it, as a PNG.

Those who show it take no SVG. Letters that no font here has are left out; the page has them all.
"""

import io
import math
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256

from PIL import Image, ImageDraw, ImageFilter, ImageFont

from ticketflow.domain import Event
from ticketflow.web.artwork import Colour, Picture, palette, picture
from ticketflow.web.shapes import HEIGHT, WIDTH, Mark, along

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Box = tuple[int, int, int, int]
Rgb = tuple[int, int, int]

DRAWN_ANEW = 1
"""One more whenever the card is drawn differently: then its address changes."""
FINER = 2
"""Lines are drawn so many times larger and then made smaller, which takes their jags away."""
FADE = 8
"""Lights are drawn so many times smaller: what is out of focus has no detail to lose."""
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
    shown = (DRAWN_ANEW, event.id, event.name, event.venue, event.starts_at.isoformat())
    return sha256(repr(shown).encode()).hexdigest()[:12]


@lru_cache(maxsize=64)
def share_card(event_id: int, name: str, venue: str, starts_at: datetime) -> bytes:
    """A PNG of 1200 x 630. Takes a fifth of a second: not for the event loop."""
    image = _artwork(picture(event_id))
    draw = ImageDraw.Draw(image)
    image.paste((8, 10, 26), (0, 0), _dusk())
    _mark(draw, _rgb(palette(picture(event_id).hue)["glow"]))
    _paper(image)
    _words(ImageDraw.Draw(image), name, venue)
    _stub(ImageDraw.Draw(image), starts_at.astimezone(UTC))
    out = io.BytesIO()
    # A palette of 256 colours is a third of the weight; the noise of dithering hides its steps.
    # The colours are chosen from a small copy, which takes a tenth of the time.
    colours = image.resize((WIDTH // 4, HEIGHT // 4)).quantize(256)
    image.quantize(palette=colours, dither=Image.Dither.FLOYDSTEINBERG).save(out, "PNG")
    return out.getvalue()


def _artwork(drawn: Picture) -> Image.Image:
    colours = {name: _rgb(colour) for name, colour in palette(drawn.hue).items()}
    image = _sky(colours["top"], colours["low"])
    small = (WIDTH // FADE, HEIGHT // FADE)
    for light in drawn.lights:
        # A fade is brightest in the middle: an ellipse of half the size, out of focus, looks the same.
        mask = Image.new("L", (small[0] * 3, small[1] * 3))
        x, y = small[0] + light.x / FADE, small[1] + light.y / FADE
        wide, high = light.wide / FADE * 0.5, light.high / FADE * 0.5
        ImageDraw.Draw(mask).ellipse((x - wide, y - high, x + wide, y + high), fill=235)
        mask = mask.rotate(-light.lean, center=(x, y)).filter(ImageFilter.GaussianBlur(high * 0.62))
        mask = mask.crop((small[0], small[1], small[0] * 2, small[1] * 2))
        mask = mask.resize(image.size, Image.Resampling.BICUBIC)
        image.paste(colours[f"l{light.colour}"], (0, 0), mask)
    for mark in drawn.marks:
        image.paste(
            colours[mark.tone], (0, 0), _mask(mark).point(lambda level, of=mark.opacity: int(level * of))
        )
    return image


def _sky(top: Rgb, low: Rgb) -> Image.Image:
    image = Image.new("RGB", (WIDTH, HEIGHT), top)
    image.paste(low, (0, 0), Image.linear_gradient("L").resize((WIDTH, HEIGHT)))
    return image


def _mask(mark: Mark) -> Image.Image:
    """Where a mark is, white on black."""
    mask = Image.new("L", (WIDTH * FINER, HEIGHT * FINER))
    draw, wide = ImageDraw.Draw(mask), round(mark.width * FINER)
    for way in [*mark.lines, *(list(along(curve)) for curve in mark.curves)]:
        points = [(x * FINER, y * FINER) for x, y in way]
        if wide:
            draw.line(points, fill=255, width=wide, joint="curve")
            _round(draw, (points[0], points[-1]), wide)
        else:
            draw.polygon(points, fill=255)
    _round(draw, [(x * FINER, y * FINER) for x, y in mark.dots], wide)
    for x, y, radius in mark.circles:
        _circle(draw, (x * FINER, y * FINER), radius * FINER, mark)
    return mask.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


def _round(draw: ImageDraw.ImageDraw, middles: Iterable[tuple[float, float]], wide: float) -> None:
    for x, y in middles:
        draw.ellipse((x - wide / 2, y - wide / 2, x + wide / 2, y + wide / 2), fill=255)


def _circle(draw: ImageDraw.ImageDraw, middle: tuple[float, float], radius: float, mark: Mark) -> None:
    box = (middle[0] - radius, middle[1] - radius, middle[0] + radius, middle[1] + radius)
    if not mark.width:
        draw.ellipse(box, fill=255)
        return
    on, off = mark.dash or (1e9, 0)
    degrees = 360 / (radius / FINER * 6.2832)
    turn = 0.0
    while turn < 360:
        draw.arc(box, turn, min(360, turn + on * degrees), fill=255, width=round(mark.width * FINER))
        turn += (on + off) * degrees


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


_TO_LINEAR = (
    (4.0767416621, -3.3077115913, 0.2309699292),
    (-1.2684380046, 2.6097574011, -0.3413193965),
    (-0.0041960863, -0.7034186147, 1.7076147010),
)


def _rgb(colour: Colour) -> Rgb:
    """A colour of oklch on a screen, by Björn Ottosson's matrices."""
    light, chroma, hue = colour[0], colour[1], math.radians(colour[2])
    a, b = chroma * math.cos(hue), chroma * math.sin(hue)
    cones = (
        (light + 0.3963377774 * a + 0.2158037573 * b) ** 3,
        (light - 0.1055613458 * a - 0.0638541728 * b) ** 3,
        (light - 0.0894841775 * a - 1.2914855480 * b) ** 3,
    )
    linear = (sum(part * cone for part, cone in zip(row, cones, strict=True)) for row in _TO_LINEAR)
    red, green, blue = (_screen(channel) for channel in linear)
    return red, green, blue


def _screen(linear: float) -> int:
    value = min(1.0, max(0.0, linear))
    return round(255 * (12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055))
