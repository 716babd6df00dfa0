"""Artwork from an event's id: every event looks like itself, on the page, the ticket and the share card."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from ticketflow.art.colours import Colour
from ticketflow.art.shapes import HEIGHT, WIDTH, Mark, Point, figure
from ticketflow.showing import hue_of

TONES = ("ink", "glow", "deep", "shine")


@dataclass(frozen=True)
class Light:
    """One light of the aurora: an ellipse that fades to nothing."""

    colour: int
    x: int
    y: int
    wide: int
    high: int
    lean: int


@dataclass(frozen=True)
class Picture:
    """What an event looks like, before anything draws it."""

    hue: int
    lights: Sequence[Light]
    marks: Sequence[Mark]


@lru_cache(maxsize=512)
def picture(event_id: int) -> Picture:
    """The same for the same id, for ever."""
    dice = random.Random(event_id)
    lights = [_light(dice, n % 4) for n in range(7)]
    return Picture(hue_of(event_id), lights, figure(event_id, dice))


def palette(hue: int, *, night: bool = True) -> dict[str, Colour]:
    """The colours of a picture. Lights are light: the same hues at half the lightness are mud."""
    lights = {f"l{n}": (hue + turn) % 360 for n, turn in enumerate((0, 34, -38, 62))}
    if night:
        lit = {name: (0.72, 0.17, turned) for name, turned in lights.items()}
        sky: dict[str, Colour] = {"top": (0.25, 0.075, 272), "low": (0.15, 0.04, 268)}
        tones: dict[str, Colour] = {
            "ink": (0.95, 0.045, hue),
            "glow": (0.84, 0.15, hue),
            "deep": (0.13, 0.04, 268),
            "shine": (0.95, 0.045, hue),
        }
    else:
        lit = {name: (0.83, 0.12, turned) for name, turned in lights.items()}
        sky = {"top": (0.9, 0.045, 250), "low": (0.965, 0.015, 250)}
        tones = {
            "ink": (0.36, 0.12, hue),
            "glow": (0.55, 0.17, hue),
            "deep": (0.5, 0.1, hue),
            "shine": (0.99, 0.02, 85),
        }
    return {**sky, **lit, **tones}


@lru_cache(maxsize=512)
def artwork(event_id: int) -> str:
    """An SVG of an aurora with a figure of its own: night, or morning where the page is light."""
    drawn = picture(event_id)
    lights = "".join(map(_lit, drawn.lights))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}"><style>{style(drawn.hue)}</style>'
        '<defs><linearGradient id="s" x2="0" y2="1"><stop class="top"/><stop class="low" offset="1"/>'
        f"</linearGradient>{_FADES}</defs>"
        f'<path fill="url(#s)" d="M0 0h{WIDTH}v{HEIGHT}H0z"/>{lights}'
        f'<g stroke-linecap="round">{"".join(map(_drawn, drawn.marks))}</g></svg>'
    )


def style(hue: int) -> str:
    """The picture's style sheet: all its colours, by night and by day."""
    night, day = (_rules(palette(hue, night=at_night)) for at_night in (True, False))
    return f"{night}.line{{fill:none;stroke:currentColor}}@media(prefers-color-scheme:light){{{day}}}"


def _rules(colours: dict[str, Colour]) -> str:
    # A figure takes the colour of text, so that one rule a tone does for strokes and for what is filled.
    return "".join(
        f".{name}{{{'color' if name in TONES else 'stop-color'}:oklch({light:g} {chroma:g} {hue})}}"
        for name, (light, chroma, hue) in colours.items()
    )


_FADES = "".join(
    f'<radialGradient id="{name}"><stop class="{name}"/>'
    f'<stop class="{name}" offset="1" stop-opacity="0"/></radialGradient>'
    for name in ("l0", "l1", "l2", "l3")
)


def _light(dice: random.Random, colour: int) -> Light:
    return Light(
        colour=colour,
        x=dice.randrange(WIDTH),
        y=dice.randrange(-60, HEIGHT),
        wide=dice.randrange(330, 680),
        high=dice.randrange(110, 250),
        lean=dice.randrange(-35, 35),
    )


def _lit(light: Light) -> str:
    return (
        f'<ellipse rx="{light.wide}" ry="{light.high}" '
        f'transform="translate({light.x} {light.y})rotate({light.lean})" fill="url(#l{light.colour})"/>'
    )


def _drawn(mark: Mark) -> str:
    if mark.width:
        paint = f'class="{mark.tone} line" stroke-width="{_short(mark.width)}"'
    else:
        paint = f'class="{mark.tone}" fill="currentColor"'
    paint += f' opacity="{_short(mark.opacity)}"'
    if mark.dash:
        paint += f' stroke-dasharray="{_short(mark.dash[0])} {_short(mark.dash[1])}" stroke-linecap="butt"'
    pen = _Pen()
    for line in mark.lines:
        pen.go("m", line[0])
        pen.go("l", *line[1:])
    for curve in mark.curves:
        pen.go("m", curve[0])
        for bend, end in zip(curve[1::2], curve[2::2], strict=True):
            pen.go("q", bend, end)
    for dot in mark.dots:
        pen.go("m", dot)
        pen.way += "h0"
    circles = (
        f'<circle cx="{_short(x)}" cy="{_short(y)}" r="{_short(r)}" {paint}/>' for x, y, r in mark.circles
    )
    return (f'<path {paint} d="{pen.way}"/>' if pen.way else "") + "".join(circles)


class _Pen:
    """Writes a path from where it stands: ways are shorter than places."""

    def __init__(self) -> None:
        self.way = ""
        self._at = (0, 0)

    def go(self, how: str, *points: Point) -> None:
        """One command; its points are told from where it began, a line's each from the last."""
        numbers = []
        begin = self._at
        for point in points:
            to = round(point[0]), round(point[1])
            numbers += [to[0] - begin[0], to[1] - begin[1]]
            self._at = to
            if how == "l":
                begin = to
        self.way += how + "".join(f" {n}" if n >= 0 and place else str(n) for place, n in enumerate(numbers))


def _short(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".").removeprefix("0")
