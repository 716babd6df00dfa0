"""Whether a published draw is what its seed says it is. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .draw import commitment, draw_number
from .draw_list import Header, digest_of, read_entrant


def faults(header: Header, lines: Iterable[bytes]) -> Iterator[str]:
    """What is wrong with a list: its header, and the lines of its entrants. Nothing, for a true one.

    Raises BadList for a line that is none.
    """
    if commitment(header.seed) != header.commitment:
        yield f"the seed does not fit the commitment: its SHA-256 is {commitment(header.seed)}"
    digest, count, before = digest_of(header.room), 0, (-1, "")
    for count, line in enumerate(lines, 1):
        digest.update(line)
        place, number, visitor = read_entrant(line)
        drawn = draw_number(header.seed, visitor)
        if place != count:
            yield f"{visitor}: place {place} is given where place {count} comes next"
        if number != drawn:
            yield f"{visitor}: number {number} is given, but the seed gives {drawn}"
        if (drawn, visitor) <= before:
            yield f"{visitor}: stands behind {before[1]}, but has not drawn a higher number"
        before = (drawn, visitor)
    if count != header.entrants:
        yield f"the header says {header.entrants} entrants, but {count} are listed"
    if digest.hexdigest() != header.digest:
        yield f"the digest does not fit: that of this room and these entrants is {digest.hexdigest()}"


def listed_place(lines: Iterable[bytes], visitor: str) -> int | None:
    """The place that the lines of entrants give a visitor; None if they are not listed. Raises BadList."""
    wanted = f" {visitor}\n".encode()
    for line in lines:
        if line.endswith(wanted) and read_entrant(line)[2] == visitor:
            return read_entrant(line)[0]
    return None
