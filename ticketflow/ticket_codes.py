"""What a ticket's QR code says: signed, so that a door without a network can tell it from a made-up one.

    TF1.<base32 of: key id, 4 bytes | event, 6 bytes | ticket, 17 bytes | signature, 64 bytes>

The signature is Ed25519's (RFC 8032) over "TF1." and the 27 bytes before it. The key id is the first four
bytes of the SHA-256 of the public key. Base32 (RFC 4648, without padding) keeps to the letters that a QR code
packs most tightly: 150 of them fit version 6. `docs/tickets.md` tells doors how to check one by themselves.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ticketflow.codes import code_number, code_of_number

PREFIX = "TF1."
_KEY_ID, _EVENT, _TICKET, _SIGNATURE = 4, 6, 17, 64
_BODY = _KEY_ID + _EVENT + _TICKET
_LETTERS = -(-(_BODY + _SIGNATURE) * 8 // 5)


class NotATicket(ValueError):
    """The text is no code of ours: mistyped, cut short, changed, or signed by somebody else."""


@dataclass(frozen=True)
class SignedTicket:
    """What a signed code says, and all that it says."""

    event_id: int
    code: str
    """The ticket's own code, as `new_code` makes it."""


class TicketReader:
    """Reads signed codes with the public keys alone, as a door does."""

    def __init__(self, keys: Mapping[bytes, Ed25519PublicKey]) -> None:
        self._keys = keys

    @classmethod
    def of_published(cls, document: Mapping[str, Any]) -> "TicketReader":
        """The reader that a published key set (RFC 7517, keys as RFC 8037 has them) makes.

        Raises ValueError if the document is not one, or has no key.
        """
        return cls(read_published(document))

    def read(self, text: str) -> SignedTicket:
        """What the code says. Raises `NotATicket`."""
        raw = _decoded(text)
        body, signature = raw[:_BODY], raw[_BODY:]
        key = self._keys.get(body[:_KEY_ID])
        if key is None:
            raise NotATicket("It was signed with a key that is not ours.")
        try:
            key.verify(signature, PREFIX.encode() + body)
        except InvalidSignature:
            raise NotATicket("Its signature is not ours.") from None
        event_id = int.from_bytes(body[_KEY_ID : _KEY_ID + _EVENT])
        return SignedTicket(event_id, code_of_number(int.from_bytes(body[_KEY_ID + _EVENT :])))


class TicketCodes(TicketReader):
    """Signs tickets with the first of its keys, and reads what any of them has signed.

    `secrets` are the 32 bytes of an Ed25519 private key each, in hex, the newest first. A key is needed for
    as long as tickets that it signed may come to a door.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        private = [Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret)) for secret in secrets]
        super().__init__({key_id(key.public_key()): key.public_key() for key in private})
        self._private = private[0]
        self._id = key_id(self._private.public_key())

    def sign(self, event_id: int, code: str) -> str:
        """The signed code of the ticket `code` to that event. The same ticket has the same one each time."""
        body = self._id + event_id.to_bytes(_EVENT) + code_number(code).to_bytes(_TICKET)
        signature = self._private.sign(PREFIX.encode() + body)
        return PREFIX + base64.b32encode(body + signature).decode().rstrip("=")

    def published(self) -> dict[str, Any]:
        """The public keys as a JSON Web Key Set, for doors."""
        return {
            "keys": [
                {
                    "kty": "OKP",
                    "crv": "Ed25519",
                    "use": "sig",
                    "alg": "EdDSA",
                    "kid": name.hex(),
                    "x": base64.urlsafe_b64encode(key.public_bytes_raw()).decode().rstrip("="),
                }
                for name, key in self._keys.items()
            ]
        }


def read_published(document: Mapping[str, Any]) -> dict[bytes, Ed25519PublicKey]:
    """The keys of a published set by their ids. Raises ValueError if the document is none, or has no key."""
    try:
        public = [Ed25519PublicKey.from_public_bytes(_unpadded(key["x"])) for key in document["keys"]]
    except (KeyError, TypeError, binascii.Error) as error:
        raise ValueError("this is not a set of public ticket keys") from error
    if not public:
        raise ValueError("this set has no key")
    return {key_id(key): key for key in public}


def key_id(key: Ed25519PublicKey) -> bytes:
    """The first bytes of the SHA-256 of a public key: its short name."""
    return hashlib.sha256(key.public_bytes_raw()).digest()[:_KEY_ID]


def _decoded(text: str) -> bytes:
    letters = text.strip().upper()
    if not letters.startswith(PREFIX) or len(letters) != len(PREFIX) + _LETTERS:
        raise NotATicket("It does not look like a ticket's code.")
    try:
        raw = base64.b32decode(letters[len(PREFIX) :] + "=" * (-_LETTERS % 8))
    except binascii.Error:
        raise NotATicket("It has letters that no code of ours has.") from None
    # The last letter has bits to spare: only one way of writing a code is that code.
    if base64.b32encode(raw).decode().rstrip("=") != letters[len(PREFIX) :]:
        raise NotATicket("It does not look like a ticket's code.")
    return raw


def _unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
