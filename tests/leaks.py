"""Looks for what must not be told, in whatever shape it may be hidden."""

import re
import zlib
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import suppress


def readable(text: str) -> Iterator[bytes]:
    """A text, and all that can be read in its parts without any secret: signed tokens are no cipher."""
    yield text.encode(errors="replace")
    for part in set(re.split(r"[^A-Za-z0-9_-]+", text)):
        try:
            plain = urlsafe_b64decode(part + "=" * (-len(part) % 4))
        except ValueError:
            continue
        yield plain
        with suppress(zlib.error):
            yield zlib.decompress(plain)


def tells_number(text: str, number: int) -> bool:
    """Whether a number below 2^56 can be read in the text: as digits, or as bytes."""
    shapes = [str(number).encode(), b"%x" % number, number.to_bytes(7, "big"), number.to_bytes(7, "little")]
    return any(shape in plain for plain in readable(text) for shape in shapes)


def tells_secret(text: str, secret: bytes) -> bool:
    """Whether a long secret can be read in the text: as bytes, hex, base64, or as Python writes bytes."""
    encoded = [b64encode(secret).rstrip(b"="), urlsafe_b64encode(secret).rstrip(b"=")]
    shapes = [secret, secret.hex().encode(), *encoded, repr(secret)[2:-1].encode()]
    shapes += [secret.hex().upper().encode(), str(int.from_bytes(secret, "big")).encode()]
    return any(shape in plain for plain in readable(text) for shape in shapes)
