"""The page about oneself: the account, the look, and the way out."""

from quart import Blueprint, render_template, request
from quart.typing import ResponseReturnValue

from ticketflow.store import users
from ticketflow.web.paging import sign_in_first
from ticketflow.web.services import services
from ticketflow.web.session import signed_in

blueprint = Blueprint("profile", __name__)


@blueprint.get("/profile")
async def profile() -> ResponseReturnValue:
    user = await signed_in()
    if user is None:
        return sign_in_first(request.path)
    return await render_template("profile.html", since=await users.member_since(services().database, user.id))
