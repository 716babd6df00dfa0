"""The codes of bookings and tickets, as people read them and as numbers."""

import secrets
from itertools import product

# No vowels and nothing that looks like something else: codes are read out at doors.
_CODE_LETTERS = "23456789BCDFGHJKLMNPQRSTVWXZ"
CODE_LENGTH = 27
_CODE_PARTS = ["".join(letters) for letters in product(_CODE_LETTERS, repeat=3)]


def new_code() -> str:
    """A code of 128 bits for an order or a ticket, easy to read aloud: 27 letters of an alphabet of 28."""
    # Drawn as one number: a call of the system for each letter would cost the ledger a tenth of its time.
    number, parts = secrets.randbelow(len(_CODE_PARTS) ** 9), []
    for _ in range(9):
        number, part = divmod(number, len(_CODE_PARTS))
        parts.append(_CODE_PARTS[part])
    return "".join(parts)


def code_number(code: str) -> int:
    """The number that a code of `new_code` writes. Raises ValueError if it is none."""
    if len(code) != CODE_LENGTH:
        raise ValueError("a code has 27 letters")
    number = 0
    for letter in code:
        number = number * len(_CODE_LETTERS) + _CODE_LETTERS.index(letter)
    return number


def code_of_number(number: int) -> str:
    """The code that `code_number` makes that number of."""
    letters = []
    for _ in range(CODE_LENGTH):
        number, letter = divmod(number, len(_CODE_LETTERS))
        letters.append(_CODE_LETTERS[letter])
    return "".join(reversed(letters))
