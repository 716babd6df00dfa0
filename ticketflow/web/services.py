"""What handlers may use, in one object that `app.py` fills."""

from dataclasses import dataclass
from pathlib import Path

from databases import Database
from quart import current_app
from redis.asyncio import Redis

from ticketflow.accounts import Accounts
from ticketflow.accounts.tokens import Tokens
from ticketflow.accounts.tries import Tries
from ticketflow.autopilot.board import Board
from ticketflow.autopilot.meter import Meter
from ticketflow.booking.calling_off import CallingOff
from ticketflow.booking.cancellations import Cancellations
from ticketflow.booking.desk import Desk
from ticketflow.booking.keeper import Keeper
from ticketflow.booking.offer import Offer
from ticketflow.figures.history import History
from ticketflow.live.catalogue import Catalogue
from ticketflow.live.control_room import ControlRoom
from ticketflow.live.draws import Draws
from ticketflow.live.hub import Hub
from ticketflow.live.line_reports import LineReports
from ticketflow.live.mail_room import MailRoom
from ticketflow.live.open_sockets import OpenSockets
from ticketflow.live.poll_pace import PollPace
from ticketflow.live.seat_board import SeatBoard
from ticketflow.live.work_room import WorkRoom
from ticketflow.mail.reading import LetterReader
from ticketflow.payments import Gateway
from ticketflow.rooms import Rooms
from ticketflow.settings import Settings
from ticketflow.stock import Stock
from ticketflow.ticket_codes import TicketCodes
from ticketflow.web.session import Users


@dataclass(frozen=True)
class Services:
    settings: Settings
    redis: "Redis"
    database: Database
    catalogue: Catalogue
    hub: Hub
    seat_board: SeatBoard
    control_room: ControlRoom
    autopilots: Board
    meter: Meter
    mail_room: MailRoom
    letter_reader: LetterReader
    open_sockets: OpenSockets
    poll_pace: PollPace
    rooms: Rooms
    draws: Draws
    line_reports: LineReports
    stock: Stock
    history: History
    keeper: Keeper
    offer: Offer
    desk: Desk
    cancellations: Cancellations
    calling_off: CallingOff
    work_room: WorkRoom
    gateway: Gateway
    ticket_codes: TicketCodes
    users: Users
    tokens: Tokens
    accounts: Accounts
    tries: Tries
    mailbox: Path | None
    """Where embedded mode keeps what its mail server received."""


def services() -> Services:
    """The application's services, inside a request or a websocket."""
    found: Services = current_app.extensions["ticketflow"]
    return found
