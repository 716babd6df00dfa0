"""How money and times are written for people, in pages and in mail alike."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

_SYMBOLS = {"INR": "₹", "EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥"}
_WHOLE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THOUSANDTHS = "BHD IQD JOD KWD LYD OMR TND"
DIGITS = dict.fromkeys(_WHOLE.split(), 0) | dict.fromkeys(_THOUSANDTHS.split(), 3)
"""How many digits of the minor unit stand after the point, where it is not two (ISO 4217). Pages are told:
browsers go by another list, in which the forint has none."""


def money(minor: int, currency: str) -> str:
    """An amount in minor units as people read it: 250000 INR is "₹2,500.00"."""
    digits = DIGITS.get(currency, 2)
    whole, part = divmod(abs(minor), 10**digits)
    number = f"{whole:,}" + (f".{part:0{digits}d}" if digits else "")
    sign = "-" if minor < 0 else ""
    symbol = _SYMBOLS.get(currency)
    return f"{sign}{symbol}{number}" if symbol else f"{sign}{number} {currency}"


def count(number: int) -> str:
    """A whole number as people read it: 49906 is "49,906"."""
    return f"{number:,}"


def day(when: datetime | str) -> str:
    """A date as "Sat 12 December 2026", by the clocks that the moment is told in, else in UTC."""
    moment = _moment(when)
    return f"{moment:%a} {moment.day} {moment:%B %Y}"


def clock(when: datetime | str) -> str:
    """A time of day as "10:00 UTC", or "15:30 IST" of a moment told by other clocks."""
    moment = _moment(when)
    name = moment.tzname() or ""
    # Some zones have no letters of their own.
    return f"{moment:%H:%M} {name if name.isalpha() else f'UTC{name}'}"


def zone(when: datetime | str) -> str:
    """The zone whose clocks a moment is told by; "" for UTC, which the reader's own clocks replace."""
    at = _moment(when).tzinfo
    return at.key if isinstance(at, ZoneInfo) and at.key != "UTC" else ""


def span(seconds: int) -> str:
    """How long something lasts, as "40 s", "12 min", "3 h 5 min" or "2 d 4 h". As js/desk.js."""
    minutes, hours = seconds // 60, seconds // 3600
    if minutes < 1:
        return f"{seconds} s"
    if hours < 1:
        return f"{minutes} min"
    return f"{hours} h {minutes % 60} min" if hours < 24 else f"{hours // 24} d {hours % 24} h"


def _moment(when: datetime | str) -> datetime:
    # What the waiting room says comes as JSON has it: ISO 8601 as text.
    moment = datetime.fromisoformat(when) if isinstance(when, str) else when
    return moment if isinstance(moment.tzinfo, ZoneInfo) else moment.astimezone(UTC)
