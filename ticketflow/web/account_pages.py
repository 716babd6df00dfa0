"""The pages to sign in, register and sign out. They work without scripts."""

import re
from typing import Any

from pydantic import ValidationError
from quart import Blueprint, redirect, render_template, request
from quart.typing import ResponseReturnValue
from quart_rate_limiter import rate_limit

from ticketflow.domain import Refusal
from ticketflow.settings import Settings
from ticketflow.showing import show_event
from ticketflow.web import accounts
from ticketflow.web.account_forms import WORDS, Told, kept, read, sent, told, told_of
from ticketflow.web.asks import Credentials, Register
from ticketflow.web.limits import sign_in_limit
from ticketflow.web.logs import tell_refusal
from ticketflow.web.newcomers import forget_places
from ticketflow.web.paging import safe_path, said
from ticketflow.web.problems import STATUS
from ticketflow.web.services import services
from ticketflow.web.session import end_session


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
        form = await sent()
        try:
            await accounts.sign_in(services(), read(Credentials, form))
        except ValidationError:
            return await _form("signin.html", form, {"": accounts.WRONG}, 401)
        except Refusal as refusal:
            tell_refusal(refusal.code)
            return await _form("signin.html", form, {"": refusal.detail}, STATUS[refusal.code])
        return redirect(_next(form), 303)

    @blueprint.get("/register")
    async def register_page() -> ResponseReturnValue:
        return await _form("register.html", {}, {}, 200)

    @blueprint.post("/register")
    @limited
    async def register() -> ResponseReturnValue:
        form = await sent()
        try:
            await accounts.register(services(), read(Register, form))
        except ValidationError as error:
            return await _form("register.html", form, told(error), 422)
        except Refusal as refusal:
            return await _form("register.html", form, told_of(refusal), STATUS[refusal.code])
        return redirect(_next(form), 303)

    @blueprint.post("/signout")
    async def sign_out() -> ResponseReturnValue:
        await end_session()
        response = redirect("/", 303)
        forget_places(services(), response)  # type: ignore[arg-type]
        return response

    return blueprint


async def _form(template: str, form: dict[str, str], problems: Told, status: int) -> ResponseReturnValue:
    onward = safe_path(form.get("next") or request.args.get("next", ""))
    page = await render_template(
        template,
        form=kept(form),
        problems=problems,
        **WORDS,
        said=said(),
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
