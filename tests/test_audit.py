"""`make check` asks whether the locks have known holes, and never takes silence for "none"."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[1] / "deploy" / "audit.py"
HOLE = {"id": "PYSEC-1", "fix_versions": ["2.0"]}
BAD = {"name": "jinja2", "version": "2.10", "vulns": [HOLE]}
GOOD = {"name": "quart", "version": "0.22.0", "vulns": []}
SKIPPED = {"name": "quart", "skip_reason": "Dependency not found on PyPI"}
UNKNOWN_BAD = {"name": "jinja2", "skip_reason": "Dependency not found on PyPI"}
NO_NETWORK = "ConnectionError: Max retries exceeded (Failed to resolve 'api.osv.dev')"


def audited(folder: Path, answers: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """The script's end, with a pip-audit that answers as told: `bad` to the known bad one, else `locks`."""
    program = folder / "pip-audit"
    program.write_text(
        f"#!{sys.executable}\n"
        "import json, sys\n"
        f"answers = json.loads({json.dumps(json.dumps(answers))})\n"
        "service = sys.argv[sys.argv.index('--vulnerability-service') + 1]\n"
        "asked = 'bad' if 'known-bad' in sys.argv[-1] else 'locks'\n"
        "answer = answers.get(f'{service} {asked}', answers.get(asked))\n"
        "if isinstance(answer, str):\n"
        "    sys.exit(answer)\n"
        "print(json.dumps({'dependencies': answer, 'fixes': []}))\n"
        "sys.exit(any(one.get('vulns') for one in answer))\n"
    )
    program.chmod(0o755)
    lock = folder / "requirements.lock"
    lock.write_text("quart==0.22.0\n")
    environ = {**os.environ, "PIP_AUDIT": str(program)}
    return subprocess.run(
        [sys.executable, SCRIPT, lock], capture_output=True, text=True, env=environ, check=False
    )


def test_a_hole_is_told_and_fails(tmp_path: Path):
    end = audited(tmp_path, {"bad": [BAD], "locks": [GOOD, {**BAD, "name": "werkzeug"}]})
    assert end.returncode == 1
    assert end.stdout == "werkzeug 2.10: PYSEC-1, mended in 2.0\n"


def test_no_hole_passes_and_says_how_much_was_looked_at(tmp_path: Path):
    end = audited(tmp_path, {"bad": [BAD], "locks": [GOOD]})
    assert (end.returncode, end.stdout) == (0, "pip-audit: 1 packages, no known holes (pypi)\n")


@pytest.mark.parametrize("silence", [NO_NETWORK, [UNKNOWN_BAD], [{**GOOD, "name": "jinja2"}]])
def test_a_service_that_cannot_be_reached_or_knows_nothing_is_no_clean_bill(tmp_path: Path, silence: Any):
    end = audited(tmp_path, {"bad": silence, "locks": [SKIPPED]})
    assert end.returncode == 0
    assert end.stdout == "pip-audit: no vulnerability service can be reached from here: not audited\n"


def test_the_second_service_is_asked_where_the_first_is_silent(tmp_path: Path):
    end = audited(tmp_path, {"pypi bad": [UNKNOWN_BAD], "osv bad": [BAD], "locks": [GOOD]})
    assert (end.returncode, end.stdout) == (0, "pip-audit: 1 packages, no known holes (osv)\n")


def test_a_package_that_the_service_does_not_know_fails(tmp_path: Path):
    end = audited(tmp_path, {"bad": [BAD], "locks": [GOOD, {**SKIPPED, "name": "typo"}]})
    assert end.returncode == 1
    assert "does not know typo" in end.stdout


def test_a_service_lost_on_the_way_fails(tmp_path: Path):
    assert audited(tmp_path, {"bad": [BAD], "locks": NO_NETWORK}).returncode == 1


def test_a_pip_audit_that_breaks_is_no_clean_bill(tmp_path: Path):
    end = audited(tmp_path, {"bad": "TypeError: no such option", "locks": [GOOD]})
    assert end.returncode == 1
    assert "no such option" in end.stderr
