from dataclasses import replace

import pytest

from waiting_room import BadPass, BadTicket, Place
from waiting_room.places import Signer

PLACE = Place("visitor", 1_795_366_334_233_725, 3)


def test_a_ticket_says_what_was_signed():
    signer = Signer(["secret"], "event:42")
    assert signer.read_ticket(signer.ticket(PLACE)) == PLACE


def test_a_pass_says_what_was_granted():
    signer = Signer(["secret"], "event:42")
    granted = signer.grant("visitor", 1_795_366_334.25)
    assert signer.read_pass(granted.token) == granted


def test_old_secrets_still_read_and_the_newest_signs():
    old, both, new = (Signer(secrets, "r") for secrets in (["old"], ["new", "old"], ["new"]))
    assert both.read_ticket(old.ticket(PLACE)) == PLACE
    assert new.read_ticket(both.ticket(PLACE)) == PLACE
    with pytest.raises(BadTicket):
        new.read_ticket(old.ticket(PLACE))


def check_forgery_is_refused(signer: Signer) -> None:
    signed = signer.ticket(PLACE)
    payload, signature = signed.rsplit(".", 1)
    for position in (0, len(signature) // 2):
        other = "A" if signature[position] != "A" else "B"
        forged = f"{payload}.{signature[:position]}{other}{signature[position + 1 :]}"
        with pytest.raises(BadTicket):
            signer.read_ticket(forged)
    with pytest.raises(BadTicket):
        signer.read_ticket(Signer(["another secret"], "event:42").ticket(PLACE))


@pytest.mark.parametrize("altered", [{"visitor": "another"}, {"order": 1}, {"epoch": 4}])
def test_a_ticket_with_another_place_under_the_old_signature_is_refused(altered):
    signer = Signer(["secret"], "event:42")
    signature = signer.ticket(PLACE).rpartition(".")[2]
    payload = signer.ticket(replace(PLACE, **altered)).rpartition(".")[0]
    with pytest.raises(BadTicket):
        signer.read_ticket(f"{payload}.{signature}")


def test_a_forged_ticket_is_refused():
    check_forgery_is_refused(Signer(["secret"], "event:42"))


def test_control_without_the_signature_check_a_forgery_is_taken(monkeypatch):
    signer = Signer(["secret"], "event:42")
    reader = Signer(["secret"], "event:42")._tickets
    monkeypatch.setattr(signer._tickets, "loads", lambda text: reader.loads_unsafe(text)[1])
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        check_forgery_is_refused(signer)


def test_another_rooms_ticket_and_pass_are_refused():
    here, there = Signer(["secret"], "event:42"), Signer(["secret"], "event:43")
    with pytest.raises(BadTicket):
        here.read_ticket(there.ticket(PLACE))
    with pytest.raises(BadPass):
        here.read_pass(there.grant("visitor", 1.0).token)


def test_a_ticket_is_no_pass():
    signer = Signer(["secret"], "event:42")
    with pytest.raises(BadPass):
        signer.read_pass(signer.ticket(PLACE))
    with pytest.raises(BadTicket):
        signer.read_ticket(signer.grant("visitor", 1.0).token)


@pytest.mark.parametrize("text", ["", ".", "a.b", "é", "\ud800", "\x00", "." * 100, "x" * 100_000])
def test_nonsense_is_refused(text):
    signer = Signer(["secret"], "event:42")
    with pytest.raises(BadTicket):
        signer.read_ticket(text)
    with pytest.raises(BadPass):
        signer.read_pass(text)


@pytest.mark.parametrize("secrets", [[], [""], ["good", ""], "one text"])
def test_secrets_are_a_list_of_texts(secrets):
    with pytest.raises(ValueError, match="secrets"):
        Signer(secrets, "event:42")
