"""`create_app`: the one place where the web process is wired."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from quart import Blueprint, Quart
from quart_schema import Info, QuartSchema

from ticketflow import __version__
from ticketflow.accounts import Accounts
from ticketflow.accounts.closing import Closing
from ticketflow.accounts.links import Links
from ticketflow.accounts.tokens import Tokens
from ticketflow.accounts.tries import Tries
from ticketflow.autopilot.board import Board
from ticketflow.booking.brake import Brake
from ticketflow.booking.desk import Desk
from ticketflow.booking.results import Results
from ticketflow.clients import Stores, open_stores
from ticketflow.domain import SESSION_DAYS
from ticketflow.figures.health import Health
from ticketflow.figures.history import History
from ticketflow.figures.pulse import Pulse
from ticketflow.files import folder
from ticketflow.live.control_room import ControlRoom
from ticketflow.live.draws import Draws
from ticketflow.live.ended import Ended
from ticketflow.live.hub import Hub
from ticketflow.live.line_reports import LineReports
from ticketflow.live.mail_room import MailRoom
from ticketflow.live.open_sockets import OpenSockets
from ticketflow.live.poll_pace import PollPace
from ticketflow.live.presence import keep_vouching
from ticketflow.live.seat_board import SeatBoard
from ticketflow.live.session_ends import SessionEnds
from ticketflow.live.work_room import WorkRoom
from ticketflow.loops import running
from ticketflow.mail.message import Messages
from ticketflow.mail.reading import LetterReader
from ticketflow.mail.server_board import server_state
from ticketflow.passwords import Passwords
from ticketflow.settings import Settings
from ticketflow.web import (
    account_pages,
    accounts,
    admin,
    after,
    after_pages,
    audit_pages,
    autopilot,
    bearer,
    booking_pages,
    bookings,
    calling_off,
    calling_off_pages,
    checkout_pages,
    checks,
    docs_page,
    door_pages,
    doors,
    draws,
    event_pages,
    events,
    frame,
    guard,
    headers,
    health,
    ids,
    levers,
    limits,
    link_pages,
    mail_desk,
    mail_pages,
    mailbox,
    organiser,
    organiser_events,
    organiser_pages,
    organiser_stats,
    pages,
    payments,
    pictures,
    problems,
    profile,
    reminders,
    seats,
    sockets,
    ticket_pages,
    ticket_types,
    token_pages,
    tokens,
    work,
    work_pages,
)
from ticketflow.web.answering import WholeAnswer
from ticketflow.web.newcomers import newcomer
from ticketflow.web.openapi import Document
from ticketflow.web.plain_sockets import PlainConnection, PlainWebsocket
from ticketflow.web.polling import pollable
from ticketflow.web.services import Services
from ticketflow.web.session import NoSessions, SignedCookies, Users
from ticketflow.web.statics import Statics
from ticketflow.worker import Background
from waiting_room import WaitingRoom, WaitingRoomError
from waiting_room.web import Newcomer, queue_blueprint


def create_app(
    settings: Settings, stores: Stores, background: Background, mailbox_path: Path | None
) -> Quart:
    """The web application on open stores. `run_web` opens them and runs what must run beside it."""
    app = Quart("ticketflow", template_folder=str(folder("templates")), static_folder=None)
    # An address with "//" in it is no other way of writing another: a call is not answered by a redirect.
    app.url_map.merge_slashes = False
    ids.install(app)
    app.secret_key = settings.secret_keys[0]
    app.config["SECRET_KEY_FALLBACKS"] = list(reversed(settings.secret_keys[1:]))
    app.asgi_http_class = WholeAnswer
    app.asgi_websocket_class, app.websocket_class = PlainConnection, PlainWebsocket
    app.session_interface = NoSessions()  # type: ignore[assignment]  # declared as the one it starts with
    SignedCookies(
        app,
        cookie_name="__Host-session" if settings.secure else "session",
        cookie_secure=settings.secure,
        cookie_samesite="Lax",
        duration=SESSION_DAYS * 86_400,
    )
    QuartSchema(
        app,
        openapi_path="/openapi.json",
        redoc_ui_path=None,
        scalar_ui_path=None,
        swagger_ui_path=None,
        info=Info("TicketFlow", version=__version__),
        conversion_preference="pydantic",
        openapi_provider_class=Document,
    )
    found = _services(settings, stores, background, mailbox_path)
    app.extensions["ticketflow"] = found
    app.config |= {"PROXY_HOPS": settings.proxy_hops, "ACCESS_LOG": settings.access_log}
    _install(app, settings, found)
    return app


def _services(
    settings: Settings, stores: Stores, background: Background, mailbox_path: Path | None
) -> Services:
    catalogue, rooms, stock = background.catalogue, background.rooms, background.stock
    results, seat_board = Results(), SeatBoard(catalogue, stock)
    ended = Ended()
    open_sockets = OpenSockets(
        ended, per_address=settings.sockets_per_address, per_account=settings.sockets_per_account
    )
    users = Users(stores.database)
    ends = SessionEnds(stores.redis, stores.database, settings.redis_prefix, ended, open_sockets)
    tokens = Tokens(stores.database, ends.session_over)
    mail_server = partial(server_state, stores.redis, settings.redis_prefix)
    ends.listeners += [users.forget, tokens.forget]
    autopilots = Board(stores.database, background.meter)
    desk = _desk(settings, stores, background, results)
    return Services(
        settings=settings,
        redis=stores.redis,
        database=stores.database,
        catalogue=catalogue,
        hub=_hub(settings, stores, background, results, seat_board, ends),
        seat_board=seat_board,
        control_room=_control_room(settings, stores, background, autopilots),
        autopilots=autopilots,
        meter=background.meter,
        mail_room=MailRoom(stores.database, mail_server),
        letter_reader=_letter_reader(settings, stores, background),
        open_sockets=open_sockets,
        poll_pace=PollPace(),
        rooms=rooms,
        draws=Draws(catalogue, rooms, stores.database),
        line_reports=LineReports(stores.database),
        stock=stock,
        history=History(stores.database, background.samples),
        keeper=background.keeper,
        offer=background.offer,
        desk=desk,
        cancellations=background.cancellations,
        calling_off=background.calling_off,
        work_room=WorkRoom(stores.database, stores.redis, stock, mail_server),
        gateway=background.gateway,
        ticket_codes=background.ticket_codes,
        users=users,
        tokens=tokens,
        accounts=(accounts := _accounts(settings, stores, background, desk, ends)),
        tries=accounts.tries,
        mailbox=mailbox_path,
    )


def _control_room(
    settings: Settings, stores: Stores, background: Background, autopilots: Board
) -> ControlRoom:
    return ControlRoom(
        background.catalogue,
        stores.database,
        background.readings,
        background.samples,
        Health(stores.redis, stores.database, settings.redis_prefix),
        autopilots,
    )


def _desk(settings: Settings, stores: Stores, background: Background, results: Results) -> Desk:
    return Desk(
        stock=background.stock,
        rooms=background.rooms,
        database=stores.database,
        results=results,
        brake=Brake(stores.redis, settings.redis_prefix, settings.bookings_per_minute),
        gateway=background.gateway,
        settings=settings,
    )


def _letter_reader(settings: Settings, stores: Stores, background: Background) -> LetterReader:
    messages = Messages(settings.mail_from, settings.public_url, background.ticket_codes)
    return LetterReader(stores.database, messages)


def _hub(
    settings: Settings,
    stores: Stores,
    background: Background,
    results: Results,
    seat_board: SeatBoard,
    ends: SessionEnds,
) -> Hub:
    return Hub(
        redis=stores.redis,
        prefix=settings.redis_prefix,
        catalogue=background.catalogue,
        stock=background.stock,
        rooms=background.rooms,
        results=results,
        seat_board=seat_board,
        sessions=ends,
    )


def _tries(settings: Settings, stores: Stores) -> Tries:
    return Tries(
        stores.redis,
        settings.redis_prefix,
        passwords=settings.sign_in_failures,
        letters=settings.letters_per_network,
    )


def _accounts(
    settings: Settings, stores: Stores, background: Background, desk: Desk, ends: SessionEnds
) -> Accounts:
    return Accounts(
        database=stores.database,
        passwords=Passwords(),
        links=Links(settings.secret_keys),
        tries=_tries(settings, stores),
        closing=Closing(
            redis=stores.redis,
            database=stores.database,
            stock=background.stock,
            desk=desk,
            events=background.catalogue.all,
        ),
        tell=ends.account_changed,
    )


def _install(app: Quart, settings: Settings, found: Services) -> None:
    problems.install(app)
    bearer.install(app, found.tokens)
    Statics(folder("static")).install(app)
    guard.install(app, settings)
    headers.install(app, settings)
    limits.install(app, found.redis, settings)

    for blueprint in (
        accounts.accounts_blueprint(settings),
        account_pages.account_pages_blueprint(settings),
        tokens.tokens_blueprint(settings),
        link_pages.link_pages_blueprint(settings),
        profile.profile_blueprint(settings),
        token_pages.token_pages_blueprint(settings),
        events.blueprint,
        seats.blueprint,
        draws.blueprint,
        reminders.blueprint,
        _queue(settings, found),
        bookings.blueprint,
        payments.blueprint,
        *_organisers(),
        pages.blueprint,
        pictures.blueprint,
        ticket_pages.blueprint,
        checkout_pages.blueprint,
        booking_pages.blueprint,
        sockets.blueprint,
        health.blueprint,
        mailbox.blueprint,
        docs_page.blueprint,
    ):
        app.register_blueprint(blueprint)
    doors.install(app)
    frame.install(app, found)


def _organisers() -> list[Blueprint]:
    """What organisers and admins have, over the API and as pages."""
    return [
        audit_pages.blueprint,
        levers.blueprint,
        organiser.blueprint,
        organiser_events.blueprint,
        autopilot.blueprint,
        organiser_stats.blueprint,
        calling_off.blueprint,
        work.blueprint,
        ticket_types.blueprint,
        after.blueprint,
        mail_desk.blueprint,
        checks.blueprint,
        admin.blueprint,
        mail_pages.blueprint,
        work_pages.blueprint,
        calling_off_pages.blueprint,
        door_pages.blueprint,
        event_pages.blueprint,
        organiser_pages.blueprint,
        after_pages.blueprint,
    ]


def _queue(settings: Settings, found: Services) -> Blueprint:
    async def find_room(event_id: int) -> WaitingRoom:
        return await found.rooms.of(found.catalogue.event(event_id).id)

    async def who(event_id: int) -> Newcomer:
        return await newcomer(found, found.catalogue.event(event_id))

    queue = queue_blueprint(
        find_room, who=who, secure=settings.secure, url_prefix="/api/events/<int:room_id>/queue"
    )
    queue.after_request(pollable)
    queue.register_error_handler(WaitingRoomError, problems.refuse)
    return queue


@asynccontextmanager
async def open_web(
    settings: Settings, *, with_worker: bool = False, mailbox_path: Path | None = None
) -> AsyncIterator[Quart]:
    """The web process, ready to serve: stores open, memory filled, loops running until the block ends.

    `with_worker` runs the worker's loops here as well: embedded mode has one process for all.
    """
    async with open_stores(settings) as stores:
        background = Background(settings, stores)
        app = create_app(settings, stores, background, mailbox_path)
        found: Services = app.extensions["ticketflow"]
        await found.catalogue.load()
        await found.hub.sessions.read()
        # Workers do this too; who serves must not depend on one having come first.
        for event in found.catalogue.all():
            await found.keeper.prepare(event)
        loops = [
            found.hub.run(),
            found.hub.sessions.keep_reading(),
            found.control_room.run(),
            found.mail_room.run(),
            found.meter.run(),
            keep_vouching(found.hub, found.rooms),
            found.open_sockets.keep_talking(),
            Pulse(stores.redis, settings.redis_prefix, "web", lambda: len(found.open_sockets)).beat(),
            found.cancellations.tend(),
            found.tokens.keep_noting(),
            limits.counts_of(app).keep_sharing(),
        ]
        if with_worker:
            loops += background.loops()
        async with running(loops):
            await found.hub.ready.wait()
            yield app
