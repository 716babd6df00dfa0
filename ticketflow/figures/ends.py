"""When the line will be gone, and when the sale sells out, as far as it can be told. Pure."""

from datetime import datetime, timedelta

from ticketflow.domain import from_micros
from ticketflow.stock import StockNumbers
from ticketflow.store.minutes import SERIES, Sample
from waiting_room import Frame, Mode

SOLD = SERIES.index("sold")
WINDOW_SECONDS = 300
"""How far back "the last minutes" go."""
WATCHED_SECONDS = 60
"""With less of them recorded nobody can say how fast it goes."""
FURTHEST = timedelta(days=365)


def line_gone_at(frame: Frame) -> datetime | None:
    """When those who wait now will have been called, as the fans are told it: by measured admissions and
    leaving. None if nobody waits, or nothing moves."""
    expected = frame.expect(frame.waiting - 1) if frame.waiting else None
    return None if expected is None else _later(_moment(frame), expected.plain)


def sold_out_at(frame: Frame, stock: StockNumbers, before: tuple[int, Sample] | None) -> datetime | None:
    """When all is sold, if it goes on as since `before`: a second in the last minutes, and how the sale stood
    then. None if that is too short ago, if nothing was sold since or is left, or the doors are not open."""
    if before is None or frame.mode is not Mode.OPEN:
        return None
    at, (second, sample) = _moment(frame), before
    sold_then, sold = sample[SOLD], sum(stock.sold.values())
    unsold = sum(stock.capacity.values()) - sold
    watched = at.timestamp() - second
    if sold_then is None or sold <= sold_then or unsold <= 0 or watched < WATCHED_SECONDS:
        return None
    return _later(at, unsold * watched / (sold - sold_then))


def _moment(frame: Frame) -> datetime:
    return from_micros(frame.at)


def _later(at: datetime, seconds: float) -> datetime | None:
    return at + timedelta(seconds=seconds) if seconds < FURTHEST.total_seconds() else None
