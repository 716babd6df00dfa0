"""Artwork from an event's id: every event looks like itself, on the page, the ticket and the share card."""

import math
import random
from functools import lru_cache

from ticketflow.showing import hue_of

WIDTH, HEIGHT = 1200, 630
"""The size that share cards are shown at."""


@lru_cache(maxsize=512)
def artwork(event_id: int) -> str:
    """An SVG of an aurora over a horizon of rings, the same for the same id."""
    dice = random.Random(event_id)
    hue = hue_of(event_id)
    lights = "".join(_light(dice, hue) for _ in range(5))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}">'
        '<defs><filter id="b" x="-60%" y="-60%" width="220%" height="220%">'
        '<feGaussianBlur stdDeviation="70"/></filter></defs>'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="oklch(0.2 0.05 {hue})"/>'
        f'<g filter="url(#b)">{lights}</g>{_rings(dice, hue)}</svg>'
    )


def _light(dice: random.Random, hue: int) -> str:
    x, y = dice.randrange(WIDTH), dice.randrange(HEIGHT)
    wide, high = dice.randrange(160, 420), dice.randrange(60, 180)
    shade = (hue + dice.choice((-50, -20, 0, 20, 50))) % 360
    light, turn = dice.uniform(0.5, 0.78), dice.randrange(-40, 40)
    return (
        f'<ellipse cx="{x}" cy="{y}" rx="{wide}" ry="{high}" transform="rotate({turn} {x} {y})" '
        f'fill="oklch({light:.2f} 0.15 {shade})" opacity="0.75"/>'
    )


def _rings(dice: random.Random, hue: int) -> str:
    x, y = dice.randrange(200, WIDTH - 200), HEIGHT + dice.randrange(-40, 120)
    step, count = dice.randrange(26, 46), dice.randrange(7, 12)
    rings = []
    for ring in range(1, count):
        radius = ring * step + 60
        dash = math.pi * radius / dice.choice((1, 9, 24, 60))
        rings.append(
            f'<circle cx="{x}" cy="{y}" r="{radius}" stroke-dasharray="{dash:.1f} {dash / 3:.1f}" '
            f'opacity="{0.6 - ring * 0.04:.2f}"/>'
        )
    return f'<g fill="none" stroke="oklch(0.93 0.06 {hue})" stroke-width="2.5">{"".join(rings)}</g>'
