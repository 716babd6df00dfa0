"""The admission log: who was called when, as a chain that nobody can change in silence. Pure.

Each row carries the SHA-256 of the row before it, so whoever changes, moves or takes out one must chain all
after it anew. The last row of each piece that was written is signed (Ed25519, with the keys that sign
tickets), and an exported log closes with a signed row: without the key a chain made anew fits no signature,
and a log that was cut off does not close. `docs/admission-log.md` has the format for whoever checks it with
other tools.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ticketflow.ticket_codes import key_id

FIRST = "0" * 64
"""What stands for the row before the first."""
BEGUN, LOST, END = "begun", "lost", "end"
"""Rows about the log itself: it begins; Redis lost what was not written yet; an export closes."""
PURPOSE = "TFA1."
"""Nothing else that these keys sign begins so."""

_SHAPES = {
    "event": r"[1-9][0-9]{0,17}",
    "number": r"[1-9][0-9]{0,17}",
    "at": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z",
    "visitor": r"[A-Za-z0-9_-]{0,64}",
    "order": r"0|[1-9][0-9]{0,15}",
    "kind": r"[a-z_]{1,16}",
    "before": r"[0-9a-f]{64}",
    "signature": r"[0-9a-f]{8}\.[A-Za-z0-9_-]{86}",
}
_NUMBERS = ("event", "number", "order")


class NoRow(ValueError):
    """The text is no row of a log."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row. Of rows about the log itself `visitor` is empty and `order` the room's epoch, 0 at the end."""

    event: int
    number: int
    at: str
    visitor: str
    order: int
    kind: str
    before: str
    signature: str = ""

    @property
    def text(self) -> str:
        """What is hashed: all but the signature."""
        values = (self.event, self.number, self.at, self.visitor, self.order, self.kind, self.before)
        return ",".join(map(str, values))

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    def line(self) -> str:
        """The row as an export has it: JSON on a line."""
        held = asdict(self)
        if not self.signature:
            del held["signature"]
        return json.dumps(held, separators=(",", ":")) + "\n"

    @classmethod
    def read(cls, line: bytes) -> "Row":
        """The row on a line of an export. Raises NoRow."""
        try:
            held = json.loads(line)
            if held.keys() - {"signature"} != _SHAPES.keys() - {"signature"}:
                raise NoRow("it has other fields")
        except (ValueError, AttributeError):
            raise NoRow("it is no row of an admission log") from None
        for name, value in held.items():
            kind = int if name in _NUMBERS else str
            if type(value) is not kind or not re.fullmatch(_SHAPES[name], str(value), re.ASCII):
                raise NoRow(f"its field {name!r} has a strange value")
        return cls(**held)


