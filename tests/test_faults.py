"""Fault points: armed by one variable, harmless without it. tests/booking/test_fault_points.py uses them."""

import logging
import re
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.test_house import ROOT, python_files
from ticketflow import faults
from ticketflow.faults import Act, AnswerLost, Fault, Point, reached
from ticketflow.settings import Settings
from ticketflow.store import violations


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    faults.arm(None)


def test_every_point_stands_in_the_code_once():
    code = [(ROOT / name).read_text(encoding="utf-8") for name in python_files("ticketflow")]
    passed = [name for text in code for name in re.findall(r"reached\(Point\.(\w+)\)", text)]
    assert sorted(passed) == sorted(point.name for point in Point)


def test_without_a_fault_nothing_happens():
    assert Settings.read({}).fault is None
    for point in Point:
        reached(point)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ("commit.done", Fault(Point.COMMITTED, Act.KILL, 1)),
        ("commit.done:lose", Fault(Point.COMMITTED, Act.LOSE, 1)),
        ("told:3", Fault(Point.TOLD, Act.KILL, 3)),
        ("told:lose:12", Fault(Point.TOLD, Act.LOSE, 12)),
    ],
)
def test_the_variable_names_point_act_and_passing(given: str, fault: Fault):
    assert Settings.read({"TICKETFLOW_FAULT": given}).fault == fault
    assert Fault.parse(str(fault)) == fault


def test_the_passing_that_is_meant_loses_its_answer_and_no_other(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING):
        faults.arm(Fault.parse("told:lose:2"))
    assert "armed at told:lose:2" in caplog.text
    reached(Point.TOLD)
    reached(Point.COMMITTED)
    with pytest.raises(AnswerLost) as lost:
        reached(Point.TOLD)
    assert isinstance(lost.value, violations.BROKEN), "it must be taken for a store that went away"
    reached(Point.TOLD)


def test_a_killed_process_does_nothing_more():
    code = (
        "from ticketflow.faults import *; arm(Fault.parse('told:2'));"
        "reached(Point.TOLD); print('first', flush=True); reached(Point.TOLD); print('second', flush=True)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (-signal.SIGKILL, "first\n")
