"""`ticketflow verify-log` as anybody runs it who has a file and the published keys."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.test_admission_log import KEY, log_of
from ticketflow.admission_log import Row
from ticketflow.cli import main
from ticketflow.ticket_codes import TicketCodes

SETTINGS = ("TICKETFLOW_TICKET_KEYS", "TICKETFLOW_DATABASE_URL")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a log and the keys, and nothing in the surroundings that would help."""
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    write(tmp_path / "log.jsonl", log_of(8))
    (tmp_path / "keys.json").write_text(json.dumps(TicketCodes((KEY,)).published()))
    return tmp_path


def write(file: Path, rows: list[Row]) -> Path:
    file.write_text("".join(row.line() for row in rows))
    return file


def told(*args: str | Path) -> tuple[int, str]:
    """How it ends, and what it says."""
    ended = CliRunner().invoke(main, ["verify-log", *map(str, args)])
    return ended.exit_code, ended.output.strip()


def test_a_true_log(desk: Path):
    code, said = told(desk / "log.jsonl", "--keys", desk / "keys.json")
    assert (code, "8 rows" in said, log_of(8)[7].hash in said) == (0, True, True)


def test_a_tampered_log_is_named_with_its_row(desk: Path):
    text = (desk / "log.jsonl").read_text().replace("fan5", "fan9")
    (desk / "log.jsonl").write_text(text)
    code, said = told(desk / "log.jsonl", "--keys", desk / "keys.json")
    assert (code, said.startswith("WRONG: row 5: ")) == (1, True)


def test_the_keys_of_the_settings_will_do(desk: Path, monkeypatch: pytest.MonkeyPatch):
    assert told(desk / "log.jsonl")[0] == 2
    monkeypatch.setenv("TICKETFLOW_TICKET_KEYS", KEY)
    assert told(desk / "log.jsonl")[0] == 0


def test_against_an_earlier_one(desk: Path):
    keys = ("--keys", desk / "keys.json")
    earlier = write(desk / "earlier.jsonl", log_of(5))
    assert told(desk / "log.jsonl", *keys, "--earlier", earlier)[0] == 0
    code, said = told(earlier, *keys, "--earlier", desk / "log.jsonl")
    assert (code, "goes further" in said) == (1, True)
    write(earlier, log_of(5)[:3])
    assert told(desk / "log.jsonl", *keys, "--earlier", earlier)[0] == 2


@pytest.mark.parametrize(
    "given",
    [
        (),
        ("log.jsonl", "--event", "42"),
        ("--event", "42", "--keys", "keys.json"),
        ("none.jsonl", "--keys", "keys.json"),
        ("log.jsonl", "--keys", "none.json"),
        ("log.jsonl", "--keys", "log.jsonl"),
        ("keys.json", "--keys", "keys.json"),
    ],
)
def test_what_cannot_be_checked_ends_with_2(desk: Path, given: tuple[str, ...], monkeypatch):
    monkeypatch.chdir(desk)
    code, said = told(*given)
    assert (code, bool(said), "Traceback" in said) == (2, True, False)
