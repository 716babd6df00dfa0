"""The list of a draw, as it is published. Pure.

Plain text, UTF-8, a newline behind each line. Six lines of header, an empty line, then a line an entrant:

    waiting-room draw 1
    room event:42
    commitment <SHA-256 of the seed, in hex>
    seed <in hex>
    entrants 2
    digest <SHA-256 of the room's line and all lines of entrants with their newlines, in hex>

    1 81985529216486 S0meV1sitorsOwnId
    2 1147797409030816 An0therV1sitorsId

Each of those is place, number and visitor. They are sorted by number; places go up by one. The digest lets
two people see at a glance whether they hold the same list.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .draw import commitment, draw_number, in_order

FORMAT = "waiting-room draw 1"
SLICE_BYTES = 1 << 16

_HEADER = {
    "room": r"(.+)",
    "commitment": r"([0-9a-f]{64})",
    "seed": r"((?:[0-9a-f]{2})*)",
    "entrants": r"(0|[1-9][0-9]{0,9})",
    "digest": r"([0-9a-f]{64})",
}
_ENTRANT = re.compile(rb"([1-9][0-9]{0,9}) (0|[1-9][0-9]{0,15}) (\S+)\n")


class BadList(ValueError):
    """The text is no list of a draw, or it is cut off."""


class DrawList:
    """One room's whole draw: its text, and the place of any entrant. Some 60 MB for a million entrants."""

    def __init__(self, room: str, seed: bytes, visitors: Iterable[str]) -> None:
        self._seed = seed
        self._numbers = array("Q")
        self._starts = array("Q")
        body = bytearray()
        for place, (number, visitor) in enumerate(in_order(seed, visitors), 1):
            self._numbers.append(number)
            self._starts.append(len(body))
            body += f"{place} {number} {visitor}\n".encode()
        self._body = bytes(body)
        digest = digest_of(room)
        digest.update(self._body)
        self.digest = digest.hexdigest()
        self._head = (
            f"{FORMAT}\nroom {room}\ncommitment {commitment(seed)}\nseed {seed.hex()}\n"
            f"entrants {len(self)}\ndigest {self.digest}\n\n"
        ).encode()

    def __len__(self) -> int:
        """How many entrants there are."""
        return len(self._numbers)

    @property
    def size(self) -> int:
        """The length of the text in bytes."""
        return len(self._head) + len(self._body)

    def slices(self) -> Iterator[bytes]:
        """The text, piece by piece."""
        yield self._head
        for start in range(0, len(self._body), SLICE_BYTES):
            yield self._body[start : start + SLICE_BYTES]

    def place(self, visitor: str) -> int | None:
        """The visitor's place in the draw, from 1; None for who is no entrant."""
        number = draw_number(self._seed, visitor)
        index = bisect_left(self._numbers, number)
        # Two of a million may have drawn the same number.
        while index < len(self) and self._numbers[index] == number:
            line = f"{index + 1} {number} {visitor}\n".encode()
            if self._body.startswith(line, self._starts[index]):
                return index + 1
            index += 1
        return None


def digest_of(room: str) -> hashlib._Hash:
    """The digest of a room's list before its first entrant: the lines of entrants are to be put into it."""
    return hashlib.sha256(f"room {room}\n".encode())


@dataclass(frozen=True)
class Header:
    """What the head of a list says."""

    room: str
    commitment: str
    seed: bytes
    entrants: int
    digest: str


def read_header(lines: Iterator[bytes]) -> Header:
    """Take the header, and the empty line behind it, off the lines of a list. Raises BadList."""
    if _text(next(lines, b"")) != FORMAT:
        raise BadList(f"this is no list of a draw: its first line is not {FORMAT!r}")
    room, committed, seed, entrants, digest = (
        _value(_text(next(lines, b"")), name, shape) for name, shape in _HEADER.items()
    )
    if next(lines, b"") != b"\n":
        raise BadList("the line behind the header is not empty")
    return Header(room, committed, bytes.fromhex(seed), int(entrants), digest)


def read_entrant(line: bytes) -> tuple[int, int, str]:
    """Place, number and visitor in an entrant's line. Raises BadList."""
    match = _ENTRANT.fullmatch(line)
    if match is None:
        raise BadList(f"this is no line of an entrant: {line[:80]!r}")
    return int(match[1]), int(match[2]), _text(match[3])


def _value(line: str, name: str, shape: str) -> str:
    match = re.fullmatch(f"{name} {shape}", line)
    if match is None:
        raise BadList(f"the header has no good line {name!r}")
    return match[1]


def _text(line: bytes) -> str:
    try:
        return line.removesuffix(b"\n").decode()
    except UnicodeDecodeError:
        raise BadList(f"this is not UTF-8: {line[:80]!r}") from None
