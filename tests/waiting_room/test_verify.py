"""`python -m waiting_room verify`: a true list is right, and whatever is changed in it is seen."""

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waiting_room.__main__ import main
from waiting_room.draw import commitment, draw_number
from waiting_room.draw_list import BadList, DrawList, read_entrant, read_header
from waiting_room.verify import faults

SEED = hashlib.sha256(b"a seed").digest()
FANS = [f"visitor-{n}" for n in range(40)]
TEXT = b"".join(DrawList("event:42", SEED, FANS).slices())
LINES = TEXT.splitlines(keepends=True)
HEAD, BODY = LINES[:7], LINES[7:]


def is_wrong(lines: list[bytes]) -> bool:
    rest = iter(lines)
    try:
        return any(faults(read_header(rest), rest))
    except BadList:
        return True


def sealed(body: list[bytes], seed: bytes = SEED, committed: str = "") -> list[bytes]:
    """A forged list whose places, count and digest are put right: only the draw itself can give it away."""
    entrants = [read_entrant(line) for line in body]
    body = [f"{place} {number} {fan}\n".encode() for place, (_, number, fan) in enumerate(entrants, 1)]
    head = [
        *HEAD[:2],
        f"commitment {committed or commitment(seed)}\n".encode(),
        f"seed {seed.hex()}\n".encode(),
        f"entrants {len(body)}\n".encode(),
        f"digest {hashlib.sha256(b''.join([HEAD[1], *body])).hexdigest()}\n".encode(),
        b"\n",
    ]
    return head + body


def test_a_true_list_is_right():
    assert not is_wrong(LINES)
    assert not is_wrong(sealed(BODY))
    assert not is_wrong(next(DrawList("event:42", SEED, []).slices()).splitlines(keepends=True))


@given(at=st.integers(0, len(TEXT) - 1), byte=st.integers(0, 255))
def test_any_byte_that_is_changed_is_seen(at: int, byte: int):
    if TEXT[at] == byte:
        return
    changed = TEXT[:at] + bytes([byte]) + TEXT[at + 1 :]
    assert is_wrong(changed.splitlines(keepends=True))


@given(cut=st.integers(0, len(TEXT) - 1))
def test_a_list_that_is_cut_off_is_seen(cut: int):
    assert is_wrong(TEXT[:cut].splitlines(keepends=True))


@given(st.data())
def test_lines_removed_doubled_or_swapped_are_seen(data: st.DataObject):
    first, second = data.draw(st.lists(st.integers(0, 39), min_size=2, max_size=2, unique=True))
    removed = BODY[:first] + BODY[first + 1 :]
    doubled = BODY[: first + 1] + BODY[first:]
    swapped = list(BODY)
    swapped[first], swapped[second] = BODY[second], BODY[first]
    for body in (removed, doubled, swapped):
        assert is_wrong(HEAD + body)
    assert is_wrong(sealed(doubled))
    assert is_wrong(sealed(swapped))


@given(at=st.integers(0, 39), name=st.text("abc", min_size=1), number=st.integers(0, 2**50 - 1))
def test_a_forger_who_puts_the_sums_right_is_seen(at: int, name: str, number: int):
    place, true_number, fan = read_entrant(BODY[at])
    renamed, renumbered = list(BODY), list(BODY)
    renamed[at] = f"{place} {true_number} {name}\n".encode()
    renumbered[at] = f"{place} {number} {fan}\n".encode()
    assert is_wrong(sealed(renamed))
    assert number == true_number or is_wrong(sealed(renumbered))


@given(seed=st.binary(min_size=32, max_size=32).filter(lambda seed: seed != SEED))
def test_another_seed_is_seen(seed: bytes):
    other = b"".join(DrawList("event:42", seed, FANS).slices()).splitlines(keepends=True)[7:]
    assert is_wrong(sealed(BODY, seed))
    assert is_wrong(sealed(other, seed, commitment(SEED)))


def test_two_who_drew_the_same_number_stand_in_one_order(monkeypatch):
    """As in Redis: by name. A million entrants have such a pair once in two thousand draws."""

    def same(seed: bytes, visitor: str) -> int:
        return 7 if visitor.startswith("same") else draw_number(seed, visitor)

    for module in ("draw", "draw_list", "verify"):
        monkeypatch.setattr(f"waiting_room.{module}.draw_number", same)
    twins = DrawList("event:42", SEED, ["same-b", *FANS, "same-c", "same-a"])
    assert [twins.place(f"same-{name}") for name in "abcd"] == [1, 2, 3, None]
    lines = b"".join(twins.slices()).splitlines(keepends=True)
    assert not is_wrong(lines)
    assert is_wrong(sealed([lines[8], lines[7], *lines[9:]]))


def run(capsys, *arguments: str) -> tuple[int, str]:
    code = main(["verify", *arguments])
    told = capsys.readouterr()
    return code, told.out + told.err


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes(TEXT)
    return path


