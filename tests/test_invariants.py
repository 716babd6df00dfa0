"""docs/invariants.md names tests that are there."""

import ast
import re

from tests.test_house import ROOT, tree

NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def missing(text: str) -> list[str]:
    """The tests a text names that are not there."""
    found = []
    for file, name in NAMED.findall(text):
        functions = ast.walk(tree(file)) if (ROOT / file).exists() else ()
        if name not in {
            node.name for node in functions if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef)
        }:
            found.append(f"{file}::{name}")
    return found


def test_each_named_test_is_there():
    text = (ROOT / "docs" / "invariants.md").read_text(encoding="utf-8")
    assert len(NAMED.findall(text)) == text.count("::") > 15
    assert missing(text) == []


def test_control_one_that_is_not_there_is_found():
    assert missing("`tests/test_house.py::test_of_nothing` `tests/test_nowhere.py::test_it`") == [
        "tests/test_house.py::test_of_nothing",
        "tests/test_nowhere.py::test_it",
    ]
