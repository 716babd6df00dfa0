"""The delivery desk over the API: letters found, looked at, tried again; their numbers."""

import re
from email.message import EmailMessage
from http import HTTPStatus
from typing import Annotated, Any

from databases import Database
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from quart import Blueprint
from quart.typing import ResponseReturnValue
from quart_schema import validate_querystring, validate_request

from ticketflow.domain import Refusal, User, iso
from ticketflow.mail.html_page import html_page
from ticketflow.redaction import redacted
from ticketflow.store import mail_desk
from ticketflow.store.mail_desk import DeskLetter, Scope, Wanted
from ticketflow.store.mail_reasons import Reason
from ticketflow.store.outbox import MailState
from ticketflow.web.asks import MOST_EMAIL, MOST_ID, Ask, Id
from ticketflow.web.services import Services, services
from ticketflow.web.session import require_organiser

blueprint = Blueprint("mail_desk", __name__, url_prefix="/api/organiser/mail")

MOST_A_PAGE, USUAL_A_PAGE = 200, 50
# As an id in an address, see ids.py.
_NUMBER = re.compile(r"[0-9]{1,18}")
Kind = Annotated[str, Field(pattern="^[a-z_]{1,40}$")]
Number = Annotated[int, Field(ge=1, le=MOST_ID)]
NO_STORE = {"Cache-Control": "no-store"}


class ScopeQuery(BaseModel):
    """Whose letters: of all events one sees to, or of one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    event_id: Number | None = None


class LettersQuery(ScopeQuery):
    """Which letters, and which page of them: `after` is the `next` of the page before."""

    state: MailState | None = None
    kind: Kind | None = None
    reason: Reason | None = None
    q: (
        Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MOST_EMAIL)] | None
    ) = None
    limit: Annotated[int, Field(ge=1, le=MOST_A_PAGE)] = USUAL_A_PAGE
    after: Number | None = None

    @property
    def wanted(self) -> Wanted:
        return Wanted(self.state, self.kind, self.q, self.reason)


class RetryAsk(Ask):
    """Which failed letters to try again; what is left out narrows nothing."""

    event_id: Id | None = None
    kind: Kind | None = None
    # JSON has no such type: the word comes as text.
    reason: Annotated[Reason, Field(strict=False)] | None = None

    @property
    def wanted(self) -> Wanted:
        return Wanted(kind=self.kind, reason=self.reason)


def scope_of(found: Services, user: User, event_id: int | None) -> Scope:
    """The letters one may see. Raises `Refusal` not_found for an event of somebody else's."""
    if event_id is not None:
        found.catalogue.own_event(event_id, user)
    return Scope(user, event_id)


def asked_number(text: str) -> int:
    """An event's number as it stands in an address. Raises `Refusal` not_found for what is none."""
    if not _NUMBER.fullmatch(text):
        raise Refusal("not_found", "There is no such event of yours.")
    return int(text)


@blueprint.get("")
@validate_querystring(LettersQuery)
async def letters(query_args: LettersQuery) -> ResponseReturnValue:
    """Letters, the newest first."""
    found = services()
    scope = scope_of(found, await require_organiser(), query_args.event_id)
    limit = query_args.limit
    rows = await mail_desk.letters(found.database, scope, query_args.wanted, query_args.after, limit + 1)
    following = rows[limit - 1].id if len(rows) > limit else None
    return {"letters": [view(row) for row in rows[:limit]], "next": following}, HTTPStatus.OK, NO_STORE


@blueprint.get("/summary")
@validate_querystring(ScopeQuery)
async def numbers(query_args: ScopeQuery) -> ResponseReturnValue:
    """How many letters stand where, how fast they go, why some failed, and if the mail server is there."""
    found = services()
    scope = scope_of(found, await require_organiser(), query_args.event_id)
    frame = await found.mail_room.frame(scope)
    del frame["type"]
    return frame, HTTPStatus.OK, NO_STORE


@blueprint.get("/<int:letter_id>")
async def one(letter_id: int) -> ResponseReturnValue:
    """A letter with its message. A link that opens an account is not in it."""
    found = services()
    letter = await mail_desk.letter(found.database, await require_organiser(), letter_id)
    message = await found.letter_reader.read(letter)
    return {**view(letter), "message": message and message_view(message)}, HTTPStatus.OK, NO_STORE


@blueprint.post("/<int:letter_id>/retry")
async def retry(letter_id: int) -> ResponseReturnValue:
    """Try a failed letter again, at once."""
    return await _again(letter_id, mail_desk.retry)


@blueprint.post("/<int:letter_id>/resend")
async def resend(letter_id: int) -> ResponseReturnValue:
    """Send a letter once more that was sent already."""
    return await _again(letter_id, send_once_more)


@blueprint.post("/retry")
@validate_request(RetryAsk)
async def retry_all(data: RetryAsk) -> ResponseReturnValue:
    """Try failed letters again: all, or those of an event, a kind, a reason."""
    found = services()
    scope = scope_of(found, await require_organiser(), data.event_id)
    count, more = await mail_desk.retry_all(found.database, scope, data.wanted)
    return {"retried": count, "more": more}


async def send_once_more(database: Database, user: User, letter_id: int) -> None:
    """Send it, if it was not sent very often. Raises `Refusal` too_many_requests, or what `resend` raises."""
    await mail_desk.letter(database, user, letter_id)
    tries = services().tries
    await tries.take_resend(letter_id)
    try:
        await mail_desk.resend(database, user, letter_id)
    except BaseException:
        await tries.give_back_resend(letter_id)
        raise


async def _again(letter_id: int, act: Any) -> ResponseReturnValue:
    found = services()
    user = await require_organiser()
    await act(found.database, user, letter_id)
    return view(await mail_desk.letter(found.database, user, letter_id))


def view(letter: DeskLetter) -> dict[str, Any]:
    """A letter without its message."""
    return {
        "id": letter.id,
        "kind": letter.kind,
        "state": letter.state.value,
        "event_id": letter.event_id,
        "booking_id": letter.booking_id,
        "booking_code": letter.booking_code,
        "recipient": letter.recipient or None,
        "attempts": letter.attempts,
        "reason": letter.reason and letter.reason.value,
        # A mail server's words are a stranger's.
        "error": letter.error and redacted(letter.error),
        "created_at": iso(letter.created_at),
        "due_at": iso(letter.due_at),
        "sent_at": letter.sent_at and iso(letter.sent_at),
    }


def message_view(message: EmailMessage) -> dict[str, Any]:
    """A message in its parts."""
    text = message.get_body(("plain",))
    return {
        "headers": [{"name": name, "value": str(value)} for name, value in message.items()],
        "text": text.get_content() if text else "",
        "html": html_page(message),
    }