def moment(at: datetime) -> str:
    """A time as rows have it: UTC, to the microsecond."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class LogKeys:
    """Signs rows with the first of its keys: those of tickets, which doors know already."""

    def __init__(self, secrets: Sequence[str]) -> None:
        private = [Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret)) for secret in secrets]
        self.public = {key_id(key.public_key()): key.public_key() for key in private}
        self._private = private[0]
        self._id = key_id(private[0].public_key()).hex()

    def signed(self, row: Row) -> Row:
        """The row with a signature over its hash, and so over all rows before it."""
        signature = self._private.sign(f"{PURPOSE}{row.hash}".encode())
        return replace(row, signature=f"{self._id}.{base64.urlsafe_b64encode(signature).decode()[:86]}")

    def end(self, last: Row, at: datetime) -> Row:
        """What closes an export whose last row is `last`."""
        return self.signed(Row(last.event, last.number + 1, moment(at), "", 0, END, last.hash))


@dataclass(frozen=True)
class Fault:
    """What is wrong with a log, and the first row not to be trusted; with `till`, one of those up to it."""

    row: int
    words: str
    till: int = 0

    def __str__(self) -> str:
        where = f"row {self.row:,}" if self.till <= self.row else f"one of rows {self.row:,} to {self.till:,}"
        return f"{where}: {self.words}"


@dataclass(frozen=True)
class Checked:
    """What checking a log came to: its fault, or how far it goes and when it was closed."""

    fault: Fault | None = None
    event: int = 0
    rows: int = 0
    closed_at: str = ""
    head: str = ""
    """The hash of its last row."""


class Checker:
    """Goes through a log, row by row, and stops at the first fault."""

    def __init__(self, keys: Mapping[bytes, Ed25519PublicKey], earlier: Checked | None = None) -> None:
        self._keys = keys
        self._earlier = earlier
        self._last: Row | None = None
        self._vouched = 0
        self._broken: Fault | None = None

    def check(self, rows: Iterable[Row]) -> Checked:
        """What the log is worth. Reading it may raise NoRow."""
        fault = self.see_all(rows) or self._broken
        if fault:
            return Checked(fault)
        last = self._last
        if last is None or last.kind != END:
            after = last.number if last else 0
            return Checked(
                Fault(after + 1, "the log is cut off here: the signed row that closes it is missing")
            )
        if self._earlier and self._earlier.rows >= last.number:
            return Checked(Fault(last.number, "is missing: the earlier log goes further"))
        return Checked(None, last.event, last.number - 1, last.at, last.before)

    def see_all(self, rows: Iterable[Row]) -> Fault | None:
        """Go on with more rows, up to the first fault."""
        return next((fault for row in rows if (fault := self._see(row))), None)

    def _see(self, row: Row) -> Fault | None:
        last = self._last
        fault = self._place(row, last) or self._link(row, last) or self._against_earlier(row)
        if fault is None and row.signature:
            if self._signed(row):
                self._vouched = row.number
            else:
                # The next row tells whether only this one was changed, or the chain was made anew before it.
                words = "was changed: the signature does not fit, and nobody without the key can make one"
                self._broken = Fault(self._vouched + 1, words, till=row.number)
        self._last = row
        return fault

    def _place(self, row: Row, last: Row | None) -> Fault | None:
        if last is not None and last.kind == END:
            return Fault(row.number, "stands behind the row that closes the log")
        expected = last.number + 1 if last else 1
        if row.number != expected:
            return Fault(expected, f"is missing: row {row.number:,} stands in its place")
        if last is not None and row.event != last.event:
            return Fault(row.number, "is of another event")
        if row.kind == END and not row.signature:
            return Fault(row.number, "closes the log, but is not signed")
        return None

    def _link(self, row: Row, last: Row | None) -> Fault | None:
        if row.before == (last.hash if last else FIRST):
            return self._broken
        if last is None:
            return Fault(1, "is not the first row of a log")
        if self._vouched == last.number:
            return Fault(
                row.number, "is not the row that followed: it carries another hash of the row before"
            )
        return Fault(
            last.number,
            "was changed, or one behind it was taken out: the next row carries another hash of it",
        )

    def _against_earlier(self, row: Row) -> Fault | None:
        """Where the earlier log ends, this one must have the same row."""
        if self._earlier and self._earlier.rows == row.number and self._earlier.head != row.hash:
            return Fault(row.number, "is another one than in the earlier log, or one before it is")
        return None

    def _signed(self, row: Row) -> bool:
        name, _, signature = row.signature.partition(".")
        key = self._keys.get(bytes.fromhex(name))
        try:
            raw = base64.urlsafe_b64decode(signature + "==")
            if key is None:
                return False
            key.verify(raw, f"{PURPOSE}{row.hash}".encode())
        except (InvalidSignature, binascii.Error):
            return False
        return True


def read_rows(lines: Iterable[bytes]) -> Iterator[Row]:
    """The rows of an exported log. Raises NoRow, naming the line."""
    for number, line in enumerate(lines, 1):
        try:
            yield Row.read(line)
        except NoRow as error:
            raise NoRow(f"line {number:,}: {error}") from None
