"""Errors become answers here, in one table: RFC 9457 problems for the API, a page for people."""

import logging
from http import HTTPStatus
from typing import Any

from pydantic import ValidationError
from quart import (
    Quart,
    Response,
    has_request_context,
    has_websocket_context,
    jsonify,
    request,
)
from quart.typing import ResponseReturnValue
from quart_rate_limiter import RateLimitExceeded
from quart_schema import RequestSchemaValidationError
from redis.exceptions import RedisError
from werkzeug.exceptions import HTTPException

from ticketflow.domain import Refusal
from ticketflow.store import violations
from ticketflow.web.error_pages import error_page
from ticketflow.web.logs import number_of_request, tell_refusal
from waiting_room import WaitingRoomError
from waiting_room.web import problem as room_problem

log = logging.getLogger(__name__)

STATUS = {
    "malformed_json": HTTPStatus.BAD_REQUEST,
    "bad_host": HTTPStatus.BAD_REQUEST,
    "bad_signature": HTTPStatus.BAD_REQUEST,
    "invalid_request": HTTPStatus.UNPROCESSABLE_ENTITY,
    "not_signed_in": HTTPStatus.UNAUTHORIZED,
    "wrong_credentials": HTTPStatus.UNAUTHORIZED,
    "bad_token": HTTPStatus.UNAUTHORIZED,
    "payment_declined": HTTPStatus.PAYMENT_REQUIRED,
    "payment_unknown": HTTPStatus.PAYMENT_REQUIRED,
    "forbidden": HTTPStatus.FORBIDDEN,
    "ability_missing": HTTPStatus.FORBIDDEN,
    "wrong_password": HTTPStatus.FORBIDDEN,
    "cross_site": HTTPStatus.FORBIDDEN,
    "not_admitted": HTTPStatus.FORBIDDEN,
    "pass_in_use": HTTPStatus.FORBIDDEN,
    "other_account": HTTPStatus.FORBIDDEN,
    "not_found": HTTPStatus.NOT_FOUND,
    "no_draw": HTTPStatus.NOT_FOUND,
    "email_taken": HTTPStatus.CONFLICT,
    "tickets_ahead": HTTPStatus.CONFLICT,
    "has_events": HTTPStatus.CONFLICT,
    "slug_taken": HTTPStatus.CONFLICT,
    "too_many_tokens": HTTPStatus.CONFLICT,
    "last_admin": HTTPStatus.CONFLICT,
    "sale_opened": HTTPStatus.CONFLICT,
    "stale": HTTPStatus.CONFLICT,
    "below_sold": HTTPStatus.CONFLICT,
    "seats_stand": HTTPStatus.CONFLICT,
    "last_type": HTTPStatus.CONFLICT,
    "name_taken": HTTPStatus.CONFLICT,
    "letter_not_failed": HTTPStatus.CONFLICT,
    "letter_not_sent": HTTPStatus.CONFLICT,
    "letter_outdated": HTTPStatus.CONFLICT,
    "sale_closed": HTTPStatus.CONFLICT,
    "called_off": HTTPStatus.CONFLICT,
    "payment_not_open": HTTPStatus.CONFLICT,
    "still_processing": HTTPStatus.CONFLICT,
    "not_confirmed": HTTPStatus.CONFLICT,
    "cancel_not_allowed": HTTPStatus.CONFLICT,
    "cancel_too_late": HTTPStatus.CONFLICT,
    "ticket_used": HTTPStatus.CONFLICT,
    "sold_out": HTTPStatus.CONFLICT,
    "unit_taken": HTTPStatus.CONFLICT,
    "hold_in_use": HTTPStatus.CONFLICT,
    "already_booked": HTTPStatus.CONFLICT,
    "already_extended": HTTPStatus.CONFLICT,
    "hold_gone": HTTPStatus.GONE,
    "link_gone": HTTPStatus.GONE,
    "limit_exceeded": HTTPStatus.UNPROCESSABLE_ENTITY,
    "idempotency_mismatch": HTTPStatus.UNPROCESSABLE_ENTITY,
    "bad_payment_method": HTTPStatus.UNPROCESSABLE_ENTITY,
    "too_many_requests": HTTPStatus.TOO_MANY_REQUESTS,
    "too_many_sockets": HTTPStatus.TOO_MANY_REQUESTS,
    "not_ready": HTTPStatus.SERVICE_UNAVAILABLE,
    "busy": HTTPStatus.SERVICE_UNAVAILABLE,
}
"""The one table from a refusal's code to its HTTP status."""

