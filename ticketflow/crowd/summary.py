"""What became of the crowd, as a table."""

from rich.console import Console
from rich.table import Table

from ticketflow.crowd.tally import GAVE_UP, Outcome, Tally


def print_summary(tally: Tally, console: Console) -> None:
    """Print what the crowd has seen; errors last, where they are not missed."""
    table = Table(title="The crowd", show_header=False, title_justify="left", box=None, padding=(0, 2))
    for name, value in _rows(tally):
        table.add_row(name, value)
    console.print()
    console.print(table)
    for error, times in tally.errors.most_common():
        console.print(f"[bold red]Error:[/bold red] {error} ({times})", soft_wrap=True)


def _rows(tally: Tally) -> list[tuple[str, str]]:
    rows = [
        ("Arrived", f"{tally.arrived} of {tally.size}"),
        ("Admitted", str(tally.admitted)),
        ("Booked", f"{tally.bookings} bookings, {tally.tickets} tickets"),
        ("Cards declined", str(tally.refusals["payment_declined"])),
        ("Gave up", _list({o.value: tally.outcomes[o] for o in GAVE_UP}, tally.gave_up)),
        ("Refused", f"{tally.outcomes[Outcome.REFUSED]} fans"),
        ("Refusals by code", _list(dict(tally.refusals.most_common()), tally.refusals.total())),
        ("Waited", _waits(tally)),
        ("Told wait", _told(tally)),
        ("Reconnected", str(tally.reconnects)),
        ("Errors", str(tally.errors.total())),
    ]
    if cut := tally.outcomes[Outcome.CUT_SHORT]:
        rows.insert(1, ("Cut short", str(cut)))
    return rows


def _list(counts: dict[str, int], total: int) -> str:
    parts = ", ".join(f"{name} {count}" for name, count in counts.items() if count)
    return f"{total} ({parts})" if parts else str(total)


def _waits(tally: Tally) -> str:
    if not tally.waits:
        return "nobody was called"
    median, most, longest = (tally.wait_at(share) for share in (0.5, 0.9, 1))
    return f"median {median:.1f} s, 90% within {most:.1f} s, longest {longest:.1f} s"


def _told(tally: Tally) -> str:
    if not tally.intervals_told:
        return "nobody who was called had been told one"
    share = tally.intervals_held / tally.intervals_told
    return f"held for {tally.intervals_held} of {tally.intervals_told} ({share:.0%}; meant to be 80%)"
