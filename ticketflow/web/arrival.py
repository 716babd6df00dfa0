"""A request as it arrives: who it is counted as, what it is called in the logs, and how its body is read."""

from dataclasses import dataclass
from typing import Any

from quart import Request
from werkzeug.exceptions import BadRequest

from ticketflow import strict_json


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left to somebody of what they may ask: `left` of `most`, anew in `seconds`."""

    most: int
    left: int
    seconds: int


class Arrival(Request):
    """A request whose body may be anything: what is no text, or nested too deeply, is malformed JSON."""

    account: int | None = None
    network: str | None = None
    """By which of these it is counted, and told in the log; the account if there is one."""
    allowance: Allowance | None = None

    async def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        self.json_module = strict_json  # of a provider only `loads` is used here
        try:
            return await super().get_json(force, silent, cache)
        except UnicodeDecodeError:
            raise BadRequest from None
