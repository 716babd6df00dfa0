"""The one place where the background loops are wired: rooms, holds, orders, payments, mail, audit."""

import asyncio
import logging
import os
import secrets
import socket
from functools import cached_property, partial

from redis.exceptions import RedisError

from ticketflow.accounts.links import Links
from ticketflow.admission_log import LogKeys
from ticketflow.autopilot.meter import Meter
from ticketflow.autopilot.pilot import Pilot
from ticketflow.booking.auditor import Auditor
from ticketflow.booking.calling_off import CallingOff
from ticketflow.booking.cancellations import Cancellations
from ticketflow.booking.cashier import Cashier
from ticketflow.booking.keeper import Keeper
from ticketflow.booking.ledger import Ledger
from ticketflow.booking.offer import Offer
from ticketflow.booking.rebuilder import Rebuilder
from ticketflow.clients import Stores, make_smtp, open_stores
from ticketflow.collector import spare_the_collector
from ticketflow.figures.pulse import Pulse
from ticketflow.figures.reading import Readings
from ticketflow.figures.recorder import Recorder
from ticketflow.figures.samples import Samples
from ticketflow.live.catalogue import Catalogue
from ticketflow.loops import Loop, lasting, running
from ticketflow.mail import old_mail
from ticketflow.mail.account_letters import AccountLetters
from ticketflow.mail.delivery import Postman
from ticketflow.mail.message import Messages
from ticketflow.mail.pace import Pace
from ticketflow.mail.reminders import Reminders
from ticketflow.mail.server import MailServer
from ticketflow.mail.writer import Writer
from ticketflow.rooms import Rooms
from ticketflow.scribe import Scribe
from ticketflow.settings import Settings
from ticketflow.stock import Inspection, Resizing, Stock
from ticketflow.store import violations
from ticketflow.ticket_codes import TicketCodes

log = logging.getLogger(__name__)

REFRESH_SECONDS = 1.0
"""How soon a worker knows of a new event."""


class Background:
    """What the loops need, and the loops themselves. Any number of processes may run them at once."""

    def __init__(self, settings: Settings, stores: Stores) -> None:
        self._settings = settings
        self._stores = stores
        self.catalogue = Catalogue(stores.database)
        self.stock = Stock(stores.redis, settings.redis_prefix)
        self.rooms = Rooms(stores.redis, stores.database, settings)
        self.gateway = stores.gateway
        self.cashier = Cashier(
            stores.database, self.gateway, settle_after_seconds=settings.settle_after_seconds
        )
        self.cancellations = Cancellations(
            database=stores.database,
            stock=self.stock,
            rooms=self.rooms,
            cashier=self.cashier,
            find_event=self.catalogue.find,
        )
        self.keeper = Keeper(
            redis=stores.redis,
            database=stores.database,
            stock=self.stock,
            rooms=self.rooms,
            events=self.catalogue.all,
            settings=settings,
        )
        self.meter = Meter(stores.redis, settings.redis_prefix, settings.autopilot_seconds)
        self.readings = Readings(stores.redis, stores.database, self.rooms, settings.redis_prefix)
        self.samples = Samples(stores.redis, settings.redis_prefix)
        self.inspection = Inspection(stores.redis, settings.redis_prefix)
        self.rebuilder = Rebuilder(
            redis=stores.redis,
            database=stores.database,
            inspection=self.inspection,
            rooms=self.rooms,
            settings=settings,
        )

    @cached_property
    def calling_off(self) -> CallingOff:
        """What an event that does not take place comes to."""
        return CallingOff(
            database=self._stores.database,
            stock=self.stock,
            rooms=self.rooms,
            cancellations=self.cancellations,
            find_event=self.catalogue.find,
        )

    @cached_property
    def pilot(self) -> Pilot:
        """The autopilot of every sale that has one."""
        return Pilot(
            redis=self._stores.redis,
            database=self._stores.database,
            rooms=self.rooms,
            stock=self.stock,
            meter=self.meter,
            find_event=self.catalogue.find,
            settings=self._settings,
        )

    @cached_property
    def offer(self) -> Offer:
        """How much there is to be sold, while it is sold."""
        return Offer(
            redis=self._stores.redis,
            database=self._stores.database,
            stock=self.stock,
            resizing=Resizing(self._stores.redis, self._settings.redis_prefix),
            rebuilder=self.rebuilder,
            keeper=self.keeper,
            rooms=self.rooms,
        )

    @cached_property
    def ticket_codes(self) -> TicketCodes:
        """What signs tickets: commands that write no ticket are given no key."""
        return TicketCodes(self._settings.ticket_keys)

    def auditor(self) -> Auditor:
        """Who compares the books of this house, for the worker and for the command."""
        return Auditor(
            redis=self._stores.redis,
            database=self._stores.database,
            gateway=self.gateway,
            inspection=self.inspection,
            rebuilder=self.rebuilder,
            rooms=self.rooms,
            events=self.catalogue.all,
            settings=self._settings,
        )

    def loops(self) -> list[Loop]:
        """All that a worker does, to be run until cancelled."""
        database = self._stores.database
        return [
            *self.desk_loops(),
            Reminders(database).run(),
            self._postman().run(),
            old_mail.sweep(database),
            Pulse(self._stores.redis, self._settings.redis_prefix, "worker").beat(),
        ]

    def desk_loops(self) -> list[Loop]:
        """All of it but the letters, which another worker may deliver."""
        ledger = Ledger(
            # A name of its own each time: what a namesake before left in hand must look abandoned.
            name=f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}",
            redis=self._stores.redis,
            database=self._stores.database,
            stock=self.stock,
            rooms=self.rooms,
            cashier=self.cashier,
            events=self.catalogue.all,
            settings=self._settings,
        )
        recorder = Recorder(
            redis=self._stores.redis,
            database=self._stores.database,
            readings=self.readings,
            samples=self.samples,
            events=self.catalogue.all,
        )
        keeper = self.keeper
        return [
            self._refresh(),
            keeper.tick(),
            keeper.expire(),
            keeper.remember(),
            recorder.run(),
            recorder.sweep(),
            *ledger.loops(),
            self.cashier.sweep(),
            self.cancellations.sweep(),
            self.calling_off.run(),
            self.auditor().run(),
            self.pilot.run(),
            self._scribe().run(),
        ]

    def _scribe(self) -> Scribe:
        keys = LogKeys(self._settings.ticket_keys)
        return Scribe(self._stores.database, self.rooms, self.catalogue.all, keys)

    def _postman(self) -> Postman:
        settings, redis, database = self._settings, self._stores.redis, self._stores.database
        messages = Messages(settings.mail_from, settings.public_url, self.ticket_codes)
        about_accounts = AccountLetters(database, messages, Links(settings.secret_keys))
        return Postman(
            database,
            writer=Writer(database, messages, about_accounts, self.catalogue.find),
            server=MailServer(partial(make_smtp, settings), redis, settings.redis_prefix),
            pace=Pace(redis, settings.redis_prefix, settings.mails_per_second),
            bell=self._stores.bell,
            settings=settings,
        )

    @lasting
    async def _refresh(self) -> None:
        while True:
            try:
                await self.catalogue.load()
            except (RedisError, *violations.BROKEN) as error:
                log.warning("the events could not be read: %s", error)
            await asyncio.sleep(REFRESH_SECONDS)


async def run_worker(settings: Settings, stop: asyncio.Event) -> None:
    """Work until `stop` is set."""
    async with open_stores(settings) as stores:
        background = Background(settings, stores)
        await background.catalogue.load()
        spare_the_collector()
        async with running(background.loops()):
            await stop.wait()
