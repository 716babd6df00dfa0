"""docs/security.md names tests that are there, and each item of the standard once, and counts them right."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NAMED = re.compile(r"\btests/[\w/]+\.py(?:::\w+)?")
ROW = re.compile(r"^\| (\S+) \| (.+) \| (.+) \|$", re.MULTILINE)
NUMBER = re.compile(r"(?:[1-9]|1[0-7])\.[1-9]\.[1-9]\d?")
LEVELS_1_AND_2 = """
1.1:2 1.2:9 1.3:11 1.4:3 1.5:2 2.1:3 2.2:3 2.3:4 2.4:1 3.2:2 3.3:4 3.4:6 3.5:5 3.7:2
4.1:3 4.2:1 4.3:2 4.4:4 5.1:1 5.2:3 5.3:2 5.4:3 6.1:3 6.2:12 6.3:4 6.4:4 6.5:5 6.6:3 6.8:4
7.1:3 7.2:4 7.3:2 7.4:5 7.5:2 7.6:2 8.1:2 8.2:3 8.3:1 8.4:1 9.1:3 9.2:4
10.1:2 10.2:2 10.3:4 10.4:11 10.5:5 10.6:2 10.7:3 11.1:2 11.2:3 11.3:3 11.4:4 11.5:1 11.6:1
12.1:3 12.2:2 12.3:4 13.1:1 13.2:5 13.3:2 13.4:5 14.1:2 14.2:4 14.3:3 15.1:3 15.2:3 15.3:7
16.1:1 16.2:5 16.3:4 16.4:3 16.5:3 17.1:1 17.2:4 17.3:2
"""
"""How many items of levels 1 and 2 each section of release 5.0.0 has: they come before those of level 3."""
ALL = {
    f"{section}.{n}"
    for section, _, many in (part.partition(":") for part in LEVELS_1_AND_2.split())
    for n in range(1, int(many) + 1)
}


@cache
def named_in(file: str) -> frozenset[str]:
    """The functions of a file of tests; none of a file that is not there."""
    path = ROOT / file
    if not path.is_file():
        return frozenset()
    module = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(
        n.name for n in ast.walk(module) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def is_there(name: str) -> bool:
    file, _, test = name.partition("::")
    return test in named_in(file) if test else (ROOT / file).is_file()


def rows(text: str) -> list[tuple[str, str, str]]:
    return [row for row in ROW.findall(text) if row[0] != "item"]


def test_each_test_that_is_named_is_there():
    named = set(NAMED.findall(TEXT))
    assert len(named) > 60
    assert {name for name in named if not is_there(name)} == set()


@pytest.mark.parametrize("name", ["tests/api/test_access.py::test_no_such_thing", "tests/test_nowhere.py"])
def test_control_one_that_is_not_there_is_missed(name: str):
    assert NAMED.findall(f"| 1.1.1 | so | `{name}` |") == [name]
    assert not is_there(name)


def test_each_item_stands_once_and_is_shown_or_argued():
    found = rows(TEXT)
    numbers = [number for number, _, _ in found]
    assert len(numbers) > 120
    assert len(set(numbers)) == len(numbers)
    for number, how, shown in found:
        assert NUMBER.fullmatch(number), number
        assert how.strip(), number
        by_a_test = NAMED.search(shown) and "::" in shown
        assert by_a_test or shown.startswith("by configuration: ") or shown == "not met", (number, shown)
        assert (shown == "not met") <= ("**Not met**" in how), number


def set_apart(text: str) -> set[str]:
    """The items that do not apply: single ones, "6.5.1 to 6.5.5", and a whole chapter by its number."""
    found: set[str] = set()
    for named in re.findall(r"^- \*\*(.+?)\*\*: ", text.partition("## What does not apply")[2], re.MULTILINE):
        for part in named.split(", "):
            if chapter := re.fullmatch(r"(\d+) \(.+\)", part):
                found |= {number for number in ALL if number.startswith(f"{chapter[1]}.")}
                continue
            first, _, last = part.partition(" to ")
            section, _, start = first.rpartition(".")
            end = (last or first).rpartition(".")[2]
            found |= {f"{section}.{n}" for n in range(int(start), int(end) + 1)}
    return found


def test_each_item_of_the_release_is_in_the_table_or_set_apart_and_no_other():
    told, apart = {number for number, _, _ in rows(TEXT)}, set_apart(TEXT)
    assert apart
    assert told.isdisjoint(apart)
    assert told | apart == ALL


def test_control_an_item_left_out_is_missed():
    without = re.sub(r"^\| 6\.2\.12 .*\n", "", TEXT, flags=re.MULTILINE)
    assert ALL - {number for number, _, _ in rows(without)} - set_apart(without) == {"6.2.12"}


def test_the_head_counts_them_right():
    hows = [how for _, how, _ in rows(TEXT)]
    marks = ("**Met in part**", "**The operator's**", "**Not met**")
    part, operators, not_met = (sum(how.startswith(mark) for how in hows) for mark in marks)
    assert part + operators + not_met == sum("**" in how for how in hows), "a mark begins its row"
    met = len(hows) - part - operators - not_met
    head = " ".join(TEXT.partition("## In short")[0].split())
    assert (
        f"{len(ALL)} items at levels 1 and 2 (70 and {len(ALL) - 70}). {len(set_apart(TEXT))} do not apply, "
        f"{len(hows)} do: {met} are met, {part} in part, {not_met} are **not met**, and {operators} are"
    ) in head
