"""docs/security.md names tests that are there, and each item of the standard once."""

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


def test_what_does_not_apply_is_not_in_the_table():
    apart = TEXT.partition("## What does not apply")[2]
    assert apart
    assert {number for number, _, _ in rows(TEXT)}.isdisjoint(NUMBER.findall(apart))
