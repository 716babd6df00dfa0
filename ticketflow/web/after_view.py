"""The report of a sale as the API tells it; the page shows the same."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ticketflow.domain import BookingStatus, Event, PaymentStatus, TicketType, iso
from ticketflow.fairness import Order
from ticketflow.live.line_reports import LineReport
from ticketflow.store.reports import SalesReport, Sum

CONFIRMED, CANCELLED = BookingStatus.CONFIRMED, BookingStatus.CANCELLED
FAILED = ("payment_declined", "payment_unknown")


def report_view(event: Event, sales: SalesReport, line: LineReport | None) -> dict[str, Any]:
    """What was sold and how the line went, of one event."""
    return {"currency": event.currency, **_sales(event, sales), "line": line and _line(line, sales)}


def _sales(event: Event, sales: SalesReport) -> dict[str, Any]:
    sums = sales.by_status()
    types = [_type(kind, sales) for kind in event.ticket_types]
    return {
        "sold": sums[CONFIRMED].tickets,
        "revenue": sums[CONFIRMED].amount,
        "fees": sums[CONFIRMED].fees,
        "refunded": sum(kind["refunded"] for kind in types),
        "refunds_due": sum(kind["refunds_due"] for kind in types),
        "buyers": sales.buyers,
        "types": types,
        "statuses": [_status(status, part) for status, part in sums.items()],
        "refusals": [{"reason": reason, "bookings": count} for reason, count in sales.refusals.items()],
        "payment_failures": sum(sales.refusals.get(reason, 0) for reason in FAILED),
        "hours": [
            {"at": iso(hour.at), "tickets": hour.tickets, "revenue": hour.amount} for hour in sales.hours
        ],
    }


def _type(kind: TicketType, sales: SalesReport) -> dict[str, Any]:
    sums = sales.by_type.get(kind.id, {})
    sold, refunds = sums.get(CONFIRMED, Sum()), sales.refunds.get(kind.id, {})
    return {
        "id": kind.id,
        "name": kind.name,
        "capacity": kind.capacity,
        "sold": sold.tickets,
        "revenue": sold.amount,
        "fees": sold.fees,
        "cancelled": sums.get(CANCELLED, Sum()).tickets,
        "refunded": refunds.get(PaymentStatus.REFUNDED, 0),
        "refunds_due": refunds.get(PaymentStatus.REFUND_DUE, 0),
    }


def _status(status: BookingStatus, part: Sum) -> dict[str, Any]:
    return {
        "status": status.value,
        "bookings": part.bookings,
        "tickets": part.tickets,
        "amount": part.amount,
    }


def _line(line: LineReport, sales: SalesReport) -> dict[str, Any]:
    counts: Mapping[str, int] = line.counts
    waits = asdict(line.waits)
    return {
        "rows": line.rows,
        "people": line.people,
        "calls": line.order.calls,
        "at_once": counts.get("at_once", 0),
        "passed_over": counts.get("passed_over", 0),
        "no_shows": counts.get("missed", 0),
        "returned": counts.get("returned", 0),
        "gaps": counts.get("lost", 0),
        "conversion": round(min(1.0, sales.buyers / line.people), 4) if line.people else None,
        "order": _order(line.order),
        "first_turns": _order(line.first_turns),
        "waits": {name: round(value, 1) for name, value in waits.items()} if line.waits.count else None,
    }


def _order(order: Order) -> dict[str, Any]:
    tau = None if order.tau is None else round(order.tau, 6)
    return {"calls": order.calls, "tau": tau, "pairs_turned": order.pairs_turned}
