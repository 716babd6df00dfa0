"""The page of an account's tokens: what may act for it, made and revoked."""

from pydantic import ValidationError
from quart import Blueprint, Response, request
from quart.typing import ResponseReturnValue
from quart_rate_limiter import rate_limit

from ticketflow.accounts.tokens import MOST_DAYS, USUAL_DAYS
from ticketflow.domain import ABILITIES_OF, Refusal, User, now
from ticketflow.settings import Settings
from ticketflow.web import account_forms as forms
from ticketflow.web.choice import whole_number
from ticketflow.web.limits import own_forms_limit
from ticketflow.web.paging import fresh, onward, said, sign_in_first
from ticketflow.web.problems import STATUS
from ticketflow.web.services import services
from ticketflow.web.session import signed_in
from ticketflow.web.tokens import TokenAsk, confirmed

HOME = "/profile/tokens"
LIVES = (7, 30, USUAL_DAYS, MOST_DAYS)
"""Days that the form offers."""


def token_pages_blueprint(settings: Settings) -> Blueprint:
    """The list, the form, and the way to revoke one."""
    blueprint = Blueprint("token_pages", __name__)

    @blueprint.get(HOME)
    async def tokens() -> ResponseReturnValue:
        user = await signed_in()
        return sign_in_first(HOME) if user is None else await _page(user)

    @blueprint.post(HOME)
    @rate_limit(limits=[own_forms_limit(settings)])
    async def create() -> ResponseReturnValue:
        """Make a token and show it. No redirect: what it says stands in this one answer and nowhere else."""
        user = await signed_in()
        if user is None:
            return sign_in_first(HOME)
        form = await request.form
        sent = {name: form.get(name, "") for name in ("name", "expires_in_days", "current_password")}
        chosen = form.getlist("abilities")
        days = whole_number(sent["expires_in_days"]) or 0
        try:
            ask = TokenAsk.model_validate({**sent, "abilities": chosen, "expires_in_days": days})
            await confirmed(user, ask.current_password)
            token, secret = await services().tokens.create(user, ask.name, ask.abilities, ask.expires_in_days)
        except ValidationError as error:
            return await _page(user, sent, chosen, forms.told(error), status=422)
        except Refusal as refusal:
            return await _page(user, sent, chosen, forms.told_of(refusal), status=STATUS[refusal.code])
        return await _page(user, made={"name": token.name, "secret": secret}, status=201)

    @blueprint.post(f"{HOME}/<int:token_id>/revoke")
    async def revoke(token_id: int) -> ResponseReturnValue:
        user = await signed_in()
        if user is None:
            return sign_in_first(HOME)
        try:
            await services().tokens.revoke(user, token_id)
        except Refusal as refusal:
            return onward(HOME, wrong=refusal.detail)
        return onward(HOME, fine="The token is revoked. What used it is out from this moment.")

    return blueprint


async def _page(
    user: User,
    sent: dict[str, str] | None = None,
    chosen: list[str] | None = None,
    problems: forms.Told | None = None,
    *,
    made: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    allowed = ABILITIES_OF[user.role]
    page = await fresh(
        "tokens.html",
        tokens=await services().tokens.of(user),
        at=now(),
        abilities=[ability for ability in ("read", "book", "organise") if ability in allowed],
        lives=LIVES,
        usual=USUAL_DAYS,
        form=forms.kept(sent or {}),
        chosen=chosen,
        problems=problems or {},
        made=made,
        said=said(),
        **forms.WORDS,
    )
    page.status_code = status
    return page
