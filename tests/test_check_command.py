"""`ticketflow check` as a steward with a laptop runs it: with the database, or with the keys alone."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.booking.test_audit_command import run
from tests.booking.test_cancelling import booked, cancel, cancellable_sale
from tests.house import CODES, TICKET_KEY, House, in_process, settings_for
from tests.servers import Mailbox
from ticketflow.cli import main
from ticketflow.settings import Settings


@pytest.fixture
def settings(sqlite_url: str, redis_url: str, smtp: Mailbox, prefix: str) -> Settings:
    """Commands are processes, and slow to start: one database is enough."""
    return settings_for(database_url=sqlite_url, redis_url=redis_url, smtp_url=smtp.url, prefix=prefix)


async def told(settings: Settings, *args: str) -> tuple[int, str]:
    """How the command ends, and its one line."""
    code, said = await run(settings, "check", *args, stderr=asyncio.subprocess.STDOUT)
    assert said.count("\n") == 1, said
    return code, said


async def new_ticket(house: House, sale: Any, *, cancelled: bool = False) -> dict[str, Any]:
    async with house.visitor() as fan:
        booking = await booked(fan, sale, 1)
        if cancelled:
            assert (await cancel(fan, booking)).status_code == 200
        ticket: dict[str, Any] = booking["tickets"][0]
        return ticket


async def test_with_the_database(settings: Settings):
    sale = await cancellable_sale(settings)
    async with in_process(settings) as house:
        ticket, void = await new_ticket(house, sale), await new_ticket(house, sale, cancelled=True)
        # It asks no Redis: a door's laptop knows the database and the keys.
        laptop = replace(settings, redis_url="", smtp_url="", secret_keys=())
        here = ("--event", str(sale.event_id))
        for args, ended, words in (
            ((ticket["signed"], *here, "--look"), 0, "valid: "),
            ((ticket["signed"], *here, "--door", "North"), 0, "valid: "),
            ((ticket["code"].lower(), *here), 1, "used: "),
            ((void["signed"],), 1, "void: "),
        ):
            code, said = await told(laptop, *args)
            assert (code, said.startswith(words)) == (ended, True), said
            if words == "used: ":
                assert "UTC at North." in said


def test_with_the_keys_alone(tmp_path: Path):
    keys = tmp_path / "ticket-keys.json"
    keys.write_text(json.dumps(CODES.published()))
    code = "W2C8XKQ5NR4TB7HDV9GZ3MF6JPL"
    signed = CODES.sign(42, code)
    for args, ended, words in (
        ((signed,), 0, "cannot be known"),
        ((signed, "--event", "42"), 0, f"valid: ticket {code} for event 42"),
        ((signed, "--event", "43"), 1, "wrong_event: "),
        ((signed[:-1],), 1, "unknown: "),
        ((code,), 1, "not signed"),
    ):
        ends([*args, "--keys", str(keys)], ended, words)


def test_what_cannot_be_checked_is_told_in_one_line_and_ends_with_two(tmp_path: Path):
    empty = tmp_path / "empty.json"
    empty.write_text("{}")
    ends(["x", "--keys", str(empty)], 2, "is not a set of published keys")
    ends(["x", "--keys", str(tmp_path / "nowhere.json")], 2, "cannot be read: No such file")
    ends(["x", "--door", "d" * 81], 2, "a door's name is one line")
    ends(["x"], 2, "TICKETFLOW_DATABASE_URL is missing")
    nowhere = {"TICKETFLOW_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path}/nowhere/x.db"}
    ends(["x"], 2, "TICKETFLOW_TICKET_KEYS is missing", **nowhere)
    ends(["x"], 2, "a folder that does not exist", **nowhere, TICKETFLOW_TICKET_KEYS=TICKET_KEY)


def ends(args: list[str], code: int, words: str, **variables: str) -> None:
    """In this process: it needs no loop of its own, and a process is slow to start."""
    done = CliRunner().invoke(main, ["check", *args], env=variables)
    assert (done.exit_code, done.output.count("\n")) == (code, 1), done.output
    assert words in done.output
    assert done.output.startswith("Error: ") is (code == 2)
