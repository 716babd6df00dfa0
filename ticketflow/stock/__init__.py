"""Units in Redis: held, released, submitted, settled and expired, each in one atomic script.

The database is the truth; what stands here is what makes it fast, and can be rebuilt from there.
"""

from ticketflow.stock.inspection import Inspection, Snapshot, StoredHold
from ticketflow.stock.keys import StockKeys
from ticketflow.stock.numbers import NumberReader, StockNumbers
from ticketflow.stock.replies import REFUSALS, event_of_hold, parse_order
from ticketflow.stock.resizing import OtherStock, Resizing
from ticketflow.stock.seats import Seats
from ticketflow.stock.stock import GROUP, Counts, Settlement, Stock

__all__ = [
    "GROUP",
    "REFUSALS",
    "Counts",
    "Inspection",
    "NumberReader",
    "OtherStock",
    "Resizing",
    "Seats",
    "Settlement",
    "Snapshot",
    "Stock",
    "StockKeys",
    "StockNumbers",
    "StoredHold",
    "event_of_hold",
    "parse_order",
]
