"""The page about oneself: the account, its look, its devices and data, and the way out.

Each form has a route of its own. What went well ends in a redirect, with words for the page in its address;
what did not is answered with the page itself, so that what was typed is still there.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from pydantic import ValidationError
from quart import Blueprint, Response
from quart.typing import ResponseReturnValue
from quart_rate_limiter import rate_limit

from ticketflow.domain import Refusal, User
from ticketflow.settings import Settings
from ticketflow.store import mail_links, users
from ticketflow.store.tokens import Token
from ticketflow.web import account_forms as forms
from ticketflow.web.accounts import EXPORT_NAME, came_from, let_in
from ticketflow.web.asks import Ask
from ticketflow.web.limits import own_forms_limit
from ticketflow.web.newcomers import forget_places
from ticketflow.web.paging import fresh, onward, safe_path, said, sign_in_first
from ticketflow.web.problems import STATUS
from ticketflow.web.services import services
from ticketflow.web.session import end_session, signed_in

AskT = TypeVar("AskT", bound=Ask)
Done = Awaitable[ResponseReturnValue]
HOME = "/profile"
_AGAIN = "A mail is on its way to {email}. Open the link in it."
_CLOSED = "Your account is closed. Nothing with your name or address is left in it."


def profile_blueprint(settings: Settings) -> Blueprint:
    """The profile and its forms; an account may send so many, wherever it is."""
    blueprint = Blueprint("profile", __name__)
    limited = rate_limit(limits=[own_forms_limit(settings)])

    @blueprint.get(HOME)
    async def profile() -> ResponseReturnValue:
        user = await signed_in()
        return sign_in_first(HOME) if user is None else await _page(user)

    def form(part: str, kind: type[AskT], act: Callable[[User, AskT], Done]) -> None:
        """Route a part's form to what it does."""

        async def post() -> ResponseReturnValue:
            return await _answer(part, kind, act)

        blueprint.add_url_rule(f"{HOME}/{part}", part, limited(post), methods=["POST"])

    form("name", forms.NameForm, _rename)
    form("email", forms.EmailForm, _change_email)
    form("password", forms.PasswordForm, _change_password)
    form("look", forms.LookForm, _set_look)
    form("sessions", Ask, _end_sessions)
    form("verification", Ask, _send_verification)
    form("data", forms.ConfirmForm, _export)
    form("close", forms.ConfirmForm, _close)
    return blueprint


async def _answer(part: str, kind: type[AskT], act: Callable[[User, AskT], Done]) -> ResponseReturnValue:
    """Do what the part's form asks, or show the page with what is wrong."""
    user = await signed_in()
    if user is None:
        return sign_in_first(HOME)
    sent = await forms.sent()
    try:
        return await act(user, forms.read(kind, sent))
    except ValidationError as error:
        return await _page(user, part, sent, forms.told(error), 422)
    except Refusal as refusal:
        return await _page(
            user,
            part,
            sent,
            forms.told_of(refusal),
            STATUS[refusal.code],
            ahead=refusal.extra.get("bookings"),
        )


def _back(part: str, fine: str, page: str = HOME) -> ResponseReturnValue:
    """To the part of the page, with words of what was done."""
    response = onward(page, fine=fine)
    response.headers["Location"] += f"#{part}"
    return response


async def _rename(user: User, ask: forms.NameForm) -> ResponseReturnValue:
    renamed = await services().accounts.rename(user, ask.name)
    return _back("name", f"You are called {renamed.name} from here on.")


async def _change_email(user: User, ask: forms.EmailForm) -> ResponseReturnValue:
    found = services()
    await found.accounts.change_email(user, ask.email, ask.current_password, address=came_from(found))
    return _back("email", _AGAIN.format(email=ask.email) + " Until then your address stays as it is.")


async def _change_password(user: User, ask: forms.PasswordForm) -> ResponseReturnValue:
    found = services()
    had = await found.tokens.of(user)
    await let_in(found, await found.accounts.change_password(user, ask.current_password, ask.password))
    return _back("password", f"Your new password is set. {_out_but_here(had)}")


async def _set_look(user: User, ask: forms.LookForm) -> ResponseReturnValue:
    await services().accounts.set_theme(user, ask.theme)
    return _back("look", "Your pages look like this on all your devices.")


async def _end_sessions(user: User, _: Ask) -> ResponseReturnValue:
    found = services()
    had = await found.tokens.of(user)
    await let_in(found, await found.accounts.end_sessions(user))
    return _back("devices", _out_but_here(had))


def _out_but_here(had: Sequence[Token]) -> str:
    return "Everywhere but here you are signed out." + (" Your tokens have ended." if had else "")


async def _send_verification(user: User, _: Ask) -> ResponseReturnValue:
    """From the profile or from my tickets, which the form names."""
    page = safe_path((await forms.sent()).get("next", "")) or HOME
    if user.verified:
        return onward(page, fine="Your address is confirmed already.")
    found = services()
    await found.accounts.send_verification(user, address=came_from(found))
    return onward(page, fine=_AGAIN.format(email=user.email))


async def _export(user: User, ask: forms.ConfirmForm) -> ResponseReturnValue:
    data = await services().accounts.export(user, ask.current_password)
    return Response(
        json.dumps(data, indent=2, ensure_ascii=False, default=str),
        content_type="application/json",
        headers={
            "Content-Disposition": f'attachment; filename="{EXPORT_NAME}"',
            "Cache-Control": "no-store",
        },
    )


async def _close(user: User, ask: forms.ConfirmForm) -> ResponseReturnValue:
    await services().accounts.close(user, ask.current_password)
    await end_session()
    response = onward("/signin", fine=_CLOSED)
    forget_places(services(), response)  # type: ignore[arg-type]
    return response


async def _page(
    user: User,
    part: str = "",
    sent: dict[str, str] | None = None,
    problems: forms.Told | None = None,
    status: int = 200,
    *,
    ahead: list[dict[str, str]] | None = None,
) -> Response:
    """The page; with what is wrong in one part of it."""
    found = services()
    page = await fresh(
        "profile.html",
        since=await users.member_since(found.database, user.id),
        pending=await mail_links.pending_change(found.database, user.id),
        tokens=len(await found.tokens.of(user)),
        looks=forms.LOOKS,
        forms={part: forms.kept(sent or {})},
        problems={part: problems or {}},
        ahead=ahead or [],
        said=said(),
        **forms.WORDS,
    )
    page.status_code = status
    return page
