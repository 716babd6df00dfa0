"""Accounts over the API: made, signed in to, proven, found again, changed, read and closed."""

from http import HTTPStatus
from typing import Any

from quart import Blueprint, Response, jsonify
from quart.typing import ResponseReturnValue
from quart_rate_limiter import rate_limit
from quart_schema import validate_request

from ticketflow.accounts.accounts import WRONG
from ticketflow.domain import User
from ticketflow.settings import Settings
from ticketflow.web.account_asks import ChangeMe, Confirmed, Forgotten, Reset, UseLink
from ticketflow.web.asks import Credentials, Register
from ticketflow.web.devices import device, remember_device
from ticketflow.web.limits import client_address, own_forms_limit, sign_in_limit
from ticketflow.web.logs import security
from ticketflow.web.newcomers import forget_places
from ticketflow.web.services import Services, services
from ticketflow.web.session import begin_session, end_session, require_user

__all__ = ["WRONG", "account_view", "accounts_blueprint", "register", "sign_in"]

EXPORT_NAME = "ticketflow-account.json"


async def register(found: Services, ask: Register) -> User:
    """Make an account and sign it in. Raises what `Accounts.register` raises."""
    here = came_from(found)
    return await let_in(found, await found.accounts.register(ask.name, ask.email, ask.password, address=here))


async def sign_in(found: Services, ask: Credentials) -> User:
    """Sign an account in. Raises what `recognised` raises."""
    return await let_in(found, await recognised(found, ask))


async def recognised(found: Services, ask: Credentials) -> User:
    """The account of that address and password. Raises `Refusal` wrong_credentials, which does not say what
    was wrong, and too_many_requests."""
    return await found.accounts.sign_in(
        ask.email,
        ask.password,
        device=device(found.settings),
        address=came_from(found),
    )


def came_from(found: Services) -> str:
    """The address of who asks."""
    return client_address(found.settings.proxy_hops)


async def let_in(found: Services, user: User) -> User:
    """Begin a session of the account in this browser, which is known to it from here on."""
    await begin_session(user)
    remember_device(found.settings, user)
    security.info("signed_in", extra={"account": user.id})
    return user


async def let_out(found: Services) -> Response:
    """End the session of this browser, and take its places from it."""
    await end_session()
    response = Response(status=HTTPStatus.NO_CONTENT)
    forget_places(found, response)
    return response


def accounts_blueprint(settings: Settings) -> Blueprint:
    """The account's routes under /api."""
    blueprint = Blueprint("accounts", __name__, url_prefix="/api")
    _ways_in(blueprint, settings)
    _ways_back(blueprint, settings)
    _oneself(blueprint, settings)
    return blueprint


def _ways_in(blueprint: Blueprint, settings: Settings) -> None:
    limited = rate_limit(limits=[sign_in_limit(settings)])

    @blueprint.post("/register")
    @limited
    @validate_request(Register)
    async def register_route(data: Register) -> ResponseReturnValue:
        """Make an account; it is signed in from here on. A letter goes to its address, to prove it."""
        return account_view(await register(services(), data)), HTTPStatus.CREATED

    @blueprint.post("/login")
    @limited
    @validate_request(Credentials)
    async def sign_in_route(data: Credentials) -> ResponseReturnValue:
        """Sign in."""
        return account_view(await sign_in(services(), data))

    @blueprint.post("/logout")
    async def sign_out_route() -> ResponseReturnValue:
        """Sign out, here."""
        return await let_out(services())

    @blueprint.delete("/me/sessions")
    async def sign_out_everywhere_route() -> ResponseReturnValue:
        """Sign out on every device, this one too. All tokens end as well."""
        found = services()
        await found.accounts.end_sessions(await require_user())
        return await let_out(found)


def _ways_back(blueprint: Blueprint, settings: Settings) -> None:
    limited = rate_limit(limits=[sign_in_limit(settings)])

    @blueprint.post("/password/forgotten")
    @limited
    @validate_request(Forgotten)
    async def forgotten_route(data: Forgotten) -> ResponseReturnValue:
        """Send a link to set a new password. The answer is the same whether there is an account or not."""
        found = services()
        await found.accounts.ask_reset(data.email, address=came_from(found))
        return {"email": data.email}, HTTPStatus.ACCEPTED

    @blueprint.post("/password/reset")
    @limited
    @validate_request(Reset)
    async def reset_route(data: Reset) -> ResponseReturnValue:
        """Set a new password by the link of a letter; signed in from here on."""
        found = services()
        return account_view(await let_in(found, await found.accounts.reset(data.token, data.password)))

    @blueprint.post("/verify")
    @limited
    @validate_request(UseLink)
    async def verify_route(data: UseLink) -> ResponseReturnValue:
        """Prove an address by the link of a letter; that of a new account, or a new one of an account."""
        return account_view(await services().accounts.verify(data.token))

    @blueprint.post("/me/verification")
    @rate_limit(limits=[own_forms_limit(settings)])
    async def verification_route() -> ResponseReturnValue:
        """Send the letter once more that proves the address."""
        user, found = await require_user(), services()
        await found.accounts.send_verification(user, address=came_from(found))
        return {"email": user.email}, HTTPStatus.ACCEPTED


def _oneself(blueprint: Blueprint, settings: Settings) -> None:
    limited = rate_limit(limits=[own_forms_limit(settings)])

    @blueprint.get("/me")
    async def me_route() -> ResponseReturnValue:
        """The account that is signed in."""
        return account_view(await require_user())

    @blueprint.patch("/me")
    @limited
    @validate_request(ChangeMe)
    async def change_route(data: ChangeMe) -> ResponseReturnValue:
        """Change the account. A new address is its own once the link in the letter sent there is used; a new
        password signs out every other device and ends all tokens."""
        user = await change(services(), await require_user(), data)
        if data.email is None:
            return account_view(user)
        return {**account_view(user), "email_pending": data.email}, HTTPStatus.ACCEPTED

    @blueprint.delete("/me")
    @limited
    @validate_request(Confirmed)
    async def close_route(data: Confirmed) -> ResponseReturnValue:
        """Close the account for good. What the books need of past bookings stays, without a name."""
        found = services()
        await found.accounts.close(await require_user(), data.current_password)
        return await let_out(found)

    @blueprint.post("/me/export")
    @limited
    @validate_request(Confirmed)
    async def export_route(data: Confirmed) -> ResponseReturnValue:
        """All that is kept of the account, as a file."""
        response = jsonify(await services().accounts.export(await require_user(), data.current_password))
        response.headers["Content-Disposition"] = f'attachment; filename="{EXPORT_NAME}"'
        response.headers["Cache-Control"] = "no-store"
        return response


async def change(found: Services, user: User, ask: ChangeMe) -> User:
    """What was asked of the account, what may be refused first. Raises wrong_password and others."""
    if ask.email is not None:
        given = ask.current_password or ""
        await found.accounts.change_email(user, ask.email, given, address=came_from(found))
    if ask.password is not None:
        user = await found.accounts.change_password(user, ask.current_password or "", ask.password)
        await let_in(found, user)
    if ask.name is not None:
        user = await found.accounts.rename(user, ask.name)
    if ask.theme is not None:
        user = await found.accounts.set_theme(user, ask.theme)
    return user


def account_view(user: User) -> dict[str, Any]:
    """The contract's account."""
    return {
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "verified": user.verified,
        "theme": user.theme,
        "role": user.role.value,
    }
