"""The delivery desk's pages: the numbers and the letters, and one letter with its message."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

from pydantic import ValidationError
from quart import Blueprint, Response, request
from quart.typing import ResponseReturnValue

from ticketflow.domain import Refusal, User
from ticketflow.showing import hue_of
from ticketflow.store import mail_desk
from ticketflow.store.mail_desk import DeskLetter, Scope
from ticketflow.web.compressing import compressed
from ticketflow.web.mail_desk import (
    LettersQuery,
    RetryAsk,
    asked_number,
    message_view,
    scope_of,
    send_once_more,
    view,
)
from ticketflow.web.mailbox import MAIL_POLICY
from ticketflow.web.paging import fresh, onward, safe_path, said, sign_in_first
from ticketflow.web.services import services
from ticketflow.web.session import require_organiser, signed_in

HOME = "/organiser/mail"
blueprint = Blueprint("mail_pages", __name__, url_prefix=HOME)

A_PAGE = 25
FILTERS = ("event", "state", "kind", "reason", "q")
KINDS = {
    "booking_confirmed": "Tickets",
    "booking_cancelled": "Cancelled booking",
    "sale_opens": "Sale opens",
    "verify": "Confirm an address",
    "already_known": "An account already",
    "reset": "New password",
    "change_email": "New address",
    "email_changed": "Address changed",
    "password_changed": "Password changed",
    "account_closed": "Account closed",
}
OF_EVENTS = ("booking_confirmed", "booking_cancelled", "sale_opens")
STATES = {
    "pending": "Waiting",
    "sending": "Being sent",
    "sent": "Sent",
    "failed": "Failed",
    "withdrawn": "Not needed any more",
}
REASONS = {
    "mailbox_full": "Their mailbox is full",
    "refused": "Their mail server does not want it",
    "no_such_address": "There is no such address",
    "put_off": "Their mail server put it off again and again",
    "server_away": "Our mail server could not be reached",
    "gone": "What it tells of is not there any more",
    "other": "It could not be written",
}
SHOWN = ("html", "text", "headers")


@blueprint.before_request
async def for_accounts_only() -> ResponseReturnValue | None:
    return sign_in_first(request.path) if await signed_in() is None else None


@blueprint.get("")
async def desk() -> ResponseReturnValue:
    found = services()
    user = await require_organiser()
    filters = {name: request.args.get(name, "").strip() for name in FILTERS}
    scope = _scope(user, filters["event"])
    rows, following, wrong = await _letters(scope, filters)
    mine = sorted(found.catalogue.seen_to_by(user), key=lambda event: -event.id)
    event = next((event for event in mine if event.id == scope.event_id), None)
    asked = {name: value for name, value in filters.items() if value}
    numbers = await found.mail_room.frame(scope)
    return await fresh(
        "mail_desk.html",
        event=event,
        hue=hue_of(event.id) if event else None,
        events=mine,
        numbers=numbers,
        most=max(minute["sent"] for minute in numbers["minutes"]),
        bars=bars_of([minute["sent"] for minute in numbers["minutes"]]),
        letters=[_shown(row) for row in rows],
        filters=filters,
        wrong=wrong,
        here=_address(asked | ({"after": request.args["after"]} if "after" in request.args else {})),
        older=_address({**asked, "after": str(following)}) if following else None,
        newest=_address(asked) if "after" in request.args else None,
        kinds=KINDS if user.role == "admin" else {kind: KINDS[kind] for kind in OF_EVENTS},
        said=said(),
        **_words(),
    )


@blueprint.get("/<int:letter_id>")
async def one(letter_id: int) -> ResponseReturnValue:
    """A letter, its message in one of three ways."""
    found = services()
    letter = await mail_desk.letter(found.database, await require_organiser(), letter_id)
    message = await found.letter_reader.read(letter)
    shown = request.args.get("show", "")
    event = found.catalogue.find(letter.event_id) if letter.event_id else None
    return await fresh(
        "mail_letter.html",
        letter=_shown(letter),
        event=event,
        message=message and message_view(message),
        subject=str(message["Subject"]) if message else KINDS.get(letter.kind, letter.kind),
        show=shown if shown in SHOWN else SHOWN[0],
        here=f"{HOME}/{letter_id}",
        kinds=KINDS,
        said=said(),
        **_words(),
    )


@blueprint.get("/<int:letter_id>/html")
async def html(letter_id: int) -> ResponseReturnValue:
    """The message as a mail reader shows it, for a frame: no script runs, nothing is loaded."""
    found = services()
    letter = await mail_desk.letter(found.database, await require_organiser(), letter_id)
    message = await found.letter_reader.read(letter)
    body = message_view(message)["html"] if message else None
    if body is None:
        raise Refusal("not_found", "This letter has no such part.")
    headers = {"Content-Security-Policy": MAIL_POLICY, "Cache-Control": "no-store"}
    # Pictures as text are a third longer than they need be. Nothing of what was asked is in it.
    return await compressed(Response(body, content_type="text/html; charset=utf-8", headers=headers))


@blueprint.post("/<int:letter_id>/retry")
async def retry(letter_id: int) -> ResponseReturnValue:
    return await _again(letter_id, mail_desk.retry, "It is tried again now.")


@blueprint.post("/<int:letter_id>/resend")
async def resend(letter_id: int) -> ResponseReturnValue:
    return await _again(letter_id, send_once_more, "It is sent once more now.")


@blueprint.post("/retry")
async def retry_all() -> ResponseReturnValue:
    found = services()
    user = await require_organiser()
    form = await request.form
    given = {name: form.get(name, "") for name in ("kind", "reason") if form.get(name)}
    scope = _scope(user, form.get("event", ""))
    try:
        ask = RetryAsk.model_validate(given)
    except ValidationError:
        return _back(await request.form, wrong="There is no such kind of letter. Nothing was changed.")
    count, more = await mail_desk.retry_all(found.database, scope, ask.wanted)
    some = " There are more: press it again." if more else ""
    if not count:
        return _back(form, fine="No letter had failed any more. Nothing was changed.")
    letters = "1 letter is" if count == 1 else f"{count:,} letters are"
    return _back(form, fine=f"{letters} tried again now.{some}")


async def _again(letter_id: int, act: Any, fine: str) -> ResponseReturnValue:
    found = services()
    user = await require_organiser()
    form = await request.form
    try:
        await act(found.database, user, letter_id)
    except Refusal as refusal:
        if refusal.code == "not_found":
            raise
        return _back(form, wrong=refusal.detail)
    return _back(form, fine=fine)


def _scope(user: User, event: str) -> Scope:
    return scope_of(services(), user, asked_number(event) if event else None)


async def _letters(scope: Scope, filters: dict[str, str]) -> tuple[list[Any], int | None, str]:
    """A page of letters, where the next begins, and what is wrong with what was looked for."""
    given = {name: value for name, value in filters.items() if value and name != "event"}
    if "after" in request.args:
        given["after"] = request.args["after"]
    try:
        query = LettersQuery.model_validate(given)
    except ValidationError:
        return [], None, "That cannot be looked for. Nothing was changed; clear the filters and try again."
    if query.q and len(query.q) < mail_desk.LEAST_SEARCHED and not query.q.isdecimal():
        return [], None, f"Type at least {mail_desk.LEAST_SEARCHED} characters of an address."
    rows = await mail_desk.letters(services().database, scope, query.wanted, query.after, A_PAGE + 1)
    return rows[:A_PAGE], rows[A_PAGE - 1].id if len(rows) > A_PAGE else None, ""


def _back(form: Any, *, wrong: str = "", fine: str = "") -> ResponseReturnValue:
    """To the page the form stood on, with its filters."""
    path, _, query = safe_path(form.get("back", "")).partition("?")
    ours = path == HOME or path.startswith(f"{HOME}/")
    kept = dict(parse_qsl(query)) if ours else {}
    for ours_to_say in ("said", "wrong", "fine"):
        kept.pop(ours_to_say, None)
    return onward(path if ours else HOME, wrong=wrong, fine=fine, **kept)


def bars_of(sent: list[int]) -> str:
    """A bar a minute, the newest last, in a picture of 300 by 80. As drawBars in js/mail-desk.js."""
    top = max(1, *sent)
    return "".join(
        f"M{number * 5 + 2.5} 80V{80 - 76 * letters / top:.1f}"
        for number, letters in enumerate(sent)
        if letters
    )


def _shown(letter: DeskLetter) -> dict[str, Any]:
    """The letter as the API tells it, with real times."""
    times = {name: getattr(letter, name) for name in ("created_at", "due_at", "sent_at")}
    return {**view(letter), **times}


def _address(asked: dict[str, str]) -> str:
    return f"{HOME}?{urlencode(asked)}" if asked else HOME


def _words() -> dict[str, Any]:
    return {"states": STATES, "reasons": REASONS}
