"""Seating as text: a line a seat or a line a row, as spreadsheets write it. Every fault is named. Pure."""

import csv
import string
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice, product

from ticketflow.store.events import Seat

BY_SEAT, BY_ROW = ("section", "row", "number"), ("section", "row", "seats")
MOST_SEATS, MOST_ROWS, MOST_IN_A_ROW, MOST_NUMBER = 200_000, 5_000, 1_000, 100_000
MOST_SECTION, MOST_ROW = 40, 20
FAULTS_TOLD = 8
HEAD = (
    "The first line must be section,row,number (then a line for each seat) or section,row,seats (then a line "
    "for each row)."
)

Places = dict[tuple[str, str], dict[int, int]]
"""(section, row) -> the numbers of its seats, each with the line it stood in."""


class SeatingFaults(ValueError):
    """What is wrong with a seating, by line."""

    def __init__(self, faults: Sequence[tuple[int, str]]) -> None:
        told = [f"Line {line}: {problem}" for line, problem in faults[:FAULTS_TOLD]]
        rest = len(faults) - FAULTS_TOLD
        super().__init__("\n".join([*told, *([f"And {rest} more lines."] if rest > 0 else [])]))
        self.faults = faults


@dataclass(frozen=True)
class PlanRow:
    """A row as a picture shows it."""

    section: str
    row: str
    seats: int


def read(text: str) -> list[Seat]:
    """The seats, row by row in the order in which the rows first come. Raises `SeatingFaults`."""
    lines = list(_lines(text.removeprefix("\ufeff")))
    head = tuple(field.lower() for field in lines[0][1]) if lines else ()
    if sorted(head) not in (sorted(BY_SEAT), sorted(BY_ROW)):
        raise SeatingFaults([(lines[0][0] if lines else 1, HEAD)])
    places: Places = {}
    faults: list[tuple[int, str]] = []
    for line, fields in lines[1:]:
        try:
            if len(fields) != len(head):
                raise ValueError(f"there are {len(fields)} fields, not 3.")
            _take(places, line, dict(zip(head, fields, strict=True)))
        except ValueError as wrong:
            faults.append((line, str(wrong)))
    seats = [Seat(section, row, number) for (section, row), found in places.items() for number in found]
    if not faults and not seats:
        faults.append((lines[0][0], "There are no seats below the first line."))
    if not faults and (len(seats) > MOST_SEATS or len(places) > MOST_ROWS):
        faults.append((lines[-1][0], f"There are more than {MOST_SEATS:,} seats or {MOST_ROWS:,} rows."))
    if faults:
        raise SeatingFaults(faults)
    return seats


def written(seats: Iterable[Seat]) -> str:
    """The text of a seating: a line a row where each is numbered from 1, else a line a seat."""
    rows: dict[tuple[str, str], list[int]] = {}
    for seat in seats:
        rows.setdefault((seat.section, seat.row), []).append(seat.number)
    plain = all(numbers == list(range(1, len(numbers) + 1)) for numbers in rows.values())
    lines: list[Sequence[object]] = [BY_ROW if plain else BY_SEAT]
    for place, numbers in rows.items():
        lines += [(*place, len(numbers))] if plain else [(*place, number) for number in numbers]
    out = _Lines()
    csv.writer(out, lineterminator="\n").writerows(lines)
    return "".join(out.written)


def rows_by_seats(section: str, rows: int, seats: int) -> str:
    """The text of a section of so many rows, called A, B, C and so on, of so many seats each."""
    out = _Lines()
    named = ((section, row, seats) for row in islice(row_names(), rows))
    csv.writer(out, lineterminator="\n").writerows([BY_ROW, *named])
    return "".join(out.written)


def row_names() -> Iterator[str]:
    """A to Z, then AA, AB and on."""
    for letters in count(1):
        yield from map("".join, product(string.ascii_uppercase, repeat=letters))


def plan_of(seats: Iterable[Seat]) -> list[PlanRow]:
    """The rows with how many seats each has."""
    sizes: dict[tuple[str, str], int] = {}
    for seat in seats:
        sizes[seat.section, seat.row] = sizes.get((seat.section, seat.row), 0) + 1
    return [PlanRow(section, row, size) for (section, row), size in sizes.items()]


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """The lines that say something, by number, in fields."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    mark = next((mark for mark in ";\t" if mark in first), ",")
    reader = csv.reader(text.splitlines(), delimiter=mark)
    try:
        for fields in reader:
            if any(field.strip() for field in fields):
                yield reader.line_num, [field.strip() for field in fields]
    except csv.Error as wrong:
        raise SeatingFaults([(reader.line_num, f"this cannot be read ({wrong}).")]) from None


def _take(places: Places, line: int, fields: dict[str, str]) -> None:
    """Add the seats of one line. Raises ValueError with what is wrong with it."""
    section, row = _name(fields["section"], "section", MOST_SECTION), _name(fields["row"], "row", MOST_ROW)
    known = places.get((section, row), {})
    if "seats" in fields:
        if known:
            raise ValueError(f"{section}, row {row} stands in line {next(iter(known.values()))} already.")
        numbers: Iterable[int] = range(1, _number(fields["seats"], "seats", MOST_IN_A_ROW) + 1)
    else:
        number = _number(fields["number"], "number", MOST_NUMBER)
        if number in known:
            raise ValueError(f"{section}, row {row}, seat {number} stands in line {known[number]} already.")
        numbers = [number]
    places.setdefault((section, row), {}).update(dict.fromkeys(numbers, line))


def _name(text: str, noun: str, most: int) -> str:
    if not text:
        raise ValueError(f"the {noun} is missing.")
    if len(text) > most or not text.isprintable():
        raise ValueError(f"the {noun} has at most {most} characters, all of which can be shown.")
    return text


def _number(text: str, noun: str, most: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 9 and 1 <= int(text) <= most):
        raise ValueError(f"{noun} must be a whole number from 1 to {most:,}, not {text[:20]!r}.")
    return int(text)


class _Lines:
    """A file that csv writes to."""

    def __init__(self) -> None:
        self.written: list[str] = []

    def write(self, text: str) -> None:
        self.written.append(text)
