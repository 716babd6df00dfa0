"""`ticketflow check` as a steward with a laptop runs it: with the database, or with the keys alone."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.booking.test_audit_command import run
from tests.booking.test_cancelling import booked, cancel, cancellable_sale
from tests.house import CODES, House, in_process, make_sale, settings_for
from tests.servers import Mailbox
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
            ((ticket["signed"], "--event", str(sale.event_id + 1)), 1, "wrong_event: "),
            ((ticket["signed"], *here, "--door", "North"), 0, "valid: "),
            ((ticket["code"].lower(), *here), 1, "used: "),
            ((void["signed"],), 1, "void: "),
            (("hello",), 1, "unknown: "),
        ):
            code, said = await told(laptop, *args)
            assert (code, said.startswith(words)) == (ended, True), said
            if words == "used: ":
                assert "UTC at North." in said


async def test_with_the_keys_alone(settings: Settings, tmp_path: Path):
    keys = tmp_path / "ticket-keys.json"
    keys.write_text(json.dumps(CODES.published()))
    nowhere = Settings()
    code = "W2C8XKQ5NR4TB7HDV9GZ3MF6JPL"
    signed = CODES.sign(42, code)
    for args, ended, words in (
        ((signed,), 0, "cannot be known"),
        ((signed, "--event", "42"), 0, f"valid: ticket {code} for event 42"),
        ((signed, "--event", "43"), 1, "wrong_event: "),
        ((signed[:-1],), 1, "unknown: "),
        ((code,), 1, "not signed"),
    ):
        assert await told(nowhere, *args, "--keys", str(keys)) == (ended, Contains(words))


async def test_what_cannot_be_checked_is_told_in_one_line_and_ends_with_two(
    settings: Settings, tmp_path: Path
):
    empty = tmp_path / "empty.json"
    empty.write_text("{}")
    await make_sale(settings)
    for given, args in (
        (settings, ("x", "--keys", str(empty))),
        (settings, ("x", "--keys", str(tmp_path / "nowhere.json"))),
        (replace(settings, ticket_keys=()), ("x",)),
        (replace(settings, database_url=f"sqlite+aiosqlite:///{tmp_path}/nowhere/x.db"), ("x",)),
        (settings, ("x", "--door", "d" * 81)),
    ):
        assert await told(given, *args) == (2, Contains("Error: "))


class Contains(str):
    """Equal to any text that has it."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and str(self) in other

    __hash__ = str.__hash__
