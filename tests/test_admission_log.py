"""A log that was tampered with is found, with the row; a true one is not."""

import json
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from ticketflow.admission_log import FIRST, Checked, Checker, LogKeys, NoRow, Row, moment, read_rows
from ticketflow.ticket_codes import TicketCodes, read_published

KEY, OTHER = "7e" * 32, "11" * 32
KEYS = LogKeys((KEY,))
AT = datetime(2026, 11, 29, 10, 0, 0, 250_000, UTC)


def log_of(count: int, keys: LogKeys = KEYS) -> list[Row]:
    """A log of `count` rows and its end; every third row is signed, and the last."""
    rows: list[Row] = []
    for number in range(1, count + 1):
        before = rows[-1].hash if rows else FIRST
        kind = "called" if number > 1 else "begun"
        row = Row(42, number, moment(AT), f"fan{number}" if number > 1 else "", number, kind, before)
        rows.append(keys.signed(row) if number % 3 == 0 or number == count else row)
    return [*rows, keys.end(rows[-1], AT)]


def chained_anew(rows: list[Row], first: int) -> list[Row]:
    """What somebody without the key can make of rows that were changed from `first` on."""
    made = rows[: first - 1]
    for row in rows[first - 1 :]:
        made.append(replace(row, number=len(made) + 1, before=made[-1].hash if made else FIRST))
    return made


def checked(rows: list[Row], **given: Checked) -> Checked:
    lines = [row.line().encode() for row in rows]
    return Checker(KEYS.public, **given).check(read_rows(lines))


def test_a_true_log_is_told_whole():
    rows = log_of(8)
    found = checked(rows)
    assert found == Checked(None, 42, 8, moment(AT), rows[7].hash)


CHANGES: dict[str, Any] = {
    "visitor": "another",
    "order": 1,
    "kind": "returned",
    "at": "2026-11-29T09:00:00.000000Z",
}


@pytest.mark.parametrize("field", CHANGES)
@pytest.mark.parametrize("number", [5, 6, 8], ids=["plain", "signed", "last"])
def test_a_changed_value_is_found_with_its_row(field: str, number: int):
    rows = log_of(8)
    rows[number - 1] = replace(rows[number - 1], **{field: CHANGES[field]})
    fault = checked(rows).fault
    assert fault is not None
    assert (fault.row, fault.till or fault.row) == (number, number)


@pytest.mark.parametrize("number", [1, 5, 6, 8])
def test_a_removed_row_is_found(number: int):
    rows = log_of(8)
    del rows[number - 1]
    fault = checked(rows).fault
    assert fault is not None
    assert fault.row == number
    assert "is missing" in str(fault)


@pytest.mark.parametrize("number", [2, 5, 6])
def test_swapped_rows_are_found(number: int):
    rows = log_of(8)
    rows[number - 1], rows[number] = rows[number], rows[number - 1]
    fault = checked(rows).fault
    assert fault is not None
    assert fault.row == number


def test_swapped_rows_with_their_numbers_put_right_are_found():
    rows = log_of(8)
    rows[3], rows[4] = replace(rows[4], number=4), replace(rows[3], number=5)
    fault = checked(rows).fault
    assert fault is not None
    assert fault.row == 4


@pytest.mark.parametrize("left", [0, 5, 6, 8], ids=["all", "plain", "signed", "only the end"])
def test_a_tail_that_is_cut_off_is_found(left: int):
    fault = checked(log_of(8)[:left]).fault
    assert fault is not None
    assert fault.row == left + 1
    assert "cut off" in str(fault)


@pytest.mark.parametrize("act", ["change", "remove", "insert", "unsign"])
def test_a_chain_made_anew_without_the_key_is_found_between_two_signatures(act: str):
    rows = log_of(8)
    if act == "remove":
        del rows[4]
    else:
        rows[4] = replace(rows[4], visitor="friend")
    if act == "insert":
        rows.insert(4, rows[4])
    if act == "unsign":
        rows = [replace(row, signature="") if row.number in (6, 8) else row for row in rows]
    fault = checked(chained_anew(rows, 5)).fault
    assert fault is not None
    assert fault.row == 4
    assert 5 <= fault.till <= 9