HTTP = {
    400: ("bad_request", "This cannot be understood, so it was not done."),
    403: ("forbidden", "This is not yours to open. Perhaps another account may."),
    404: ("not_found", "There is nothing at this address. Perhaps it has moved, or the link lost a letter."),
    405: ("method_not_allowed", "This address is there, but it cannot be used in that way."),
    408: ("too_slow", "What was sent did not arrive whole in time, so it was not done. Send it again."),
    410: ("gone", "This was here, and has ended."),
    413: ("body_too_large", "That is more than this desk reads at once."),
}
"""Our own code and words for what the framework refuses; its words speak of servers and URLs."""

# The contract's name for a hold that is gone; inside, holds may also be released.
PUBLIC_CODE = {"hold_gone": "hold_expired"}
RETRY_SECONDS = 2
UNAVAILABLE = "The desk cannot reach its stores right now. Nothing was lost; try again in a few seconds."

Problem = dict[str, Any]


def problem(status: int, code: str, detail: str, **extra: Any) -> Problem:
    """A problem document."""
    title = HTTPStatus(status).phrase
    return {
        "type": f"urn:problem:{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        **extra,
    }


def problem_of(error: Exception) -> Problem:
    """The problem document for anything that a handler may raise. What nobody foresaw is logged: a 500."""
    match error:
        case Refusal():
            tell_refusal(error.code)
            status = STATUS.get(error.code, HTTPStatus.CONFLICT)
            if status == HTTPStatus.SERVICE_UNAVAILABLE:
                error.extra.setdefault("retry_after", RETRY_SECONDS)
            return problem(status, PUBLIC_CODE.get(error.code, error.code), error.detail, **error.extra)
        case WaitingRoomError():
            tell_refusal(error.code)
            return room_problem(error)[1]
        case ValidationError():
            return _invalid(error)
        case RequestSchemaValidationError(validation_error=ValidationError() as reason):
            return _invalid(reason)
        case RequestSchemaValidationError():
            # Not even an object, or no JSON at all: pydantic was not asked.
            return problem(
                422, "invalid_request", "The body must be a JSON object, sent as application/json."
            )
        case RateLimitExceeded():
            detail = f"That was a lot in a short time. Try again in {error.retry_after} s."
            return problem(429, "too_many_requests", detail, retry_after=error.retry_after)
        case HTTPException():
            return _http_problem(error)
    if isinstance(error, (RedisError, *violations.BROKEN)):
        log.warning("a store did not answer: %s", error)
        return problem(503, "unavailable", UNAVAILABLE, retry_after=RETRY_SECONDS)
    log.error("not foreseen", exc_info=error)
    said = "Something broke on our side. It is logged; nothing of yours was changed."
    return problem(500, "internal", said, request_id=number_of_request())


def _invalid(error: ValidationError) -> Problem:
    errors = [
        {"field": ".".join(map(str, e["loc"])), "problem": e["msg"].removeprefix("Value error, ")}
        for e in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    said = "; ".join(f"{e['field'] or 'body'}: {e['problem']}" for e in errors)
    return problem(422, "invalid_request", f"Something in the request cannot be used. {said}", errors=errors)


def _http_problem(error: HTTPException) -> Problem:
    status = error.code or 500
    if status == 400 and has_request_context() and request.is_json:
        return problem(400, "malformed_json", "The body is not valid JSON.")
    if status in HTTP:
        allowed = getattr(error, "valid_methods", None)
        extra: Problem = {"allow": sorted(allowed)} if allowed else {}
        return problem(status, *HTTP[status], **extra)
    return problem(status, error.name.lower().replace(" ", "_"), error.description or error.name)


def answer(body: Problem) -> Response:
    """The HTTP response for a problem."""
    response = jsonify(body)
    response.status_code = body["status"]
    response.headers["Content-Type"] = "application/problem+json"
    if body["status"] == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    if "allow" in body:
        response.headers["Allow"] = ", ".join(body["allow"])
    if "retry_after" in body:
        response.headers["Retry-After"] = str(body["retry_after"])
    return response


async def refuse(error: Exception) -> Response:
    """The answer to what a handler has raised, for those who take no pages."""
    return answer(problem_of(error))


def install(app: Quart) -> None:
    """Let `app` answer every error from the table."""

    async def handle(error: Exception) -> ResponseReturnValue:
        body = problem_of(error)
        if has_websocket_context():
            return answer(body)  # refused at the handshake
        if f"{request.path}/".startswith("/api/") or request.accept_mimetypes.best == "application/json":
            return answer(body)
        if body["code"] == "bad_token":
            return answer(body)  # only programs have tokens
        return await error_page(body)

    for kind in (Exception, HTTPException, Refusal, WaitingRoomError, RateLimitExceeded):
        app.register_error_handler(kind, handle)
    app.register_error_handler(RequestSchemaValidationError, handle)
