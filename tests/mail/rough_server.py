"""A mail server in a process of its own that misbehaves on command, and writes down what it took.

    python -m tests.mail.rough_server PORT FOLDER

How it behaves stands in FOLDER/manners.json, and may be changed while it runs. Each letter that comes so
far as its text leaves a line in FOLDER/log.jsonl: what it was answered, and over which connection it came.
"""

import asyncio
import json
import random
import re
import signal
import socket
import ssl
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests import servers

MESSAGE_ID = re.compile(rb"^Message-ID:\s*(<[^>]+>)", re.IGNORECASE | re.MULTILINE)
TAKEN = "250 taken"


@dataclass(frozen=True)
class Manners:
    """How the server behaves: `temporary`, `hanging` and `permanent` are shares of the letters; the last is
    decided by the address, so that it never changes its mind."""

    temporary: float = 0.0
    hanging: float = 0.0
    permanent: float = 0.0
    answer_after: float = 0.0
    hello: str = ""
    """The answer to EHLO, if it is not welcome."""
    sender: str = ""
    """The answer to MAIL FROM, if it is not welcome."""
    certificate: str = ""
    login: str = ""
    """`name:password`, without which it takes nothing; only over TLS."""

    def refuses(self, address: str) -> bool:
        return zlib.crc32(address.encode()) % 1000 < self.permanent * 1000


class Handler:
    """aiosmtpd's hooks."""

    def __init__(self, folder: Path) -> None:
        self._manners, self._read_at = folder / "manners.json", 0
        self._log = (folder / "log.jsonl").open("a", buffering=1)
        self._now = Manners()

    @property
    def manners(self) -> Manners:
        changed = self._manners.stat().st_mtime_ns
        if changed != self._read_at:
            self._now, self._read_at = Manners(**json.loads(self._manners.read_text())), changed
        return self._now

    async def handle_EHLO(  # noqa: N802
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [self.manners.hello] if self.manners.hello else responses

    async def handle_MAIL(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.manners.sender:
            return self.manners.sender
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.manners.refuses(address):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content, chance, manners = envelope.content or b"", random.random(), self.manners
        assert isinstance(content, bytes) and session.peer  # noqa: PT018
        found = MESSAGE_ID.search(content)
        told = {"id": found[1].decode() if found else "", "connection": session.peer[1], "size": len(content)}
        if chance < manners.hanging:
            self._note(answer="", **told)
            await asyncio.sleep(3600)
        answer = "451 4.3.0 later" if chance < manners.hanging + manners.temporary else TAKEN
        await asyncio.sleep(manners.answer_after)
        self._note(answer=answer, **told)
        return answer

    def _note(self, **what: Any) -> None:
        self._log.write(json.dumps({"at": time.time(), **what}) + "\n")


def _protocol(handler: Handler, loop: asyncio.AbstractEventLoop) -> SMTP:
    manners = handler.manners
    given: dict[str, Any] = {}
    if manners.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(manners.certificate)
        given = {"tls_context": context, "require_starttls": True}
    if manners.login:
        name, _, password = manners.login.partition(":")

        def sign_in(
            _server: SMTP, _session: Session, _envelope: Envelope, _how: str, data: Any
        ) -> AuthResult:
            right = isinstance(data, LoginPassword) and (data.login, data.password) == (
                name.encode(),
                password.encode(),
            )
            return AuthResult(success=right, handled=False)

        given |= {"authenticator": sign_in, "auth_required": True}
    return SMTP(handler, hostname="localhost", loop=loop, **given)


async def main(port: int, folder: Path) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    await loop.create_server(partial(_protocol, Handler(folder), loop), "127.0.0.1", port)
    await stop.wait()


class RoughServer:
    """The process, seen from the test. It may be started and ended as often as wanted: its port stays."""

    def __init__(self, folder: Path, **manners: Any) -> None:
        folder.mkdir()
        self.folder = folder
        self.port = servers.free_port()
        self.url = f"smtp://127.0.0.1:{self.port}"
        self.behave(**manners)

    def behave(self, **manners: Any) -> None:
        """From now on."""
        fresh = self.folder / "manners.new"
        fresh.write_text(json.dumps(asdict(Manners(**manners))))
        fresh.rename(self.folder / "manners.json")

    def manners(self) -> Manners:
        return Manners(**json.loads((self.folder / "manners.json").read_text()))

    @contextmanager
    def running(self) -> Iterator[None]:
        command = [sys.executable, "-m", "tests.mail.rough_server", str(self.port), str(self.folder)]
        with servers.process(command, self.folder / "output.log"):
            _await_port(self.port)
            yield

    def log(self) -> list[dict[str, Any]]:
        """Each letter that came so far as its text."""
        file = self.folder / "log.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def taken(self) -> list[str]:
        """The Message-IDs of what it took, as often as it took them."""
        return [line["id"] for line in self.log() if line["answer"] == TAKEN]


def _await_port(port: int) -> None:
    give_up = time.monotonic() + servers.STARTUP_SECONDS
    while time.monotonic() < give_up:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError("the mail server did not start")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
