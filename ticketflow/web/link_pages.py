"""A forgotten password, and what the links in our letters lead to.

Mail programs open links by themselves, so a GET uses nothing up: it shows a button, and the press does it.
"""

from collections.abc import Callable
from typing import Any

from pydantic import ValidationError
from quart import Blueprint, Response, request
from quart.typing import ResponseReturnValue
from quart_rate_limiter import rate_limit

from ticketflow.domain import Refusal
from ticketflow.settings import Settings
from ticketflow.web.account_forms import (
    WORDS,
    ForgotForm,
    LinkForm,
    ResetForm,
    Told,
    kept,
    read,
    sent,
    told,
    told_of,
)
from ticketflow.web.accounts import came_from, let_in
from ticketflow.web.limits import sign_in_limit
from ticketflow.web.paging import fresh, onward, said
from ticketflow.web.problems import STATUS
from ticketflow.web.services import services

Limited = Callable[[Callable[[], Any]], Callable[[], Any]]
"""Counts how often an address asks for a route."""

RESET_MINUTES = 30
_ON_ITS_WAY = (
    f"If there is an account for {{email}}, a mail is on its way. The link works for {RESET_MINUTES} minutes."
)
_IS_SET = "Your new password is set, and you are signed in. Everywhere else you are signed out."
_CONFIRMED = "Your address is confirmed."


def link_pages_blueprint(settings: Settings) -> Blueprint:
    """The pages of letters' links."""
    blueprint = Blueprint("link_pages", __name__)
    limited = rate_limit(limits=[sign_in_limit(settings)])
    _forgotten(blueprint, limited)
    _reset(blueprint, limited)
    _verify(blueprint, limited)
    return blueprint


def _forgotten(blueprint: Blueprint, limited: Limited) -> None:
    @blueprint.get("/forgot")
    async def forgot_page() -> ResponseReturnValue:
        return await _page("forgot.html", {}, {})

    @blueprint.post("/forgot")
    @limited
    async def forgot() -> ResponseReturnValue:
        """The same words for every address: whether there is an account is told to its mailbox only."""
        form = await sent()
        try:
            email = read(ForgotForm, form).email
            found = services()
            await found.accounts.ask_reset(email, address=came_from(found))
        except ValidationError as error:
            return await _page("forgot.html", form, told(error), 422)
        except Refusal as refusal:
            return await _refused("forgot.html", form, refusal)
        return onward("/forgot", fine=_ON_ITS_WAY.format(email=email))


def _reset(blueprint: Blueprint, limited: Limited) -> None:
    @blueprint.get("/reset")
    async def reset_page() -> ResponseReturnValue:
        return await _page("reset.html", {}, {}, token=request.args.get("token", ""))

    @blueprint.post("/reset")
    @limited
    async def reset() -> ResponseReturnValue:
        """Set the password; whoever read the letter is signed in."""
        form, found = await sent(), services()
        token = form.get("token", "")
        try:
            ask = read(ResetForm, form)
            await let_in(found, await found.accounts.reset(ask.token, ask.password))
        except ValidationError as error:
            return await _page("reset.html", form, told(error), 422, token=token)
        except Refusal as refusal:
            return await _refused("reset.html", form, refusal, token)
        return onward("/profile", fine=_IS_SET)


def _verify(blueprint: Blueprint, limited: Limited) -> None:
    @blueprint.get("/verify")
    async def verify_page() -> ResponseReturnValue:
        return await _page("verify.html", {}, {}, token=request.args.get("token", ""))

    @blueprint.post("/verify")
    @limited
    async def verify() -> ResponseReturnValue:
        form = await sent()
        try:
            await services().accounts.verify(read(LinkForm, form).token)
        except ValidationError:
            return await _page("verify.html", form, {}, 410, gone=True)
        except Refusal as refusal:
            return await _refused("verify.html", form, refusal, form.get("token", ""))
        return onward("/verify", fine=_CONFIRMED)


async def _refused(template: str, form: dict[str, str], refusal: Refusal, token: str = "") -> Response:
    """The page again with what was refused; of a link that is used up or too old, the way to a new one."""
    gone = refusal.code == "link_gone"
    return await _page(template, form, told_of(refusal), STATUS[refusal.code], token=token, gone=gone)


async def _page(
    template: str, form: dict[str, str], problems: Told, status: int = 200, **more: Any
) -> Response:
    page = await fresh(template, form=kept(form), problems=problems, said=said(), **WORDS, **more)
    page.status_code = status
    return page
