"""The commands of TicketFlow in processes forked from one that has loaded it: started in no time, and often.

What runs is the command with its environment, as an operator starts it; only Python's own start is spared.
"""

import asyncio
import multiprocessing
import os
from collections.abc import Mapping
from importlib import import_module
from multiprocessing.process import BaseProcess
from pathlib import Path

from tests.house import environment
from ticketflow.cli import main
from ticketflow.settings import Settings

END_SECONDS = 40

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["tests.forked"])


class Forked:
    """`ticketflow serve` or `worker`. `without` names a function (`module:name`) that takes a guard out."""

    def __init__(self, command: str, settings: Settings, log: Path, *, without: str | None = None) -> None:
        self.settings = settings
        self.log = log
        given = (command, environment(settings), str(log), without)
        self._process: BaseProcess = _processes.Process(target=_run, args=given, daemon=True)
        self._process.start()

    @property
    def exit_code(self) -> int | None:
        """None while it runs; the negative number of the signal that ended it."""
        return self._process.exitcode

    async def has_struck(self) -> bool:
        """Whether its fault has come about."""
        return "TICKETFLOW_FAULT: struck" in self.log.read_text()

    async def ended(self) -> int:
        """How it ends, once it does. Raises `TimeoutError` with what it said."""
        await asyncio.to_thread(self._process.join, END_SECONDS)
        if self._process.exitcode is None:
            raise TimeoutError(self.log.read_text())
        return self._process.exitcode

    async def kill(self) -> None:
        """End it as an accident would; nothing happens if it has ended."""
        self._process.kill()
        await self.ended()


def _run(command: str, env: Mapping[str, str], log: str, without: str | None) -> None:
    os.environ.clear()
    os.environ.update(env)
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for stream in (1, 2):
        os.dup2(output, stream)
    if without:
        module, name = without.split(":")
        getattr(import_module(module), name)()
    main([command])
