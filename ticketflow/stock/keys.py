"""The names of an event's keys. All share the hash tag of its waiting room: one slot of a cluster."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class StockKeys:
    """The keys of one event's stock.

    stock    hash    epoch, version, limit, and per type capacity:<id>, size:<id> (the highest unit's number
                    and one), free:<id>, sold:<id>;
                    closed_until (microseconds) while it is rebuilt
    units    string  one bit a unit of a type, 1 = free
    holds    hash    hold id -> JSON of the hold
    expiry   zset    hold id -> microseconds at which an unpaid hold ends
    taken    hash    user id -> units held or bought
    visits   hash    visitor -> number of open holds
    baskets  hash    user id -> the hold taken last, so that a reload finds it
    pending  hash    booking id -> its order, until its end is told
    guests   hash    visitor -> the user who holds in this turn, and until when (microseconds)
    orders   stream  submitted bookings, read by the ledger
    rejected list    what lay in the stream and was no order, the last first
    returned set     cancelled bookings whose units are not counted as sold any more
    """

    prefix: str
    event_id: int

    def _key(self, noun: str) -> str:
        return f"{self.prefix}:{{event:{self.event_id}}}:{noun}"

    @property
    def stock(self) -> str:
        return self._key("stock")

    @property
    def holds(self) -> str:
        return self._key("holds")

    @property
    def baskets(self) -> str:
        return self._key("baskets")

    @property
    def pending(self) -> str:
        return self._key("pending")

    @property
    def orders(self) -> str:
        return self._key("orders")

    @property
    def rejected(self) -> str:
        return self._key("rejected")

    @property
    def counts_channel(self) -> str:
        """Where each change is published, as a stock frame."""
        return self._key("counts")

    @property
    def results_channel(self) -> str:
        """Where the ends of bookings are published, as a list of those that came together."""
        return self._key("results")

    @property
    def lock(self) -> str:
        """Whoever loads or rebuilds the stock holds this lock."""
        return f"{self.stock}:load"

    def units(self, ticket_type_id: int) -> str:
        return self._key(f"units:{ticket_type_id}")

    def script_keys(self, leases: str, ticket_type_ids: Sequence[int]) -> list[str]:
        """KEYS as every script here takes them; lua/common.lua binds them to names in this order."""
        nouns = ("stock", "holds", "expiry", "taken", "visits", "baskets", "pending", "orders", "guests")
        fixed = [*(self._key(noun) for noun in nouns), leases, self.counts_channel, self._key("returned")]
        return [*fixed, *(self.units(type_id) for type_id in ticket_type_ids)]
