"""Whether this process lives, and whether it can work."""

import asyncio
import logging
from collections.abc import Coroutine
from http import HTTPStatus

from quart import Blueprint
from quart.typing import ResponseReturnValue

from ticketflow.web.services import Services, services

log = logging.getLogger(__name__)
blueprint = Blueprint("health", __name__)

PATIENCE_SECONDS = 3.0


@blueprint.get("/healthz")
async def alive() -> ResponseReturnValue:
    """200 as long as the process answers at all."""
    return {"status": "ok"}


@blueprint.get("/readyz")
async def ready() -> ResponseReturnValue:
    """200 if both stores answer and the live desk listens; else 503, with which does not."""
    found = services()
    checks = {
        "redis": await _answers(_ask_redis(found)),
        "database": await _answers(_ask_database(found)),
        "live": found.hub.ready.is_set(),
    }
    status = HTTPStatus.OK if all(checks.values()) else HTTPStatus.SERVICE_UNAVAILABLE
    return {"ready": all(checks.values()), **checks}, status


async def _ask_redis(found: Services) -> None:
    await found.redis.ping()


async def _ask_database(found: Services) -> None:
    await found.database.fetch_val("SELECT 1")


async def _answers(question: Coroutine[None, None, None]) -> bool:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await question
    except Exception as error:
        log.warning("not ready: %s", error)
        return False
    return True
