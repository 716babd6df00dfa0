"""What an event's artwork is drawn of: thirteen kinds of figure, and the marks they are made of. Pure.

A kind is a function from dice to marks, on a canvas of `WIDTH` by `HEIGHT`. Pages crop it to squares and to
bands, so what matters stands near the middle.
"""

import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 1200, 630
"""The size that share cards are shown at."""

Point = tuple[float, float]
Curve = Sequence[Point]
"""A start, then for each piece of the curve the point that bends it and the point where it ends."""


@dataclass(frozen=True)
class Mark:
    """Something drawn in one tone: `ink` (what stands out), `glow` (the event's hue), `deep` (a shadow) or
    `shine` (light itself, by day and by night)."""

    tone: str
    opacity: float
    lines: Sequence[Sequence[Point]] = ()
    curves: Sequence[Curve] = ()
    dots: Sequence[Point] = ()
    circles: Sequence[tuple[float, float, float]] = ()
    """Middle and radius."""
    width: float = 0
    """Of the stroke, or of a dot; 0 fills what is drawn."""
    dash: tuple[float, float] | None = None
    """How long a circle's stroke goes and stops."""


Dice = random.Random
Kind = Callable[[Dice], list[Mark]]


def figure(event_id: int, dice: Dice) -> list[Mark]:
    """The marks of an event: those made one after the other are of different kinds."""
    return KINDS[event_id % len(KINDS)](dice)


def _polar(x: float, y: float, radius: float, turn: float) -> Point:
    return x + radius * math.cos(turn), y + radius * math.sin(turn)


def _rings(dice: Dice) -> list[Mark]:
    """Rings over the horizon, like sound from a stage."""
    x, y, step = dice.randrange(350, 850), HEIGHT + dice.randrange(-40, 100), dice.randrange(34, 48)
    marks = []
    for ring in range(1, dice.randrange(9, 13)):
        radius = ring * step + 60
        dash = math.pi * radius / dice.choice((1, 9, 24, 60))
        marks.append(
            Mark("ink", 0.75 - ring * 0.045, circles=[(x, y, radius)], width=4, dash=(dash, dash / 3))
        )
    return marks


def _ridges(dice: Dice) -> list[Mark]:
    """Mountains behind mountains, and a sun or a moon."""
    sun = (dice.randrange(380, 820), dice.randrange(170, 260), dice.randrange(85, 140))
    marks = [Mark("shine", 0.9, circles=[sun])]
    for layer in range(4):
        height, steps = 330 + layer * 75, 9 + 2 * layer
        points = [
            (round(WIDTH * n / steps), height + dice.randrange(-85, 45) * (1 if n % 2 else -0.3))
            for n in range(steps + 1)
        ]
        marks.append(Mark("deep", 0.3 + layer * 0.13, lines=[[(0, HEIGHT), *points, (WIDTH, HEIGHT)]]))
    return marks


def _beams(dice: Dice) -> list[Mark]:
    """Spotlights from above the stage."""
    lamps = sorted(dice.randrange(150, 1050) for _ in range(5))
    marks = []
    for lamp in lamps:
        foot, wide = 600 + (600 - lamp) * dice.uniform(-0.5, 1.2), dice.randrange(90, 190)
        beam = [(lamp - 6, -10), (lamp + 6, -10), (foot + wide, HEIGHT), (foot - wide, HEIGHT)]
        marks.append(Mark("shine", dice.uniform(0.2, 0.36), lines=[beam]))
    heads = [(x + dice.randrange(-9, 9), HEIGHT - dice.randrange(4, 34)) for x in range(10, WIDTH, 44)]
    return [*marks, Mark("deep", 0.9, dots=heads, width=58)]


def _halftone(dice: Dice) -> list[Mark]:
    """A field of dots that swells around a point."""
    x, y, reach = dice.randrange(350, 850), dice.randrange(180, 450), dice.randrange(330, 480)
    sizes: dict[int, list[Point]] = {}
    for row in range(11):
        for column in range(20):
            dot = (30 + column * 60 + row % 2 * 30, 22 + row * 59)
            size = round(9 * (1 - math.dist(dot, (x, y)) / reach))
            if size > 0:
                sizes.setdefault(size, []).append(dot)
    return [Mark("ink", 0.35 + size * 0.05, dots=dots, width=size * 6) for size, dots in sizes.items()]


