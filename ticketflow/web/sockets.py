"""The websockets: stock for everybody, the desk for a fan, the control room for an organiser."""

import asyncio
import json
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from quart import Blueprint, abort, websocket

from ticketflow.domain import Event, now
from ticketflow.live.hub import Socket
from ticketflow.live.open_sockets import SIGNED_OUT, SIGNED_OUT_RETURN_SECONDS, OpenSocket
from ticketflow.live.slot import Closed, Slot
from ticketflow.web.bearer import presented_token
from ticketflow.web.desk_socket import DeskSocket
from ticketflow.web.guard import socket_origin_allowed
from ticketflow.web.limits import client_address, counted
from ticketflow.web.mail_desk import asked_number, scope_of
from ticketflow.web.message_brake import MessageBrake
from ticketflow.web.newcomers import own_ticket
from ticketflow.web.services import Services, services
from ticketflow.web.session import account_id, require_organiser, session_name, signed_in
from waiting_room.web import PASS_HEADER, TICKET_HEADER, cookie_name, good_cookie

blueprint = Blueprint("sockets", __name__, url_prefix="/ws")

TRY_AGAIN = 1013
"""Close code for a reader that took nothing for too long: reconnect, and read the state anew."""


@blueprint.websocket("/events/<int:event_id>")
async def stock(event_id: int) -> None:
    """What is left of an event, as it changes."""
    found = services()
    with _entered(found) as line:
        event = found.catalogue.event(event_id)
        with found.hub.attach(event.id, Socket(line.slot)):
            _put_stock(found, event, line.slot)
            await websocket.accept()
            await _converse(found, line, _read_nothing(found, line))


@blueprint.websocket("/desk/<int:event_id>")
async def desk(event_id: int) -> None:
    """A fan's line from the queue to the ticket: frames come down, commands go up."""
    found = services()
    with _entered(found) as line:
        event = found.catalogue.event(event_id)
        user = await signed_in()
        room = await found.rooms.of(event.id)
        header = websocket.headers.get(TICKET_HEADER)
        if header is not None:
            room.read_ticket(header)
        name = cookie_name(event.id, secure=found.settings.secure)
        cookie = good_cookie(room, websocket.cookies.get(name))
        ticket = header or await own_ticket(found, event, room, cookie)
        fan = DeskSocket(found, event, room, line, user, ticket, websocket.headers.get(PASS_HEADER))
        await websocket.accept()
        with found.hub.attach(event.id, fan.socket):
            _put_stock(found, event, line.slot)
            try:
                await fan.begin()
                await _converse(found, line, fan.read(websocket.receive))
            finally:
                await fan.end()


@blueprint.websocket("/organiser/<int:event_id>")
async def control_room(event_id: int) -> None:
    """The organiser's desk, once a second."""
    found = services()
    with _entered(found) as line:
        event = found.catalogue.own_event(event_id, await require_organiser())
        with found.control_room.attach(event.id, line.slot):
            line.slot.put("desk", json.dumps(await found.control_room.frame(event)))
            await websocket.accept()
            await _converse(found, line, _read_nothing(found, line))


@blueprint.websocket("/organiser/mail")
async def mail_room() -> None:
    """The delivery desk, once a second: of all one's events, or of the one in `event`."""
    found = services()
    with _entered(found) as line:
        user = await require_organiser()
        asked = websocket.args.get("event")
        scope = scope_of(found, user, asked_number(asked) if asked else None)
        with found.mail_room.attach(scope, line.slot):
            line.slot.put("mail", json.dumps(await found.mail_room.frame(scope)))
            await websocket.accept()
            await _converse(found, line, _read_nothing(found, line))


@contextmanager
def _entered(found: Services) -> Iterator[OpenSocket]:
    """The socket at hand, counted among the open ones, if a page of ours opens it or no page at all."""
    if not socket_origin_allowed(found.settings):
        abort(403)
    address = counted(found.settings, client_address(found.settings.proxy_hops))
    account, session = account_id(), session_name()
    entering = found.open_sockets.enter(address=address, account=account, session=session)
    with entering as line, _until_token_ends(line):
        yield line


@contextmanager
def _until_token_ends(line: OpenSocket) -> Iterator[None]:
    """A token that expires takes the sockets along that it has opened."""
    token = presented_token()
    if token is None:
        yield
        return
    left = (token.expires_at - now()).total_seconds()
    end = asyncio.get_running_loop().call_later(left, line.let_go, SIGNED_OUT, SIGNED_OUT_RETURN_SECONDS)
    try:
        yield
    finally:
        end.cancel()


def _put_stock(found: Services, event: Event, slot: Slot) -> None:
    frame = found.catalogue.stock_frame(event)
    if frame:
        slot.put("stock", json.dumps(frame))


async def _read_nothing(found: Services, line: OpenSocket) -> None:
    """Take in what a listener sends, so that its closing is seen; what it says matters only if it is much."""
    brake, clock = MessageBrake(found.settings.messages_per_second), asyncio.get_running_loop().time
    while True:
        await websocket.receive()
        brake.take(clock(), line)


async def _converse(found: Services, line: OpenSocket, reading: Coroutine[Any, Any, None]) -> None:
    """Send from the slot and read, until one of both ends: the socket closes, or the reader is too slow."""
    sending = asyncio.create_task(line.slot.pump(websocket.send, found.settings.socket_idle_seconds))
    listening = asyncio.create_task(reading)
    try:
        await asyncio.wait({sending, listening}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        sending.cancel()
        listening.cancel()
        ended = await asyncio.gather(sending, listening, return_exceptions=True)
    codes: dict[type[BaseException], int] = {Closed: line.close_code, TimeoutError: TRY_AGAIN}
    code = next((code for kind, code in codes.items() if isinstance(ended[0], kind)), None)
    if code:
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                await websocket.close(code)
