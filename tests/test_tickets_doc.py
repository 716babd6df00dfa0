"""docs/tickets.md is true: its vectors, its bytes, and the door that it writes out for others."""

import json
import re
from base64 import b32decode
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature

from ticketflow.ticket_codes import NotATicket, SignedTicket, TicketCodes, TicketReader

TEXT = (Path(__file__).parents[1] / "docs" / "tickets.md").read_text(encoding="utf-8")
KEYS = re.findall(r"```json\n(.+?)```", TEXT, re.DOTALL)[0]
DOOR = re.findall(r"```python\n(.+?)```", TEXT, re.DOTALL)[0]
VECTORS = re.findall(r"^\| `(TF1\.\w+)` \| (.+) \|$", TEXT, re.MULTILINE)
SAYS = re.compile(r"event (\d+), ticket (\w+)")
GOOD = [(code, SAYS.fullmatch(words)) for code, words in VECTORS if SAYS.fullmatch(words)]
BAD = [code for code, words in VECTORS if words.startswith("nothing: ")]
# The private key of RFC 8037, appendix A: public since 2017.
EXAMPLE = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"


def door_of_the_document() -> tuple[Any, Any]:
    """The code that the document gives to others, and the keys as it reads them."""
    written: dict[str, Any] = {}
    exec(DOOR, written)  # noqa: S102 - our own document
    return written["check"], written["keys_of"](KEYS)


def test_there_are_vectors_of_both_kinds():
    assert (len(GOOD), len(BAD)) == (2, 3)
    assert len(GOOD) + len(BAD) == len(VECTORS)


@pytest.mark.parametrize(("code", "said"), GOOD)
def test_a_good_code_says_what_stands_beside_it(code: str, said: Any):
    event_id, short = int(said[1]), said[2]
    assert TicketReader.of_published(json.loads(KEYS)).read(code) == SignedTicket(event_id, short)
    assert TicketCodes((EXAMPLE,)).sign(event_id, short) == code
    check, keys = door_of_the_document()
    assert check(code, keys) == (event_id, short)


@pytest.mark.parametrize("code", BAD)
def test_a_bad_code_says_nothing(code: str):
    with pytest.raises(NotATicket):
        TicketReader.of_published(json.loads(KEYS)).read(code)
    check, keys = door_of_the_document()
    with pytest.raises((InvalidSignature, KeyError, ValueError)):
        check(code, keys)


def test_the_first_is_taken_apart_as_it_is():
    raw = b32decode(GOOD[0][0][4:] + "=" * 6).hex()
    parts = re.search(r"key id `(\w+)`, event `(\w+)`, ticket `(\w+)`", TEXT)
    assert parts is not None
    assert raw.startswith("".join(parts.groups()))
    assert len(raw) == 2 * 91


def test_the_published_key_is_the_example_s():
    assert TicketCodes((EXAMPLE,)).published() == json.loads(KEYS)
