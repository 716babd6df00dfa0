"""The one settings object, read from TICKETFLOW_* variables when a process starts.

A missing or bad value stops the start with one line that names the variable. Secrets have a
default only in embedded mode, where `ticketflow.embedded` makes and keeps them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from email.utils import parseaddr
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ticketflow.faults import Fault

ON_A_HOST = ("http", "https", "smtp", "smtps", "smtp+starttls")
DEFAULT_DATA_DIR = Path(".ticketflow")


class BadSetting(ValueError):
    """A TICKETFLOW_* variable is missing or cannot be used; the message names it."""


def _text(value: str) -> str:
    return value.strip()


def _list(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        try:
            number = int(value)
        except ValueError:
            raise BadSetting(f"wants a whole number, got {value!r}") from None
        if not low <= number <= high:
            raise BadSetting(f"wants a number from {low} to {high}, got {number}")
        return number

    return read


def _seconds(low: float, high: float) -> Callable[[str], float]:
    def read(value: str) -> float:
        try:
            number = float(value)
        except ValueError:
            raise BadSetting(f"wants a number of seconds, got {value!r}") from None
        if not low <= number <= high:
            raise BadSetting(f"wants {low:g} to {high:g} seconds, got {value}")
        return number

    return read


def _yes_or_no(value: str) -> bool:
    answers = {"yes": True, "true": True, "on": True, "1": True, "no": False, "false": False, "off": False}
    if value.strip().lower() not in {*answers, "0"}:
        raise BadSetting(f"wants yes or no, got {value!r}")
    return answers.get(value.strip().lower(), False)


def _url(*schemes: str) -> Callable[[str], str]:
    def read(value: str) -> str:
        value = value.strip()
        # The value may carry a password: it is not repeated.
        try:
            parts = urlsplit(value)
            port = parts.port
        except ValueError:
            raise BadSetting("has an address or a port that cannot be read") from None
        if parts.scheme not in schemes:
            raise BadSetting(f"wants a URL that starts with {' or '.join(s + ':' for s in schemes)}")
        # A database may be a file, and Redis a socket: a path will do for those.
        place = parts.hostname if parts.scheme in ON_A_HOST else parts.hostname or parts.path.strip("/")
        if port == 0 or not place:
            raise BadSetting("names no host")
        return value

    return read


def _secrets(value: str) -> tuple[str, ...]:
    secrets = _list(value)
    if not secrets or any(len(secret) < 32 for secret in secrets):
        raise BadSetting("wants one or more secrets of at least 32 characters, the newest first")
    return secrets


def _ticket_keys(value: str) -> tuple[str, ...]:
    keys = _list(value.lower())
    if not keys or any(len(key) != 64 or set(key) - set("0123456789abcdef") for key in keys):
        raise BadSetting("wants one or more keys of 64 hex digits, the newest first")
    return keys


def _sender(value: str) -> str:
    address = parseaddr(value)[1]
    local, _, domain = address.rpartition("@")
    if not (local and domain and address.isascii()) or not value.isprintable():
        raise BadSetting("wants an address such as TicketFlow <tickets@example.com>")
    return value.strip()


def _fault(value: str) -> Fault:
    try:
        return Fault.parse(value)
    except ValueError as error:
        raise BadSetting(str(error)) from None


def _setting(default: Any, read: Callable[[str], Any]) -> Any:
    return field(default=default, metadata={"read": read})


@dataclass(frozen=True)
class Settings:
    """Everything a process may be told. The variable of a field is TICKETFLOW_ and its name.

    Times are in seconds. Fields that default to "" must be given outside embedded mode.
    """

    database_url: str = _setting("", _url("mysql", "mysql+aiomysql", "sqlite", "sqlite+aiosqlite"))
    redis_url: str = _setting("", _url("redis", "rediss", "unix"))
    smtp_url: str = _setting("", _url("smtp", "smtps", "smtp+starttls"))
    secret_keys: tuple[str, ...] = _setting((), _secrets)
    ticket_keys: tuple[str, ...] = _setting((), _ticket_keys)
    public_url: str = _setting("", _url("http", "https"))
    mail_from: str = _setting("TicketFlow <tickets@localhost>", _sender)

    host: str = _setting("127.0.0.1", _text)
    port: int = _setting(8000, _whole(0, 65535))
    data_dir: Path = _setting(DEFAULT_DATA_DIR, Path)  # noqa: RUF009 - it makes a field()
    redis_prefix: str = _setting("ticketflow", _text)
    proxy_hops: int = _setting(0, _whole(0, 10))
    hosts: tuple[str, ...] = _setting((), _list)
    access_log: bool = _setting(True, _yes_or_no)

    database_pool: int = _setting(10, _whole(1, 1000))
    redis_pool: int = _setting(64, _whole(1, 10_000))

    tick_seconds: float = _setting(0.5, _seconds(0.1, 5))
    claim_seconds: int = _setting(120, _whole(5, 3600))
    lease_seconds: int = _setting(600, _whole(5, 86_400))
    hold_seconds: int = _setting(480, _whole(1, 86_400))
    hold_extension_seconds: int = _setting(240, _whole(1, 3600))
    retry_seconds: int = _setting(120, _whole(0, 3600))
    booking_wait_seconds: float = _setting(10.0, _seconds(0, 60))
    bookings_per_minute: int = _setting(10, _whole(1, 100_000))
    sign_ins_per_minute: int = _setting(300, _whole(1, 100_000))
    own_forms_per_minute: int = _setting(30, _whole(1, 100_000))
    sign_in_failures: int = _setting(20, _whole(1, 1_000_000))
    letters_per_network: int = _setting(3, _whole(1, 1_000_000))
    requests_per_address: int = _setting(6000, _whole(0, 10_000_000))
    requests_per_account: int = _setting(600, _whole(0, 10_000_000))
    messages_per_second: int = _setting(30, _whole(0, 100_000))
    joins_per_address: int = _setting(300, _whole(0, 1_000_000))
    joins_per_account: int = _setting(20, _whole(0, 1_000_000))
    sockets_per_address: int = _setting(500, _whole(0, 1_000_000))
    sockets_per_account: int = _setting(10, _whole(0, 1_000_000))
    socket_idle_seconds: float = _setting(30.0, _seconds(1, 600))

    ledger_concurrency: int = _setting(1024, _whole(1, 10_000))
    ledger_batch: int = _setting(256, _whole(1, 1000))
    ledger_takeover_seconds: float = _setting(15.0, _seconds(0.1, 3600))
    settle_after_seconds: float = _setting(15.0, _seconds(0.1, 3600))
    stream_limit: int = _setting(20_000, _whole(1, 10_000_000))
    mail_batch: int = _setting(50, _whole(1, 1000))
    mail_lease_seconds: float = _setting(60.0, _seconds(1, 3600))
    mail_connections: int = _setting(4, _whole(1, 100))
    mails_per_second: int = _setting(0, _whole(0, 100_000))
    mail_timeout_seconds: float = _setting(30.0, _seconds(0.1, 600))
    mail_poll_seconds: float = _setting(5.0, _seconds(0.1, 3600))
    mail_tries: int = _setting(12, _whole(1, 100))
    mail_retry_seconds: float = _setting(2.0, _seconds(0.01, 3600))
    audit_seconds: float = _setting(60.0, _seconds(1, 86_400))
    slow_payment_seconds: float = _setting(5.0, _seconds(0, 600))

    stripe_secret_key: str = _setting("", _text)
    stripe_webhook_secret: str = _setting("", _text)
    stripe_api_base: str = _setting("", _url("http", "https"))

    fault: Fault | None = _setting(None, _fault)  # noqa: RUF009 - it makes a field()

    embedded: bool = False

    @property
    def secure(self) -> bool:
        """Whether visitors come by https, so that cookies may be marked Secure."""
        return self.public_url.startswith("https://")

    @property
    def origin(self) -> str:
        """Scheme, host and port of the public address: the one Origin besides the request's own host."""
        parts = urlsplit(self.public_url)
        return f"{parts.scheme}://{parts.netloc}"

    @cached_property
    def host_names(self) -> frozenset[str]:
        """What a request may take this desk for: the name in the public address, and the further `hosts`."""
        return frozenset({urlsplit(self.public_url).hostname or "", *(name.lower() for name in self.hosts)})

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Settings":
        """The settings in `environ`. Raises `BadSetting`, with the variable's name, at the first bad one."""
        given: dict[str, Any] = {}
        known = {_variable(f.name): f for f in fields(cls) if "read" in f.metadata}
        for name, value in environ.items():
            if not name.startswith("TICKETFLOW_") or name.startswith("TICKETFLOW_TEST_"):
                continue
            if name not in known:
                raise BadSetting(f"{name} is not a setting; is it misspelt?")
            if value.strip() == "":
                continue
            try:
                given[known[name].name] = known[name].metadata["read"](value)
            except BadSetting as error:
                raise BadSetting(f"{name} {error}") from None
        if "port" not in given and environ.get("PORT", "").strip():
            try:
                given["port"] = _whole(0, 65535)(environ["PORT"])
            except BadSetting as error:
                raise BadSetting(f"PORT {error}") from None
        return cls(**given)

    def require(self, *names: str) -> "Settings":
        """Itself, if each named field was given. Raises `BadSetting`, naming the first that was not."""
        for name in names:
            if not getattr(self, name):
                raise BadSetting(f"{_variable(name)} is missing; .env.example shows each setting")
        return self


def _variable(field_name: str) -> str:
    return f"TICKETFLOW_{field_name.upper()}"
