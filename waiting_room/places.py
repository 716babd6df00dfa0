"""Signed places (what a fan holds) and passes (what an admitted fan holds). Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from itsdangerous import BadData, Serializer, URLSafeSerializer
from itsdangerous import Signer as LibrarySigner
from itsdangerous.encoding import base64_encode

from .draw import DRAW_BITS, draw_number
from .errors import BadPass, BadTicket

LONGEST = 1_024
"""Characters. Ours are about 120; a longer one is refused before any hashing."""

VISITOR_BYTES = 10
"""Of a visitor's name before it is written in base64: two of a million are alike once in 10^12 rooms. With
more than its 14 characters a long line would take a tenth more memory, for how the allocator cuts. Nothing
rests on a name being secret: tickets are signed."""


MARK_CHARS = 16


@dataclass(frozen=True)
class Place:
    """What a ticket says: whose place, its order in the line, and the room's epoch when it was signed.

    Order 0 stands for "what the visitor drew": a ticket is readable, and a number known before the opening
    would let a bot join until it likes its own.
    """

    visitor: str
    order: int
    epoch: int


@dataclass(frozen=True)
class Pass:
    """Proof of admission. `expires_at` (unix seconds) is the lease's end when signed; use moves it."""

    token: str
    visitor: str
    expires_at: float


class Signer:
    """Signs and reads the tickets and passes of one room.

    `secrets` are newest first: the first signs, all are accepted, so a secret is rotated by putting a new
    one in front and dropping the old one when its tickets have run out. Raises ValueError if there is none.
    `seed` is the draw's.
    """

    def __init__(self, secrets: Sequence[str], room: str, seed: bytes = b"") -> None:
        if isinstance(secrets, str) or not secrets or not all(secrets):
            raise ValueError("secrets must be a list of non-empty texts")
        self._room = room
        self._seed = seed
        self._tickets = _serializer(secrets, "waiting-room.ticket")
        self._passes = _serializer(secrets, "waiting-room.pass")
        self._mark_key = hmac.digest(secrets[0].encode(), b"waiting-room.mark", "sha256")

    def ticket(self, place: Place) -> str:
        """The place as a text that cannot be altered, and that does not tell what the visitor drew."""
        told = 0 if self._is_draw(place) else place.order
        return str(self._tickets.dumps([self._room, place.visitor, told, place.epoch]))

    def _is_draw(self, place: Place) -> bool:
        # After the opening somebody may be given an order for want of theirs, and it may be another's draw.
        return place.order < 2**DRAW_BITS and place.order == draw_number(self._seed, place.visitor)

    def read_ticket(self, ticket: str) -> Place:
        """The place a ticket says. Raises BadTicket unless we signed it for this room."""
        match _read(self._tickets, ticket):
            case [self._room, str(visitor), int(order), int(epoch)]:
                return Place(visitor, order, epoch)
        raise BadTicket("no ticket of this room")

    def mark(self, visitor: str, order: int) -> str:
        """A name for one place in the line, which a new place of the same visitor does not share.

        It may be shown to anybody at any time: it tells no order.
        """
        place = f"{self._room}\n{visitor}\n{order}".encode()
        return hmac.digest(self._mark_key, place, "sha256").hex()[:MARK_CHARS]

    def grant(self, visitor: str, expires_at: float) -> Pass:
        """A signed pass for a visitor whose lease ends at `expires_at` (unix seconds)."""
        return Pass(str(self._passes.dumps([self._room, visitor, expires_at])), visitor, expires_at)

    def read_pass(self, token: str) -> Pass:
        """What a pass says. Raises BadPass unless we signed it for this room."""
        match _read(self._passes, token):
            case [self._room, str(visitor), float() | int() as expires_at]:
                return Pass(token, visitor, float(expires_at))
        raise BadPass("no pass of this room")


class _Serializer(URLSafeSerializer):
    """The library's, without what costs more than the signature itself: one is made for every answer."""

    def dump_payload(self, obj: Any) -> bytes:
        # What we sign is too short for it to be worth a try whether it can be compressed.
        return base64_encode(Serializer.dump_payload(self, obj))

    def make_signer(self, salt: str | bytes | None = None) -> LibrarySigner:
        # The salt is in the keys already, so one signer does for all.
        return self._signer

    @cached_property
    def _signer(self) -> LibrarySigner:
        return super().make_signer()


def _serializer(secrets: Sequence[str], salt: str) -> _Serializer:
    # The salt keeps a ticket from passing for a pass. The library would derive the same keys from salt and
    # secret at every signature. It wants the newest last.
    keys = [hmac.digest(secret.encode(), salt.encode(), "sha256") for secret in reversed(secrets)]
    return _Serializer(keys, signer_kwargs={"key_derivation": "none", "digest_method": hashlib.sha256})


def _read(serializer: _Serializer, text: str) -> Any:
    return None if len(text) > LONGEST else _verified(serializer, text)


# A page polls with one ticket again and again, and one request may ask twice.
@lru_cache(maxsize=4_096)
def _verified(serializer: _Serializer, text: str) -> Any:
    try:
        return serializer.loads(text)
    # A lone surrogate is a ValueError of the codec's, not of the library's.
    except (BadData, ValueError):
        return None