def test_the_command_says_that_all_is_right(capsys, file):
    code, said = run(capsys, str(file))
    assert code == 0
    assert "event:42: 40 entrants, all numbers and the order are right." in said
    assert commitment(SEED) in said
    assert run(capsys, "--list", str(file), "--commitment", commitment(SEED).upper())[0] == 0


def test_the_command_finds_a_fan(capsys, file):
    number = str(draw_number(SEED, FANS[7]))
    place = next(n for n, line in enumerate(BODY, 1) if line.endswith(b" visitor-7\n"))
    code, said = run(capsys, str(file), "--visitor", FANS[7])
    assert (code, f"visitor-7 drew {number}: place {place} of 40." in said) == (0, True)
    code, said = run(capsys, "--seed", SEED.hex(), "--visitor", FANS[7])
    assert (code, f"visitor-7 drew {number}." in said) == (0, True)
    code, said = run(capsys, "--seed", SEED.hex(), "--visitor=-begins-with-a-dash")
    assert (code, said.startswith("-begins-with-a-dash drew ")) == (0, True)
    code, said = run(capsys, str(file), "--visitor", "nobody")
    assert (code, said) == (1, "WRONG: nobody is not in this list\n")


def test_the_command_tells_the_first_things_that_are_wrong(capsys, file):
    file.write_bytes(b"".join(HEAD + BODY[1:]))
    code, said = run(capsys, str(file))
    assert code == 1
    assert len(said.splitlines()) == 5
    assert "place 2 is given where place 1 comes next" in said
    assert "all numbers" not in said


def test_the_command_compares_with_what_was_noted(capsys, file):
    code, said = run(capsys, str(file), "--commitment", "0" * 64)
    assert (code, "does not fit the commitment you noted" in said) == (1, True)
    code, said = run(capsys, str(file), "--seed", "00")
    assert (code, "drawn with another seed" in said) == (1, True)
    given = ("--seed", SEED.hex(), "--visitor", "v", "--commitment")
    assert run(capsys, *given, "0" * 64)[0] == 1
    assert run(capsys, *given, commitment(SEED))[0] == 0


def test_the_command_tells_the_faults_before_a_bad_line_too(capsys, file):
    file.write_bytes(b"".join([*HEAD, BODY[1], b"1 2\n"]))
    code, said = run(capsys, str(file), "--visitor", FANS[7])
    assert (code, "this is no line of an entrant" in said.splitlines()[-1]) == (1, True)
    assert "place 2 is given where place 1 comes next" in said
    assert all(line.startswith("WRONG: ") for line in said.splitlines())


def test_the_command_compares_the_digest_with_the_one_noted(capsys, file):
    digest = DrawList("event:42", SEED, FANS).digest
    assert run(capsys, str(file), "--digest", digest.upper())[0] == 0
    file.write_bytes(b"".join(DrawList("event:42", SEED, FANS[1:]).slices()))
    code, said = run(capsys, str(file), "--digest", digest)
    assert (code, "not the list whose digest you noted" in said) == (1, True)


@pytest.mark.parametrize(
    "content", [None, b"", b"<html>", b"\xff\xfe", TEXT[:120], TEXT + b"1 2\n", TEXT[:-3]]
)
def test_what_is_no_list_is_told_in_one_line(capsys, tmp_path, content):
    path = tmp_path / "list.txt"
    if content is not None:
        path.write_bytes(content)
    code, said = run(capsys, str(path))
    assert (code, said.count("\n"), said.startswith("verify: ")) == (2, 1, True)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--seed", "00"],
        ["--visitor", "v"],
        ["--seed", "xy", "--visitor", "v"],
        ["--seed", "00", "--visitor", "a b"],
        ["list.txt", "--commitment", "00"],
        ["list.txt", "--digest", "00"],
        ["--seed", "00", "--visitor", "v", "--digest", "0" * 64],
    ],
)
def test_what_cannot_be_asked_is_refused(capsys, arguments):
    with pytest.raises(SystemExit) as refused:
        main(["verify", *arguments])
    assert refused.value.code == 2


def test_the_module_is_a_command(file):
    ask = [sys.executable, "-m", "waiting_room", "verify", str(file)]
    done = subprocess.run(ask, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "40 entrants" in done.stdout


@pytest.mark.skipif(shutil.which("openssl") is None, reason="this machine has no openssl")
def test_the_way_without_a_program_gives_the_same_number():
    """The commands of docs/draw.md, run by a shell."""
    text = (Path(__file__).parents[2] / "docs" / "draw.md").read_text(encoding="utf-8")
    (commands,) = re.findall(r"(    code=.*\n    echo .*\n)", text)
    script = commands.replace("ENTRANT", FANS[3]).replace("SEED", SEED.hex())
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert int(done.stdout) == draw_number(SEED, FANS[3])
