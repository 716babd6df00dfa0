"""What the API answers about a sale's autopilot, for the document."""

from typing import Annotated, Any

from pydantic import Field

from ticketflow.web.openapi.answers import WHEN, Answer, Count, Moment, example

ASKED: dict[str, Any] = {"low": 60, "high": 1200, "target_p95_ms": 2000, "target_error_rate": 0.02}
SHOWN = {
    **ASKED, "on": True, "p95_ms": 2900, "error_rate": 0.0, "moved_at": WHEN, "rate_per_minute": 420,
    "why": "Slowed to 420 a minute: bookings take 2.9 s, target 2.0 s.", "suggested": ASKED,
}  # fmt: skip

Target = Annotated[int, Field(description="In milliseconds, for 95% of the bookings.")]
Share = Annotated[float, Field(description="The share of bookings that may fail for a fault of this desk.")]


class AutopilotAsked(Answer):
    """The bounds of the rate, and what the bookings are to keep under."""

    model_config = example(**ASKED)
    low: Count
    high: Count
    target_p95_ms: Target
    target_error_rate: Share


class AutopilotView(Answer):
    """A sale's autopilot. Bounds and targets are null if it was never switched on."""

    model_config = example(**SHOWN)
    on: bool
    low: Count | None
    high: Count | None
    target_p95_ms: Target | None
    target_error_rate: Share | None
    p95_ms: Annotated[int | None, Field(description="Of the last seconds; null while too few book.")]
    error_rate: Annotated[float | None, Field(description="Of the last seconds; null while nobody books.")]
    why: Annotated[str, Field(description="Why it moved the rate last, or how it was handed back.")]
    moved_at: Moment | None
    rate_per_minute: Annotated[Count, Field(description="The rate that holds now.")]
    suggested: Annotated[AutopilotAsked, Field(description="What could be asked of it.")]
