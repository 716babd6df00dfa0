"""The mailbox of embedded mode: what its mail server received, to be read in the browser."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from quart import Blueprint, Response, render_template, url_for
from quart.typing import ResponseReturnValue

from ticketflow.domain import Refusal
from ticketflow.mail.html_page import html_page
from ticketflow.web.services import services

blueprint = Blueprint("mailbox", __name__, url_prefix="/mailbox")

MOST_SHOWN = 200
# A mail brings its own styles, and nothing else of it may run or load.
MAIL_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"


@blueprint.get("")
async def every() -> ResponseReturnValue:
    """What has arrived, the newest first."""
    files = sorted(_files().values(), key=lambda file: file.stat().st_mtime, reverse=True)
    messages = [_view(file.name) for file in files[:MOST_SHOWN]]
    return await render_template("mailbox.html", messages=messages)


@blueprint.get("/<key>")
async def one(key: str) -> ResponseReturnValue:
    html_url = url_for("mailbox.html", key=key)
    return await render_template("message.html", message={**_view(key), "html_url": html_url})


@blueprint.get("/<key>/html")
async def html(key: str) -> ResponseReturnValue:
    """The message as a mail reader shows it."""
    page = html_page(_message(key))
    if page is None:
        raise Refusal("not_found", "This message has no such part.")
    headers = {"Content-Security-Policy": MAIL_POLICY}
    return Response(page, content_type="text/html; charset=utf-8", headers=headers)


def _files() -> dict[str, Path]:
    """The received messages by name: a Maildir's new and seen ones."""
    path = services().mailbox
    if path is None:
        raise Refusal("not_found", "There is no mailbox here.")
    return {file.name: file for folder in ("new", "cur") for file in (path / folder).glob("*")}


def _message(key: str) -> EmailMessage:
    file = _files().get(key)
    if file is None:
        raise Refusal("not_found", "There is no such message.")
    return message_from_bytes(file.read_bytes(), policy=policy.default)


def _view(key: str) -> dict[str, Any]:
    message = _message(key)
    text = message.get_body(("plain",))
    return {
        "key": key,
        "to": str(message["To"]),
        "subject": str(message["Subject"]),
        "at": _when(message),
        "text": text.get_content() if text else "",
    }


def _when(message: EmailMessage) -> datetime:
    try:
        return parsedate_to_datetime(str(message["Date"])).astimezone(UTC)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
