"""The API of those who run the house: accounts and their roles. By session only, no token does this."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from quart import Blueprint
from quart.typing import ResponseReturnValue
from quart_schema import validate_querystring, validate_request

from ticketflow.domain import Role, User
from ticketflow.store import audit, roles
from ticketflow.web.account_asks import Given
from ticketflow.web.asks import Ask, Email
from ticketflow.web.services import services
from ticketflow.web.session import require_admin

blueprint = Blueprint("admin", __name__, url_prefix="/api/admin")


class AccountsQuery(BaseModel):
    """Which accounts to look for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    email: Email


class RoleAsk(Ask):
    """The role to give; it takes the admin's own password."""

    # JSON has no such type: the word comes as text.
    role: Annotated[Role, Field(strict=False)]
    current_password: Given


@blueprint.get("/accounts")
@validate_querystring(AccountsQuery)
async def accounts(query_args: AccountsQuery) -> ResponseReturnValue:
    """The open accounts that name an address, the one that has proven it first."""
    found = services()
    admin = await require_admin()
    listed = await roles.claiming(found.database, query_args.email)
    # Who was looked at, not by which words: a row of the log outlives the account and its address.
    looked = {"accounts": [user.id for user in listed]}
    await audit.record(found.database, actor_id=admin.id, event_id=None, action="account.look", after=looked)
    return [_view(user) for user in listed]


@blueprint.patch("/accounts/<int:account_id>")
@validate_request(RoleAsk)
async def change(account_id: int, data: RoleAsk) -> ResponseReturnValue:
    """Give an account another role; it acts at once, also on what it has open."""
    found = services()
    admin = await require_admin()
    # Who comes upon an open session must not be able to make more admins.
    await found.accounts.confirm(admin, data.current_password)
    await roles.change(found.database, account_id, data.role, actor_id=admin.id)
    await found.hub.sessions.role_changed(account_id)
    user = await found.users.find(account_id)
    return _view(user) if user else {"id": account_id, "role": data.role.value}


def _view(user: User) -> dict[str, Any]:
    return {
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "verified": user.verified,
        "role": user.role.value,
    }