def _bars(dice: Dice) -> list[Mark]:
    """The levels of a song."""
    count, phase = dice.randrange(21, 34), dice.uniform(0, 6)
    step = WIDTH / count
    bars: list[list[Point]] = []
    for n in range(count):
        swell = math.sin(math.pi * (n + 0.5) / count) * (0.6 + 0.4 * math.sin(n * 0.7 + phase))
        half = 20 + 235 * swell * dice.uniform(0.45, 1)
        bars.append([(round((n + 0.5) * step), 315 - half), (round((n + 0.5) * step), 315 + half)])
    return [
        Mark("ink", 0.85, lines=bars[0::2], width=step * 0.44),
        Mark("glow", 0.8, lines=bars[1::2], width=step * 0.44),
    ]


def _waves(dice: Dice) -> list[Mark]:
    """A sea in lines."""
    length, lean = dice.randrange(190, 300), dice.uniform(0.25, 0.6)
    marks = []
    for n in range(9):
        y, high, x = 90 + n * 58, 16 + 66 * math.sin(math.pi * n / 8), -length - n * length * lean % length
        curve: list[Point] = [(x, y)]
        while x < WIDTH:
            high = -high
            curve += [(x + length / 2, y + high * 1.6), (x + length, y)]
            x += length
        marks.append(Mark("ink" if n % 3 else "glow", 0.4 + n * 0.06, curves=[curve], width=3 + n * 0.8))
    return marks


FACETS = (("shine", 0.55), ("shine", 0.2), ("glow", 0.45), ("glow", 0.18), ("deep", 0.4))


def _shards(dice: Dice) -> list[Mark]:
    """Broken light: triangles over the whole of it, each as bright as it happens to be."""
    columns, rows = 7, 4
    spread = dice.randrange(50, 75)

    def corner(column: int, row: int) -> Point:
        still = row in (0, rows), column in (0, columns)
        x = column * WIDTH / columns + (0 if still[1] else dice.randrange(-spread, spread))
        return x, row * HEIGHT / rows + (0 if still[0] else dice.randrange(-spread, spread))

    grid = [[corner(column, row) for row in range(rows + 1)] for column in range(columns + 1)]
    shades: dict[tuple[str, float], list[list[Point]]] = {}
    for column in range(columns):
        for row in range(rows):
            a, b = grid[column][row], grid[column + 1][row]
            c, d = grid[column + 1][row + 1], grid[column][row + 1]
            for triangle in ([a, b, c], [a, c, d]) if (column + row) % 2 else ([a, b, d], [b, c, d]):
                shade = dice.choice(FACETS)
                shades.setdefault(shade, []).append(triangle)
    return [Mark(tone, opacity, lines=shapes) for (tone, opacity), shapes in shades.items()]


def _orbits(dice: Dice) -> list[Mark]:
    """A planet and what goes round it."""
    x, y, radius = dice.randrange(460, 740), dice.randrange(270, 360), dice.randrange(95, 135)
    tilt, flat = dice.uniform(-0.5, 0.5), dice.uniform(0.22, 0.4)
    marks = [Mark("shine", 0.95, circles=[(x, y, radius)])]
    moons: list[Point] = []
    for n in range(1, 7):
        far = radius + n * dice.randrange(52, 62)
        start = dice.uniform(0, 6)
        marks.append(Mark("ink", 0.7 - n * 0.07, curves=[_ellipse(x, y, far, far * flat, tilt)], width=3))
        px, py = _polar(0, 0, far, start)
        moons.append(_turned(x, y, px, py * flat, tilt))
    return [*marks, Mark("glow", 1, dots=moons, width=dice.randrange(22, 36))]


def _turned(x: float, y: float, dx: float, dy: float, turn: float) -> Point:
    return (
        x + dx * math.cos(turn) - dy * math.sin(turn),
        y + dx * math.sin(turn) + dy * math.cos(turn),
    )


def _ellipse(x: float, y: float, wide: float, high: float, turn: float) -> list[Point]:
    """Eight bows; that is as round as the eye can tell."""
    bow = math.pi / 4
    curve = [_turned(x, y, wide, 0, turn)]
    for n in range(8):
        over, to = _polar(0, 0, 1 / math.cos(bow / 2), (n + 0.5) * bow), _polar(0, 0, 1, (n + 1) * bow)
        curve += [
            _turned(x, y, over[0] * wide, over[1] * high, turn),
            _turned(x, y, to[0] * wide, to[1] * high, turn),
        ]
    return curve


