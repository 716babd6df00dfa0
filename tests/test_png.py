"""The PNG that we write is what a library for pictures reads."""

import io

from PIL import Image

from ticketflow import png

ROWS = [bytes([1, 0, 1]), bytes([0, 0, 1])]


def read(picture: bytes) -> list[bytes]:
    """Rows of squares, 1 being dark, by their middles."""
    Image.open(io.BytesIO(picture)).verify()
    image = Image.open(io.BytesIO(picture)).convert("L")
    half = png.SIDE // 2
    return [
        bytes(image.getpixel((x, y)) == 0 for x in range(half, image.width, png.SIDE))
        for y in range(half, image.height, png.SIDE)
    ]


def test_squares_are_read_as_they_were_drawn():
    assert read(png.squares(ROWS, 0)) == ROWS
    assert read(png.squares(ROWS, 1)) == [bytes(5), *(b"\0" + row + b"\0" for row in ROWS), bytes(5)]


def test_every_pixel_of_a_square_has_its_colour():
    image = Image.open(io.BytesIO(png.squares(ROWS, 0))).convert("L")
    small = Image.frombytes("L", (3, 2), bytes(255 * (1 - dark) for row in ROWS for dark in row))
    assert image.tobytes() == small.resize(image.size, Image.Resampling.NEAREST).tobytes()
