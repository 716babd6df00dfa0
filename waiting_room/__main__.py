"""`python -m waiting_room verify`: anybody recomputes a draw, from its list or for one fan.

Exit code 0: all is right. 1: something is wrong. 2: there was nothing that could be checked.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

from .draw import commitment, draw_number
from .draw_list import BadList, Header, read_header
from .verify import faults, listed_place

FAULTS_TOLD = 5

EXAMPLES = """\
examples:
  verify list.txt                          every number, the order, the seed against its commitment
  verify list.txt --commitment 9f86d0...   the same, against the commitment you noted before the sale
  verify list.txt --visitor=aB3...         the same, and where that entrant stands
  verify --seed 6b1c... --visitor=aB3...   one entrant's number, without any list

exit code: 0 all is right, 1 something is wrong, 2 there was nothing that could be checked
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says, and give the exit code."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    asked.list = asked.list or asked.file
    if not asked.list and (asked.seed is None or asked.visitor is None):
        parser.error("verify needs a list, or a seed and a visitor (see verify --help)")
    if asked.digest and not asked.list:
        parser.error("a digest is that of a list (see verify --help)")
    try:
        wrong = _check_list(asked) if asked.list else _check_seed(asked)
    except (OSError, BadList) as error:
        print(f"verify: {error}", file=sys.stderr)
        return 2
    for fault in wrong:
        print(f"WRONG: {fault}")
    return 1 if wrong else 0


def _check_list(asked: Namespace) -> list[str]:
    with Path(asked.list).open("rb") as lines:
        header = read_header(lines)
        wrong = _noted(asked, header.seed)
        if asked.digest not in (None, header.digest):
            wrong.append(f"this is not the list whose digest you noted: its digest is {header.digest}")
        start = lines.tell()
        _find_faults(header, lines, wrong)
        lines.seek(start)
        # In a list with faults a place says nothing, and a line may be none.
        place = listed_place(lines, asked.visitor) if asked.visitor and not wrong else None
    if wrong:
        return wrong
    if asked.visitor and place is None:
        wrong.append(f"{asked.visitor} is not in this list")
    if not wrong:
        print(f"{header.room}: {header.entrants:,} entrants, all numbers and the order are right.")
        _tell_seed(asked, header.seed)
        if place is not None:
            number = draw_number(header.seed, asked.visitor)
            print(f"{asked.visitor} drew {number}: place {place:,} of {header.entrants:,}.")
    return wrong


def _find_faults(header: Header, lines: Iterable[bytes], wrong: list[str]) -> None:
    """Add the first faults to what is wrong. Raises BadList for a bad line only if nothing else is."""
    try:
        wrong.extend(islice(faults(header, lines), FAULTS_TOLD))
    except BadList as error:
        if not wrong:
            raise
        wrong.append(str(error))


def _check_seed(asked: Namespace) -> list[str]:
    wrong = _noted(asked, asked.seed)
    if not wrong:
        print(f"{asked.visitor} drew {draw_number(asked.seed, asked.visitor)}.")
        _tell_seed(asked, asked.seed)
    return wrong


def _noted(asked: Namespace, seed: bytes) -> list[str]:
    """What does not fit what the reader brought along."""
    wrong = []
    if asked.commitment is not None and asked.commitment != commitment(seed):
        wrong.append(f"the seed does not fit the commitment you noted: its SHA-256 is {commitment(seed)}")
    if asked.seed is not None and asked.seed != seed:
        wrong.append(f"the list was drawn with another seed: {seed.hex()}")
    return wrong


def _tell_seed(asked: Namespace, seed: bytes) -> None:
    if asked.commitment is not None:
        print("The seed is the one that was committed to.")
    else:
        print(f"Its commitment is {commitment(seed)}: compare it with the one published before the sale.")


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="python -m waiting_room", description="Tools for waiting rooms.")
    commands = parser.add_subparsers(required=True, metavar="command")
    verify = commands.add_parser(
        "verify",
        help="recompute a lobby's draw",
        description="Recompute a lobby's draw: a whole published list, or one entrant's number.",
        epilog=EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    verify.add_argument("file", nargs="?", metavar="LIST", help="the list from the draw's page")
    verify.add_argument("--list", metavar="LIST", help="the same, by name")
    verify.add_argument("--commitment", type=_digest, metavar="HEX", help="as published before the sale")
    verify.add_argument(
        "--digest", type=_digest, metavar="HEX", help="of the list, as the draw's page tells it"
    )
    verify.add_argument("--seed", type=_hex, metavar="HEX", help="as published since")
    verify.add_argument(
        "--visitor",
        type=_entrant,
        metavar="ID",
        help="an entrant, as the draw's page names them; with an = before it, as some begin with -",
    )
    return parser


def _entrant(text: str) -> str:
    if not text.isprintable() or " " in text or not text:
        raise ArgumentTypeError("must be an entrant's id, without spaces")
    return text


def _digest(text: str) -> str:
    if len(_hex(text)) != 32:
        raise ArgumentTypeError("must be 64 hexadecimal digits")
    return text.lower()


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise ArgumentTypeError("must be hexadecimal digits, two for each byte") from None


if __name__ == "__main__":
    sys.exit(main())
