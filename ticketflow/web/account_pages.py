"""The pages to sign in, register and sign out. They work without scripts."""

import re
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from quart import Blueprint, redirect, render_template, request
from quart.typing import ResponseReturnValue
from quart_rate_limiter import rate_limit

from ticketflow.domain import Refusal
from ticketflow.settings import Settings
from ticketflow.showing import show_event
from ticketflow.web import accounts
from ticketflow.web.asks import (
    LEAST_PASSWORD,
    MOST_EMAIL,
    MOST_NAME,
    MOST_PASSWORD,
    Credentials,
    Register,
)
from ticketflow.web.limits import sign_in_limit
from ticketflow.web.newcomers import forget_places
from ticketflow.web.problems import STATUS
from ticketflow.web.services import services
from ticketflow.web.session import end_session

AskT = TypeVar("AskT", bound=BaseModel)

_HINTS = {
    "name": "Please say what to call you.",
    "email": "That does not look like an e-mail address.",
    "password": f"A password has {LEAST_PASSWORD} to {MOST_PASSWORD} characters.",
}
"""What is wrong with a field, by its name: said by the server, and by form.js before it is asked."""

_MOST = {"name": MOST_NAME, "email": MOST_EMAIL, "password": MOST_PASSWORD}
_TOO_LONG = {
    "name": f"A name has at most {MOST_NAME} characters.",
    "email": f"An address has at most {MOST_EMAIL} characters.",
    "password": _HINTS["password"],
}
_UNSHOWABLE = "A name has only characters that can be shown."


def account_pages_blueprint(settings: Settings) -> Blueprint:
    """The account's pages."""
    blueprint = Blueprint("account_pages", __name__)
    limited = rate_limit(limits=[sign_in_limit(settings)])

    @blueprint.get("/signin")
    async def sign_in_page() -> ResponseReturnValue:
        return await _form("signin.html", {}, {}, 200)

    @blueprint.post("/signin")
    @limited
    async def sign_in() -> ResponseReturnValue:
        form = dict(await request.form)
        try:
            await accounts.sign_in(services(), _read(Credentials, form))
        except ValidationError:
            return await _form("signin.html", form, {"": accounts.WRONG}, 401)
        except Refusal as refusal:
            return await _form("signin.html", form, {"": refusal.detail}, STATUS[refusal.code])
        return redirect(_next(form), 303)

    @blueprint.get("/register")
    async def register_page() -> ResponseReturnValue:
        return await _form("register.html", {}, {}, 200)

    @blueprint.post("/register")
    @limited
    async def register() -> ResponseReturnValue:
        form = dict(await request.form)
        try:
            await accounts.register(services(), _read(Register, form))
        except ValidationError as error:
            return await _form("register.html", form, _told(error), 422)
        except Refusal as refusal:
            field = "password" if refusal.code == "invalid_request" else "email"
            return await _form("register.html", form, {field: refusal.detail}, STATUS[refusal.code])
        return redirect(_next(form), 303)

    @blueprint.post("/signout")
    async def sign_out() -> ResponseReturnValue:
        await end_session()
        response = redirect("/", 303)
        forget_places(services(), response)  # type: ignore[arg-type]
        return response

    return blueprint


def _read(kind: type[AskT], form: dict[str, str]) -> AskT:
    return kind.model_validate({name: form.get(name, "") for name in kind.model_fields})


def _told(error: ValidationError) -> dict[str, str]:
    """What is wrong with each field, by its name, in our words."""
    told = {}
    for fault in error.errors():
        field, kind = str(fault["loc"][0]), fault["type"]
        told[field] = _HINTS.get(field, "")
        if kind.endswith("too_long"):
            told[field] = _TOO_LONG[field]
        elif field == "name" and kind == "value_error":
            told[field] = _UNSHOWABLE
    return told


async def _form(
    template: str, form: dict[str, str], problems: dict[str, str], status: int
) -> ResponseReturnValue:
    kept = {name: value for name, value in form.items() if name != "password"}
    onward = safe_path(form.get("next") or request.args.get("next", ""))
    page = await render_template(
        template,
        form=kept,
        problems=problems,
        wrong=_HINTS,
        long=_TOO_LONG,
        most=_MOST,
        password_least=LEAST_PASSWORD,
        next=onward,
        event=_event_of(onward),
    )
    return page, status


def _event_of(path: str) -> dict[str, Any] | None:
    """The event that somebody is on the way to, so that the form can say so."""
    slug = re.match(r"/events/([^/?#]+)", path)
    try:
        event = services().catalogue.event_of_slug(slug[1]) if slug else None
    except Refusal:
        return None
    return show_event(event, services().catalogue.public(event)) if event else None


def _next(form: dict[str, str]) -> str:
    return safe_path(form.get("next", "")) or "/"


def safe_path(path: str) -> str:
    """The path if it leads to a page of this site, else "". Browsers take "//x" and "/\\x" for a host."""
    inside = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if inside else ""
