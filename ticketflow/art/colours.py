"""Colours as screens and mail programs know them: the latter know no oklch."""

import math

Colour = tuple[float, float, int]
"""Lightness, chroma and hue, in oklch."""
Rgb = tuple[int, int, int]

_TO_LINEAR = (
    (4.0767416621, -3.3077115913, 0.2309699292),
    (-1.2684380046, 2.6097574011, -0.3413193965),
    (-0.0041960863, -0.7034186147, 1.7076147010),
)


def rgb(colour: Colour) -> Rgb:
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


def hexed(colour: Colour) -> str:
    """The colour as "#rrggbb"."""
    return "#{:02x}{:02x}{:02x}".format(*rgb(colour))