def _tiles(dice: Dice) -> list[Mark]:
    """Quarter circles on tiles, laid as it happens: they join to paths."""
    side, half, bend = 170, 85, 85 * 0.914
    curves: list[Curve] = []
    for column in range(-1, 8):
        for row in range(4):
            x, y = column * side + half, row * side - 25
            if dice.random() < 0.5:
                curves.append([(x + half, y), (x + bend, y + bend), (x, y + half)])
                x, y = x + side, y + side
                curves.append([(x, y - half), (x - bend, y - bend), (x - half, y)])
            else:
                curves.append([(x, y + half), (x + bend, y + side - bend), (x + half, y + side)])
                x += side
                curves.append([(x - half, y), (x - bend, y + bend), (x, y + half)])
    wide = dice.choice((14, 24, 40))
    return [
        Mark("ink", 0.85, curves=curves[0::2], width=wide),
        Mark("glow", 0.85, curves=curves[1::2], width=wide),
    ]


def _arches(dice: Dice) -> list[Mark]:
    """Doors in doors."""
    x, step = dice.randrange(420, 780), dice.randrange(44, 62)
    marks = []
    for n in range(8, 0, -1):
        half, spring = n * step, 420 - n * step * 0.1
        bows = _ellipse(x, spring, half, half, math.pi)[:9]
        feet = (
            [(x - half, HEIGHT + 20), (x - half, spring + 90), bows[0]],
            [(x + half, spring + 90), (x + half, HEIGHT + 20)],
        )
        arch = [*feet[0], *bows[1:], *feet[1]]
        marks.append(Mark("ink" if n % 2 else "glow", 1 - n * 0.085, curves=[arch], width=step * 0.34))
    return marks


def _strings(dice: Dice) -> list[Mark]:
    """Strings between two edges, whose crossings make a curve that nobody drew."""
    count, top = 26, dice.randrange(250, 950)
    left = [[(0.0, HEIGHT * n / count), (top * n / count, float(HEIGHT))] for n in range(count + 1)]
    right = [
        [(float(WIDTH), HEIGHT * n / count), (WIDTH - (WIDTH - top) * n / count, float(HEIGHT))]
        for n in range(count + 1)
    ]
    crown = [[(top, 0.0), (WIDTH * n / 8, HEIGHT * 0.55)] for n in range(1, 8)]
    return [
        Mark("ink", 0.65, lines=left, width=2.5),
        Mark("glow", 0.8, lines=right, width=2.5),
        Mark("ink", 0.25, lines=crown, width=2.5),
    ]


def _rosette(dice: Dice) -> list[Mark]:
    """Petals around a middle."""
    x, y, petals = dice.randrange(470, 730), dice.randrange(290, 340), dice.choice((8, 10, 12, 15))
    marks = []
    for ring, (tone, radius) in enumerate((("ink", 360), ("glow", 265), ("ink", 165))):
        wide, turn = dice.uniform(0.5, 1.25) * math.tau / petals, ring * math.pi / petals
        curves = []
        for n in range(petals):
            way = n * math.tau / petals + turn
            tip = _polar(x, y, radius, way)
            sides = [_polar(x, y, radius * 0.62, way + side * wide) for side in (-1, 1)]
            curves.append([(x, y), sides[0], tip, sides[1], (x, y)])
        marks.append(Mark(tone, 0.5 + ring * 0.2, curves=curves, width=3.5))
    return [*marks, Mark("ink", 1, dots=[(x, y)], width=26)]


def _burst(dice: Dice) -> list[Mark]:
    """Confetti, thrown from one point."""
    x, y = dice.randrange(420, 780), dice.randrange(360, 560)
    marks = []
    for tone, opacity, width in (("ink", 0.9, 9), ("glow", 0.9, 14), ("ink", 0.5, 5)):
        lines = []
        for n in range(26):
            way = math.tau * (n + dice.random()) / 26
            near = dice.randrange(70, 620)
            far = near + 12 + near * dice.uniform(0.04, 0.16)
            lines.append([_polar(x, y, near, way), _polar(x, y, far, way)])
        marks.append(Mark(tone, opacity, lines=lines, width=width))
    return marks


KINDS: tuple[Kind, ...] = (
    *(_rings, _tiles, _ridges, _bars, _rosette, _beams, _shards),
    *(_halftone, _arches, _waves, _burst, _orbits, _strings),
)


def along(curve: Curve, pieces: int = 8) -> Iterable[Point]:
    """Points along a curve, for who can draw straight lines only."""
    at = curve[0]
    yield at
    for bend, end in zip(curve[1::2], curve[2::2], strict=True):
        for n in range(1, pieces + 1):
            t = n / pieces
            yield (
                (1 - t) ** 2 * at[0] + 2 * t * (1 - t) * bend[0] + t * t * end[0],
                (1 - t) ** 2 * at[1] + 2 * t * (1 - t) * bend[1] + t * t * end[1],
            )
        at = end
