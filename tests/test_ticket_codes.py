"""Signed ticket codes: read by whoever has the public key, and by nobody if one bit is another."""

import base64
import json

import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st

from ticketflow.codes import code_number, code_of_number, new_code
from ticketflow.ticket_codes import PREFIX, NotATicket, SignedTicket, TicketCodes, TicketReader

OLD, NEW, STRANGER = (TicketCodes((key * 32,)) for key in ("0a", "0b", "0c"))
BOTH = TicketCodes(("0b" * 32, "0a" * 32))
CODE = new_code()
SIGNED = NEW.sign(42, CODE)


def test_a_door_with_the_published_keys_reads_what_was_signed():
    door = TicketReader.of_published(json.loads(json.dumps(NEW.published())))
    assert door.read(SIGNED) == SignedTicket(42, CODE)


def test_a_ticket_has_one_signed_code():
    assert NEW.sign(42, CODE) == SIGNED


def test_a_key_that_was_replaced_is_still_read_and_published():
    assert BOTH.sign(42, CODE) == SIGNED
    assert BOTH.read(OLD.sign(42, CODE)).code == CODE
    assert len(BOTH.published()["keys"]) == 2


def test_a_key_that_is_not_ours_is_refused():
    with pytest.raises(NotATicket):
        BOTH.read(STRANGER.sign(42, CODE))


def test_every_bit_counts():
    letters = SIGNED[len(PREFIX) :]
    raw = base64.b32decode(letters + "=" * (-len(letters) % 8))
    for bit in range(len(raw) * 8):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(NotATicket):
            NEW.read(PREFIX + base64.b32encode(changed).decode().rstrip("="))


def test_every_letter_counts():
    """The last letter carries bits that say nothing: they must not make a second code of a ticket."""
    for place in range(len(SIGNED)):
        for letter in "AQ7-":
            changed = SIGNED[:place] + letter + SIGNED[place + 1 :]
            if changed != SIGNED:
                with pytest.raises(NotATicket):
                    NEW.read(changed)


@given(st.text() | st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567=", max_size=200).map(PREFIX.__add__))
def test_any_other_text_is_told_apart(text: str):
    with pytest.raises(NotATicket):
        NEW.read(text)


def test_a_scanner_may_add_space_and_change_case():
    assert NEW.read(f"  {SIGNED.lower()}\n") == SignedTicket(42, CODE)


def test_a_code_is_a_small_picture():
    assert segno.make(SIGNED, error="m", micro=False).version == 6


@given(st.integers(0, 28**27 - 1), st.integers(0, 2**48 - 1))
def test_every_code_of_every_event_comes_through(number: int, event_id: int):
    code = code_of_number(number)
    assert code_number(code) == number
    assert NEW.read(NEW.sign(event_id, code)) == SignedTicket(event_id, code)


@pytest.mark.parametrize("document", [{}, {"keys": []}, {"keys": [{}]}, {"keys": [{"x": "AAAA"}]}, []])
def test_what_is_no_key_set_is_refused(document):
    with pytest.raises(ValueError, match="key"):
        TicketReader.of_published(document)
