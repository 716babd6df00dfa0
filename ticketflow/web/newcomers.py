"""Who joins a queue: an account where the queue goes by accounts, and where each join is counted."""

import re

from quart import Response, request

from ticketflow.domain import Event, Refusal
from ticketflow.web.limits import client_address, join_sources
from ticketflow.web.services import Services
from ticketflow.web.session import account_id
from waiting_room import WaitingRoom
from waiting_room.web import Newcomer, forget_ticket


async def newcomer(found: Services, event: Event) -> Newcomer:
    """Who asks to join, in this request or websocket. Raises `Refusal` not_signed_in.

    A crowd comes at once, so nothing is asked of a database here.
    """
    account = account_id()
    sources = join_sources(found.settings, account, client_address(found.settings.proxy_hops))
    if not event.queue_needs_account:
        return Newcomer(sources=sources)
    if account is None:
        raise Refusal(
            "not_signed_in",
            "This queue is for those who are signed in. Sign in, then join: "
            "your account has one place, on all your devices.",
        )
    return Newcomer(await found.rooms.visitor_of(event.id, account), sources)


async def own_ticket(found: Services, event: Event, room: WaitingRoom, ticket: str | None) -> str | None:
    """The ticket of a cookie, unless the queue goes by accounts and another one left it in this browser."""
    account = account_id()
    if ticket is None or account is None or not event.queue_needs_account:
        return ticket
    mine = await found.rooms.visitor_of(event.id, account)
    return ticket if room.read_ticket(ticket).visitor == mine else None


def forget_places(found: Services, response: Response) -> None:
    """Take from who signs out the tickets of queues that go by accounts: the account finds its places again,
    and the next person at this browser does not."""
    for cookie in request.cookies:
        known = re.fullmatch(r"(?:__Host-)?queue_(\d{1,18})", cookie, re.ASCII)
        event = found.catalogue.find(int(known[1])) if known else None
        if event and event.queue_needs_account:
            forget_ticket(response, event.id, secure=found.settings.secure)
