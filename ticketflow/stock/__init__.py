"""Units in Redis: held, released, submitted, settled and expired, each in one atomic script.

The database is the truth; what stands here is what makes it fast, and can be rebuilt from there.
"""

from ticketflow.stock.keys import StockKeys
from ticketflow.stock.seats import Seats
from ticketflow.stock.stock import GROUP, Counts, Settlement, Stock, event_of_hold, parse_order

__all__ = ["GROUP", "Counts", "Seats", "Settlement", "Stock", "StockKeys", "event_of_hold", "parse_order"]