def test_control_without_looking_at_signatures_a_chain_made_anew_is_taken_for_a_true_one(monkeypatch):
    rows = log_of(8)
    rows[4] = replace(rows[4], visitor="friend")
    monkeypatch.setattr(Checker, "_signed", lambda *_: True)
    assert checked(chained_anew(rows, 5)).fault is None


def test_a_log_signed_by_another_key_is_found():
    fault = checked(log_of(4, LogKeys((OTHER,)))).fault
    assert fault is not None
    assert (fault.row, fault.till) == (1, 3)


def test_an_older_key_still_vouches():
    assert Checker(LogKeys((OTHER, KEY)).public).check(log_of(4)).fault is None


def test_an_end_without_a_signature_and_rows_behind_the_end_are_found():
    rows = log_of(4)
    unsigned = [*rows[:-1], replace(rows[-1], signature="")]
    assert "not signed" in str(checked(unsigned).fault)
    behind = [*rows, Row(42, 6, moment(AT), "x", 1, "called", rows[-1].hash)]
    assert "behind the row that closes" in str(checked(behind).fault)


def test_a_row_of_another_event_is_found():
    rows = log_of(4)
    fault = checked([*rows[:2], replace(rows[2], event=43), *rows[3:]]).fault
    assert fault is not None
    assert fault.row == 3


def test_an_earlier_log_must_be_its_beginning():
    """Against somebody who has the key: what was given out before cannot be taken back."""
    earlier, rows = log_of(5), log_of(8)
    known = checked(earlier)
    assert checked(rows, earlier=known).fault is None
    rows[2] = replace(rows[2], visitor="friend")
    forged = [KEYS.signed(row) for row in chained_anew(rows[:-1], 3)]
    forged.append(KEYS.end(forged[-1], AT))
    assert checked(forged).fault is None
    assert "another one than in the earlier log" in str(checked(forged, earlier=known).fault)
    assert "goes further" in str(checked(log_of(3), earlier=known).fault)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"no json\n",
        b"[1]\n",
        b'{"event":42}\n',
        log_of(1)[0].line().replace('"order":1', '"order":"1"').encode(),
        log_of(1)[0].line().replace('"order":1', '"order":true').encode(),
        log_of(1)[0].line().replace("begun", "b,gun").encode(),
        log_of(1)[0].line().replace("}", ',"more":1}').encode(),
        b"\xff\n",
    ],
)
def test_what_is_no_row_is_named(line: bytes):
    good = log_of(1)[0].line().encode()
    with pytest.raises(NoRow, match="line 2: "):
        list(read_rows([good, line]))


def test_a_row_reads_back_as_it_was_written():
    for row in log_of(4):
        assert Row.read(row.line().encode()) == row


def test_published_ticket_keys_check_it():
    keys = read_published(TicketCodes((KEY,)).published())
    assert Checker(keys).check(log_of(4)).fault is None


def test_a_hash_is_that_of_other_tools():
    row = log_of(2)[1]
    ran = subprocess.run(["sha256sum"], input=row.text.encode(), capture_output=True, check=True)
    assert ran.stdout.split()[0].decode() == row.hash


def test_the_vectors_of_the_document_are_right(request: pytest.FixtureRequest):
    text = (request.config.rootpath / "docs/admission-log.md").read_text()
    block = text.partition("```json\n")[2].partition("```")[0]
    lines = [line + "\n" for line in block.splitlines()]
    assert lines == [row.line() for row in log_of(3)]
    assert [json.loads(line)["number"] for line in lines] == [1, 2, 3, 4]
    assert log_of(3)[1].text in text
    assert log_of(3)[1].hash in text
    assert KEY in text
