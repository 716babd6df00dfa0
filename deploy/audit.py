"""Asks whether what the locks install has known holes: pip-audit, and an answer that cannot be mistaken.

    python deploy/audit.py deploy/*.lock

Exits 1 where something has a hole, or pip-audit fails. A service that cannot be reached looks like one that
knows of no hole. So each is first asked about a version that is known to be bad, and only one that says so is
believed. If none does, one line says that nothing was audited, and the exit is 0: a machine without the
internet can still check everything else.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

KNOWN_BAD = "jinja2==2.10"
"""Has holes that every service has known for years."""
SERVICES = ("pypi", "osv")
PATIENCE_SECONDS = "10"
UNREACHABLE = re.compile(r"connect|timed? ?out|resolv|max retries", re.IGNORECASE)
NOT_AUDITED = "no vulnerability service can be reached from here: not audited"


class CannotAudit(Exception):
    """pip-audit ended in a way that is no answer."""


def main(locks: Sequence[str]) -> int:
    """Audit the locks with the first service that can be believed. Gives the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        bad = Path(folder) / "known-bad.txt"
        bad.write_text(f"{KNOWN_BAD}\n", encoding="utf-8")
        for service in SERVICES:
            known = ask(service, [str(bad)])
            if known is not None and holes_of(known):
                return judge(ask(service, locks) or [], service)
    print(f"pip-audit: {NOT_AUDITED}")
    return 0


def judge(found: list[dict[str, Any]], service: str) -> int:
    """Say what was found in the locks."""
    holes = holes_of(found)
    unknown = sorted(one["name"] for one in found if "skip_reason" in one)
    for line in holes:
        print(line)
    if unknown:
        print(f"pip-audit: {service} does not know {', '.join(unknown)}")
    if not found:
        print("pip-audit: the service was lost on the way, or the locks are empty")
    if not (holes or unknown) and found:
        print(f"pip-audit: {len(found)} packages, no known holes ({service})")
        return 0
    return 1


def holes_of(found: Iterable[dict[str, Any]]) -> list[str]:
    """A line for each hole."""
    return [
        f"{one['name']} {one['version']}: {hole['id']}, "
        f"mended in {', '.join(hole['fix_versions']) or 'no version yet'}"
        for one in found
        for hole in one.get("vulns", ())
    ]


def ask(service: str, files: Sequence[str]) -> list[dict[str, Any]] | None:
    """What the service says of each package; None if it cannot be reached. Raises CannotAudit."""
    program = os.environ.get("PIP_AUDIT", str(Path(sys.executable).with_name("pip-audit")))
    options = ["--vulnerability-service", service, "--timeout", PATIENCE_SECONDS, "--format", "json"]
    named = [part for file in files for part in ("--requirement", file)]
    asked = [program, "--no-deps", "--disable-pip", "--progress-spinner", "off", *options, *named]
    # No shell, and the names are the Makefile's.
    done = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603  # nosec B603
    try:
        answer: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        if UNREACHABLE.search(done.stderr):
            return None
        raise CannotAudit(f"pip-audit ended with {done.returncode}: {done.stderr.strip()}") from None
    return answer


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
