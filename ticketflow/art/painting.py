"""An event's artwork as pixels: Pillow draws what a browser would make of the SVG."""

from collections.abc import Iterable

from PIL import Image, ImageDraw, ImageFilter

from ticketflow.art.artwork import Picture, palette
from ticketflow.art.colours import Rgb, rgb
from ticketflow.art.shapes import HEIGHT, WIDTH, Mark, along

FINER = 2
"""Lines are drawn so many times larger and then made smaller, which takes their jags away."""
FADE = 8
"""Lights are drawn so many times smaller: what is out of focus has no detail to lose."""


def painted(drawn: Picture, *, night: bool = True) -> Image.Image:
    """The picture of `WIDTH` by `HEIGHT`. Takes a fifth of a second: not for the event loop."""
    colours = {name: rgb(colour) for name, colour in palette(drawn.hue, night=night).items()}
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
