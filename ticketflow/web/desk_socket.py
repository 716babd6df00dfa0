"""One fan's desk socket: commands read, handed to the counter, and answered by number."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus
from typing import Any

from pydantic import ValidationError

from ticketflow import strict_json
from ticketflow.domain import Event, Refusal, User
from ticketflow.live.fan_line import FanLine
from ticketflow.live.hub import Socket
from ticketflow.live.open_sockets import OpenSocket
from ticketflow.live.seat_board import seats_view
from ticketflow.web import counter
from ticketflow.web.asks import Ask, BookAsk, Command, HoldAsk
from ticketflow.web.bookings import idempotency_key
from ticketflow.web.counter import Reply
from ticketflow.web.message_brake import MessageBrake
from ticketflow.web.newcomers import newcomer
from ticketflow.web.problems import problem_of
from ticketflow.web.services import Services
from waiting_room import NotCalled, WaitingRoom
from waiting_room.views import queue_view
from waiting_room.web import NoPlace, NotAdmitted, pass_view

MOST_PAYMENTS_AT_ONCE = 8
"""A client that sends more without waiting for replies is read more slowly."""
MOST_MESSAGE_CHARS = 20_000


class JoinAsk(Ask):
    ticket: str | None = None


class NothingAsk(Ask):
    pass


class OfHoldAsk(Ask):
    hold_id: str


class BookCommand(BookAsk):
    key: str | None = None


class DeskSocket:
    """The conversation with one fan. The ticket names them; who is signed in may hold and book."""

    def __init__(
        self,
        services: Services,
        event: Event,
        room: WaitingRoom,
        line: OpenSocket,
        user: User | None,
        ticket: str | None,
        token: str | None,
    ) -> None:
        self._services = services
        self._event = event
        self._room = room
        self._line = line
        self._user = user
        self._ticket = ticket
        # A pass is as good as a ticket for who only wants to book.
        self._visitor = room.read_pass(token).visitor if token else None
        self._fan: FanLine | None = None
        self._brake = MessageBrake(services.settings.messages_per_second)
        self._payments = asyncio.Semaphore(MOST_PAYMENTS_AT_ONCE)
        self.socket = Socket(line.slot, user_id=user.id if user else None)
        self._commands: dict[str, Callable[[dict[str, Any]], Awaitable[Reply]]] = {
            "join": self._join,
            "claim": self._claim,
            "seats": self._seats,
            "leave": self._leave,
            "hold": self._hold,
            "extend": self._extend,
            "release": self._release,
            "book": self._book,
        }

    async def begin(self) -> None:
        """Tell a fan with a place where it is."""
        if self._ticket is not None:
            await self._follow(self._ticket)

    async def end(self) -> None:
        """The page is gone: the fan counts as away, until another page of theirs is vouched for."""
        self._services.seat_board.leave(self._event, self.socket.slot)
        if self.socket.visitor:
            await self._room.set_present(self.socket.visitor, False)

    async def read(self, receive: Callable[[], Awaitable[str | bytes]]) -> None:
        """Answer commands until the socket closes: in order, but a payment does not hold up the next."""
        clock = asyncio.get_running_loop().time
        async with asyncio.TaskGroup() as payments:
            while True:
                await self.socket.slot.taken()
                text = await receive()
                try:
                    command = Command.model_validate(_parsed(text))
                except (Refusal, ValidationError) as error:
                    self._brake.take(clock(), self._line)
                    self._reply(None, _refused(error))
                    continue
                if refusal := self._brake.take(clock(), self._line):
                    self._reply(command.id, _refused(refusal))
                    continue
                if command.do == "book":
                    await self._payments.acquire()
                    payments.create_task(self._pay(command))
                else:
                    await self._answer(command)

    async def _pay(self, command: Command) -> None:
        try:
            await self._answer(command)
        finally:
            self._payments.release()

    async def _answer(self, command: Command) -> None:
        try:
            act = self._commands.get(command.do)
            if act is None:
                raise Refusal("invalid_request", f"There is no command {command.do!r}.")
            reply = await act(command.fields)
        except Exception as error:
            reply = _refused(error)
        self._reply(command.id, reply)

    def _reply(self, number: int | None, reply: Reply) -> None:
        message = {"type": "reply", "id": number, "status": int(reply.status), "body": reply.body}
        self.socket.slot.reply(json.dumps(message))

    async def _follow(self, ticket: str) -> None:
        self._ticket = ticket
        visitor = self._room.read_ticket(ticket).visitor
        self._services.hub.name(self._event.id, self.socket, visitor)
        self._fan = self.socket.fan = FanLine(
            self.socket.slot,
            lambda: self._room.look(ticket, present=True),
            partial(self._services.catalogue.left_at_turn, self._event),
        )
        await self._fan.refresh()

    async def _join(self, fields: dict[str, Any]) -> Reply:
        ask = JoinAsk.model_validate(fields)
        who = await newcomer(self._services, self._event)
        ticket = ask.ticket or self._ticket
        standing = await self._room.join(ticket, present=True, visitor=who.visitor, sources=who.sources)
        if standing.ticket != self._ticket or self._fan is None:
            await self._follow(standing.ticket)
        else:
            self._fan.tell(standing)
        return Reply(HTTPStatus.CREATED if standing.new else HTTPStatus.OK, queue_view(standing))

    async def _claim(self, fields: dict[str, Any]) -> Reply:
        NothingAsk.model_validate(fields)
        try:
            granted = await self._room.claim(self._needed_ticket())
        except NotCalled as refused:
            # A claim that comes too late puts the fan back into the line: from here on they are told of it.
            if self._fan:
                self._fan.tell(refused.standing)
            raise
        if self._fan:
            await self._fan.refresh()
        return Reply(HTTPStatus.OK, pass_view(granted.token, granted.expires_at))

    async def _leave(self, fields: dict[str, Any]) -> Reply:
        NothingAsk.model_validate(fields)
        ticket = self._needed_ticket()
        await self._room.leave(ticket)
        if self._fan:
            self._fan.tell(await self._room.look(ticket))
        return Reply(HTTPStatus.NO_CONTENT)

    async def _seats(self, fields: dict[str, Any]) -> Reply:
        """The seats as they are, and from now on a frame when they change."""
        NothingAsk.model_validate(fields)
        board = self._services.seat_board
        board.watch(self._event, self.socket.slot)
        return Reply(HTTPStatus.OK, seats_view(await board.look(self._event)))

    async def _hold(self, fields: dict[str, Any]) -> Reply:
        ask = HoldAsk.model_validate(fields)
        user = self._needed_user()
        visitor = await self._known_visitor()
        if visitor is None:
            raise NotAdmitted
        return await counter.hold(self._services, self._event, user, visitor, ask)

    async def _release(self, fields: dict[str, Any]) -> Reply:
        ask = OfHoldAsk.model_validate(fields)
        return await counter.release(self._services, self._needed_user(), ask.hold_id)

    async def _extend(self, fields: dict[str, Any]) -> Reply:
        ask = OfHoldAsk.model_validate(fields)
        return await counter.extend(self._services, self._needed_user(), ask.hold_id)

    async def _book(self, fields: dict[str, Any]) -> Reply:
        if "hold_id" not in fields:
            fields.setdefault("event_id", self._event.id)
        command = BookCommand.model_validate(fields)
        user = self._needed_user()
        return await counter.book(
            self._services,
            user,
            command,
            visitor=self._known_visitor,
            key=idempotency_key(command.key),
            wait_seconds=self._services.settings.booking_wait_seconds,
        )

    async def _known_visitor(self) -> str | None:
        if self._visitor is None and self._ticket is not None:
            return self._room.read_ticket(self._ticket).visitor
        return self._visitor

    def _needed_ticket(self) -> str:
        if self._ticket is None:
            raise NoPlace
        return self._ticket

    def _needed_user(self) -> User:
        if self._user is None or self._line.signed_out:
            raise Refusal("not_signed_in", "Sign in first. Your place in the queue is kept meanwhile.")
        return self._user


def _refused(error: Exception) -> Reply:
    body = problem_of(error)
    return Reply(body["status"], body)


def _parsed(text: str | bytes | None) -> Any:
    # Quart gives an empty binary message as None.
    text = text or ""
    if len(text) > MOST_MESSAGE_CHARS:
        raise Refusal("invalid_request", "That message is too long for this desk.")
    try:
        return strict_json.loads(text)
    except ValueError:
        raise Refusal("malformed_json", "That message is not valid JSON.") from None
