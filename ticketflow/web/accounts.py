"""Accounts over the API: register, sign in, sign out, who am I."""

from http import HTTPStatus

from quart import Blueprint, Response
from quart.typing import ResponseReturnValue
from quart_rate_limiter import rate_limit
from quart_schema import validate_request

from ticketflow.domain import Refusal, Role, User
from ticketflow.settings import Settings
from ticketflow.store import users
from ticketflow.web.asks import Credentials, Register
from ticketflow.web.limits import sign_in_limit
from ticketflow.web.newcomers import forget_places
from ticketflow.web.services import Services, services
from ticketflow.web.session import begin_session, end_session, require_user

WRONG = "The address or the password is not right."


async def register(found: Services, ask: Register, role: Role = Role.FAN) -> User:
    """Make an account and sign it in. Raises `Refusal` email_taken."""
    password_hash = await found.passwords.hash(ask.password)
    user = await users.create(
        found.database, name=ask.name, email=ask.email, password_hash=password_hash, role=role
    )
    await begin_session(user.id)
    return user


async def sign_in(found: Services, ask: Credentials) -> User:
    """Sign an account in. Raises what `recognised` raises."""
    user = await recognised(found, ask)
    await begin_session(user.id)
    return user


async def recognised(found: Services, ask: Credentials) -> User:
    """The account of that address and password. Raises `Refusal` wrong_credentials, which does not say what
    was wrong."""
    known = await users.by_email(found.database, ask.email)
    if not await found.passwords.verify(known and known[1], ask.password) or known is None:
        raise Refusal("wrong_credentials", WRONG)
    return known[0]


def accounts_blueprint(settings: Settings) -> Blueprint:
    """The account's routes under /api."""
    blueprint = Blueprint("accounts", __name__, url_prefix="/api")
    limited = rate_limit(limits=[sign_in_limit(settings)])

    @blueprint.post("/register")
    @limited
    @validate_request(Register)
    async def register_route(data: Register) -> ResponseReturnValue:
        """Make an account; it is signed in from here on."""
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
        await end_session()
        response = Response(status=HTTPStatus.NO_CONTENT)
        forget_places(services(), response)
        return response

    @blueprint.get("/me")
    async def me_route() -> ResponseReturnValue:
        """The account that is signed in."""
        return account_view(await require_user())

    return blueprint


def account_view(user: User) -> dict[str, str | int]:
    """The contract's account."""
    return {"id": user.id, "name": user.name, "email": user.email}
