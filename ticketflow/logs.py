"""Logs through structlog: one JSON object a line for machines, plain lines for a person's terminal.

Whoever writes a line, it says no password, token, cookie or card, and text of strangers makes no second one.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

import structlog

from ticketflow.redaction import redacted_fields

ACCESS = "ticketflow.access"
_ACCESS_FIELDS = ("request_id", "method", "route", "status", "ms", "account", "network")


def set_up(*, plain: bool, level: int = logging.INFO) -> None:
    """Send every logger's lines to standard error."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    told: list[structlog.typing.Processor] = [structlog.processors.format_exc_info, _redact]
    last: list[structlog.typing.Processor] = (
        [
            _in_one_line,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                # The rich one prints every local variable, passwords too, and takes a tenth of a second.
                exception_formatter=structlog.dev.plain_traceback,
            ),
        ]
        if plain
        else [structlog.processors.JSONRenderer()]
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *told, *last],
    )
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=level, force=True)
    _set_up_access(plain)
    # Every SQL connection and mail command is not news.
    for name in ("databases", "alembic", "mail.log", "aiosqlite", "asyncio", "httpx", "stripe"):
        logging.getLogger(name).setLevel(logging.WARNING)


class AccessLine(logging.Formatter):
    """The line of a request as JSON. Its fields are ours, with nothing to be taken out; and there is one for
    each request, so it goes no way round by processors."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z")
        line = {"event": record.msg, "level": "info", "logger": record.name, "timestamp": at}
        for name in _ACCESS_FIELDS:
            line[name] = getattr(record, name, None)
        return json.dumps(line)


def _set_up_access(plain: bool) -> None:
    access = logging.getLogger(ACCESS)
    for old in access.handlers[:]:
        access.removeHandler(old)
    access.propagate = plain
    if not plain:
        handler = logging.StreamHandler()
        handler.setFormatter(AccessLine())
        access.addHandler(handler)


def _redact(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return redacted_fields(event)


def _in_one_line(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """What a terminal would take for an end of a line or a command of its own, written out. JSON does it by
    itself; a traceback has lines of right."""
    return {
        name: value
        if name in ("exception", "stack") or not isinstance(value, str)
        else "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in value)
        for name, value in event.items()
    }
