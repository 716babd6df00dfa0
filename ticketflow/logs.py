"""Logs through structlog: one JSON object a line for machines, plain lines for a person's terminal."""

import logging
import sys

import structlog


def set_up(*, plain: bool, level: int = logging.INFO) -> None:
    """Send every logger's lines to standard error."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[structlog.typing.Processor] = (
        [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                # The rich one prints every local variable, passwords too, and takes a tenth of a second.
                exception_formatter=structlog.dev.plain_traceback,
            )
        ]
        if plain
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=level, force=True)
    # Every SQL connection and mail command is not news.
    for name in ("databases", "alembic", "mail.log", "aiosqlite", "asyncio", "httpx", "stripe"):
        logging.getLogger(name).setLevel(logging.WARNING)
