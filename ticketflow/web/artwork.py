"""Artwork from an event's id: every event looks like itself, on the page, the ticket and the share card."""

import math
import random
from functools import lru_cache

from ticketflow.showing import hue_of

WIDTH, HEIGHT = 1200, 630
"""The size that share cards are shown at."""


@lru_cache(maxsize=512)
def artwork(event_id: int) -> str:
    """An SVG of an aurora in a blue-black night over a horizon of rings, the same for the same id."""
    dice = random.Random(event_id)
    hue = hue_of(event_id)
    lights = "".join(_light(dice, hue, turn) for turn in (0, 30, -30, 55, 0, -55, 15))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}">'
        '<defs><filter id="b" x="-60%" y="-60%" width="220%" height="220%">'
        '<feGaussianBlur stdDeviation="70"/></filter></defs>'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="oklch(0.22 0.06 270)"/>'
        f'<g filter="url(#b)">{lights}</g>{_rings(dice, hue)}</svg>'
    )


def _light(dice: random.Random, hue: int, off: int) -> str:
    """One light of the aurora, `off` degrees beside the event's hue.

    Lights are light: the same hues at half the lightness are mud.
    """
    x, y = dice.randrange(WIDTH), dice.randrange(-60, HEIGHT)
    wide, high = dice.randrange(220, 480), dice.randrange(50, 130)
    light, chroma, lean = dice.uniform(0.68, 0.86), dice.uniform(0.15, 0.2), dice.randrange(-35, 35)
    return (
        f'<ellipse cx="{x}" cy="{y}" rx="{wide}" ry="{high}" transform="rotate({lean} {x} {y})" '
        f'fill="oklch({light:.2f} {chroma:.2f} {(hue + off) % 360})" opacity="0.8"/>'
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
