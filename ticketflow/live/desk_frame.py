"""The desk frame: how the figures of a sale are written for its organiser. Pure.

A figure that could not be had is null: what is shown is true, or is not shown.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ticketflow.domain import Event, iso
from ticketflow.figures.ends import line_gone_at, sold_out_at
from ticketflow.figures.reading import target
from ticketflow.stock import Counts, StockNumbers
from ticketflow.store.minutes import Sample
from ticketflow.store.takings import Takings
from waiting_room import Figures, Forecast, Frame, Waits

COUNTED = (
    "waiting",
    "called",
    "active",
    "missed",
    "admitted_total",
    "admitted_last_minute",
    "rate_per_minute",
    "max_active",
)


@dataclass(frozen=True)
class Live:
    """What Redis says of a sale at one moment; `before` is how it stood some minutes ago, by its second."""

    at: datetime
    room: Figures
    stock: StockNumbers | None
    before: tuple[int, Sample] | None


@dataclass(frozen=True)
class DeskBooks:
    """What the database says of a sale at one moment."""

    at: datetime
    takings: Takings
    mail: dict[str, int]
    oldest_mail: datetime | None
    """Since when the letter waits that has waited longest."""
    refunds: int


def room_part(frame: Frame | None) -> dict[str, Any]:
    """The contract's numbers of the room, and what its levers stand at."""
    if frame is None:
        return {**dict.fromkeys(COUNTED, 0), "waits": _promises(Forecast())}
    said = {name: getattr(frame, name) for name in COUNTED} | {"waits": _promises(frame.forecast)}
    return {**said, "mode": frame.mode.value, "message": frame.message, "opened": frame.opened}


def stock_part(event: Event, stock: StockNumbers | None, counts: Counts | None) -> dict[str, Any]:
    """The contract's numbers of the stock: as it stands now, or as this process last heard of it."""
    types = [t.id for t in event.ticket_types]
    if stock is None and counts is None:
        return {"remaining": {str(t): 0 for t in types}, "free": 0, "held": 0, "sold": 0}
    free = stock.free if stock else counts.remaining if counts else {}
    sold = sum((stock.sold if stock else counts.sold if counts else {}).values())
    capacity = sum(stock.capacity.values()) if stock else sum(t.capacity for t in event.ticket_types)
    remaining = {str(t): free.get(t, 0) for t in types}
    left = sum(remaining.values())
    return {"remaining": remaining, "free": left, "held": capacity - left - sold, "sold": sold}


def figures_part(live: Live | None, books: DeskBooks | None) -> dict[str, Any]:
    """All that the desk shows besides the contract's numbers."""
    tally = live.room.tally if live else None
    stock, takings = live and live.stock, books and books.takings
    return {
        "joins_total": tally and tally.joins,
        "left_total": tally and tally.left,
        "missed_total": tally and tally.missed,
        "passed_over_total": tally and tally.passed_over,
        "target_per_minute": live and target(live.room),
        "waits_real": {
            "admitted": _waits(tally and tally.admitted),
            "left": _waits(tally and tally.gave_up),
        },
        "paying": stock and stock.paying,
        "revenue": takings and takings.revenue,
        "payment_failures": takings and takings.payment_failures,
        "refused": takings and takings.refused,
        "funnel": {
            "admitted": tally and tally.called,
            "held": stock and stock.holders,
            "paid": takings and takings.people,
        },
        "forecast": _forecast(live),
        "mail": books.mail if books else {},
        "books_at": books and iso(books.at),
        "backlog": _backlog(stock, books),
    }


def _backlog(stock: StockNumbers | None, books: DeskBooks | None) -> dict[str, Any]:
    waits = books and books.oldest_mail and round((books.at - books.oldest_mail).total_seconds(), 1)
    order = stock and stock.oldest_order_seconds
    return {
        "mail": books and books.mail["pending"] + books.mail["sending"],
        "mail_oldest_seconds": waits,
        "ledger": stock and stock.orders,
        "ledger_oldest_seconds": None if order is None else round(order, 1),
        "refunds": books and books.refunds,
    }


def _forecast(live: Live | None) -> dict[str, str | None]:
    if live is None:
        return {"line_gone_at": None, "sold_out_at": None}
    frame = live.room.frame
    gone = line_gone_at(frame)
    sold_out = sold_out_at(frame, live.stock, live.before) if live.stock else None
    return {"line_gone_at": gone and iso(gone), "sold_out_at": sold_out and iso(sold_out)}


def _waits(waits: Waits | None) -> dict[str, float | int | None]:
    """Medians of nobody are null, and so is what could not be read."""
    if waits is None:
        return {"p50": None, "p90": None, "count": None}
    p50, p90 = waits.quantile(0.5), waits.quantile(0.9)
    return {"p50": p50 and round(p50, 1), "p90": p90 and round(p90, 1), "count": waits.count}


def _promises(forecast: Forecast) -> dict[str, int]:
    """How the waits that fans were told turned out."""
    return {"told": forecast.told, "right": forecast.right, "withdrawn": forecast.withdrawn}
