"""Tokens over the API: made, listed, revoked."""

from http import HTTPStatus
from typing import Annotated, Any

from pydantic import Field, model_validator
from quart import Blueprint, Response
from quart.typing import ResponseReturnValue
from quart_rate_limiter import rate_limit
from quart_schema import validate_request

from ticketflow.accounts.tokens import MOST_DAYS, USUAL_DAYS
from ticketflow.domain import Ability, Refusal, User, iso
from ticketflow.settings import Settings
from ticketflow.store.tokens import Token
from ticketflow.web.accounts import recognised
from ticketflow.web.asks import MOST_EMAIL, MOST_NAME, MOST_PASSWORD, Ask, Credentials, Line
from ticketflow.web.limits import sign_in_limit
from ticketflow.web.services import services
from ticketflow.web.session import require_user


class TokenAsk(Ask):
    """A token to make, with the password once more: `current_password` with a session. `email` and `password`
    are for who has none; they decide whose it is."""

    name: Annotated[Line, Field(max_length=MOST_NAME)]
    # JSON has no such type: the words come as text.
    abilities: (
        Annotated[list[Annotated[Ability, Field(strict=False)]], Field(min_length=1, max_length=len(Ability))]
        | None
    ) = None
    expires_in_days: Annotated[int, Field(ge=1, le=MOST_DAYS)] = USUAL_DAYS
    email: Annotated[str, Field(max_length=MOST_EMAIL)] | None = None
    password: Annotated[str, Field(max_length=MOST_PASSWORD)] | None = None
    current_password: Annotated[str, Field(min_length=1, max_length=MOST_PASSWORD)] | None = None

    @model_validator(mode="after")
    def _both_or_neither(self) -> "TokenAsk":
        if (self.email is None) != (self.password is None):
            raise ValueError("give email and password, or neither")
        return self


def tokens_blueprint(settings: Settings) -> Blueprint:
    """The routes of tokens under /api."""
    blueprint = Blueprint("tokens", __name__, url_prefix="/api/tokens")

    @blueprint.post("")
    @rate_limit(limits=[sign_in_limit(settings)])
    @validate_request(TokenAsk)
    async def create(data: TokenAsk) -> ResponseReturnValue:
        """Make a token for the account that is signed in, with its password once more; or for the one whose
        address and password come along. It is told once, and ends with the next new password and when the
        account is signed out everywhere."""
        user = await _owner(data)
        token, secret = await services().tokens.create(user, data.name, data.abilities, data.expires_in_days)
        return {**token_view(token), "token": secret}, HTTPStatus.CREATED, {"Cache-Control": "no-store"}

    @blueprint.get("")
    async def mine() -> ResponseReturnValue:
        """The account's tokens, the newest first, without what they say."""
        return [token_view(token) for token in await services().tokens.of(await require_user())]

    @blueprint.delete("/<int:token_id>")
    async def revoke(token_id: int) -> ResponseReturnValue:
        """End a token of the account's, at once and everywhere."""
        await services().tokens.revoke(await require_user(), token_id)
        return Response(status=HTTPStatus.NO_CONTENT)

    return blueprint


async def _owner(ask: TokenAsk) -> User:
    if ask.email is None or ask.password is None:
        return await confirmed(await require_user(), ask.current_password)
    return await recognised(services(), Credentials(email=ask.email, password=ask.password))


async def confirmed(user: User, current_password: str | None) -> User:
    """The user, whose password it is: who finds an open page must not be able to leave themselves a key.
    Raises `Refusal` invalid_request, wrong_password, too_many_requests."""
    if current_password is None:
        raise Refusal(
            "invalid_request",
            "Give your current_password with a new token.",
            errors=[{"field": "current_password", "problem": "Give it with a new token."}],
        )
    await services().accounts.confirm(user, current_password)
    return user


def token_view(token: Token) -> dict[str, Any]:
    """A token as its owner may see it."""
    return {
        "id": token.id,
        "name": token.name,
        "abilities": sorted(token.abilities),
        "created_at": iso(token.created_at),
        "expires_at": iso(token.expires_at),
        "last_used_at": iso(token.last_used_at) if token.last_used_at else None,
    }
