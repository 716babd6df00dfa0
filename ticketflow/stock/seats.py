"""One look at an event's seats: which are free, which are held, which are sold."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ticketflow.domain import TicketType


@dataclass(frozen=True)
class Seats:
    """The units of an event's seated types at one version: type -> one bit a unit, as SETBIT counts them.

    What is neither free nor held is sold.
    """

    epoch: int
    version: int
    free: Mapping[int, bytes]
    held: Mapping[int, bytes]

    @classmethod
    def read(
        cls, types: Sequence[TicketType], epoch: bytes, version: bytes, holds: Sequence[bytes], *bits: bytes
    ) -> "Seats":
        """The seats in a reply of seats.lua, asked for these types."""
        free = {t.id: units.ljust((t.capacity + 7) // 8, b"\0") for t, units in zip(types, bits, strict=True)}
        return cls(int(epoch), int(version), free, _held(types, holds))

    def is_free(self, ticket_type_id: int, unit: int) -> bool:
        return _has(self.free[ticket_type_id], unit)

    def is_held(self, ticket_type_id: int, unit: int) -> bool:
        return _has(self.held[ticket_type_id], unit)


def _has(bits: bytes, unit: int) -> bool:
    return unit // 8 < len(bits) and bool(bits[unit // 8] & 0x80 >> unit % 8)


def _held(types: Sequence[TicketType], holds: Sequence[bytes]) -> dict[int, bytes]:
    held = {t.id: bytearray((t.capacity + 7) // 8) for t in types}
    for stored in holds:
        try:
            hold = json.loads(stored)
            bits = held.get(hold["type"])
            if bits is not None:
                for unit in hold["units"]:
                    bits[unit // 8] |= 0x80 >> unit % 8
        except (ValueError, KeyError, TypeError, IndexError):
            continue  # no hold of these seats; the auditor reports it
    return {type_id: bytes(bits) for type_id, bits in held.items()}
