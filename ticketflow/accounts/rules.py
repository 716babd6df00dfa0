"""Which passwords are refused: the ones that everybody tries first."""

from functools import cache

from ticketflow.domain import Refusal

LEAST_PASSWORD, MOST_PASSWORD = 8, 200
"""In characters."""
HOUSE = "ticketflow"


def check_password(password: str, *, name: str, email: str) -> None:
    """Raises `Refusal` invalid_request, in words for who chose it. `email` is in its normal spelling."""
    if not LEAST_PASSWORD <= len(password) <= MOST_PASSWORD:
        raise _refused(f"A password has {LEAST_PASSWORD} to {MOST_PASSWORD} characters.")
    plain = password.casefold()
    if plain in (email, email.partition("@")[0], name.casefold()):
        raise _refused("Your name or address is the first that others would try. Choose another password.")
    if plain.startswith(HOUSE) and plain.removeprefix(HOUSE).strip("0123456789!?.") == "":
        raise _refused("The name of this house is the first that others would try. Choose another password.")
    if plain in _commonest():
        raise _refused(
            "This is one of the passwords that are tried first everywhere. "
            "Choose another one; three or four words are easy to keep in mind."
        )


@cache
def _commonest() -> frozenset[str]:
    """Thousands of the commonest that are long enough, in small letters."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # read when the first password is chosen, not before

    return frozenset(word for word in FREQUENCY_LISTS["passwords"] if len(word) >= LEAST_PASSWORD)


def _refused(problem: str) -> Refusal:
    return Refusal("invalid_request", problem, errors=[{"field": "password", "problem": problem}])
