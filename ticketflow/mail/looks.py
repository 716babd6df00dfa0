"""What letters look like: colours in hex, since mail programs know no oklch, and the artwork as a JPEG."""

import io
from dataclasses import dataclass
from functools import lru_cache

from PIL import Image

from ticketflow.art.artwork import picture
from ticketflow.art.colours import hexed
from ticketflow.art.painting import painted
from ticketflow.art.shapes import HEIGHT, WIDTH

BAND = (780, 260)
"""The size of the artwork in pixels: some more than it is shown in, for screens with fine dots."""
QUALITY = 75


@dataclass(frozen=True)
class Palette:
    """The colours of one hue. Paper stays paper by night; the room around it does not."""

    room: str = "#eaf0f8"
    text: str = "#171c33"
    soft: str = "#4b5270"
    night_room: str = "#0d1126"
    night_text: str = "#f2f4fa"
    night_soft: str = "#b4bcd6"
    paper: str = "#f8f3e9"
    ink: str = "#2a211b"
    quiet: str = "#655a50"
    rule: str = "#b5a999"
    signal: str = ""
    """The event's hue, dark enough for paper to be read on it."""
    glow: str = ""
    """The same, light enough for the night."""


@lru_cache(maxsize=36)
def palette_of(hue: int) -> Palette:
    return Palette(signal=hexed((0.44, 0.13, hue)), glow=hexed((0.84, 0.13, hue)))


@lru_cache(maxsize=64)
def art_band(event_id: int) -> bytes:
    """The middle of the event's artwork, as a JPEG of some 20 kB: many letters carry it. Takes a fifth
    of a second."""
    high = WIDTH * BAND[1] // BAND[0]
    top = (HEIGHT - high) // 2
    band = painted(picture(event_id)).crop((0, top, WIDTH, top + high))
    out = io.BytesIO()
    small = band.resize(BAND, Image.Resampling.LANCZOS).convert("RGB")
    small.save(out, "JPEG", quality=QUALITY, optimize=True, progressive=True)
    return out.getvalue()
