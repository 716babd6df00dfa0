"""All figures of a sale at one moment: of room and stock from Redis, of the money from the database."""

from collections.abc import Sequence
from dataclasses import dataclass

from databases import Database
from redis.asyncio import Redis

from ticketflow.domain import Event
from ticketflow.rooms import Rooms
from ticketflow.stock import NumberReader, StockNumbers
from ticketflow.store import takings
from ticketflow.store.minutes import SERIES, Sample
from ticketflow.store.takings import Takings
from waiting_room import Figures, Mode


@dataclass(frozen=True)
class Books:
    """What the database says of an event at one moment."""

    takings: Takings
    letters_waiting: int


class Readings:
    """Reads figures of events. Raises what Redis and the database raise."""

    def __init__(self, redis: "Redis", database: Database, rooms: Rooms, prefix: str) -> None:
        self._database = database
        self._rooms = rooms
        self._stock = NumberReader(redis, prefix)

    async def room(self, event: Event) -> Figures:
        """The room's figures now. Raises RoomLost."""
        return await (await self._rooms.of(event.id)).figures()

    async def stock(self, event: Event) -> StockNumbers | None:
        """The stock's numbers now, or None if it is not in Redis."""
        room = await self._rooms.of(event.id)
        return await self._stock.read(event, room.keys.active)

    async def books(self, event_ids: Sequence[int]) -> dict[int, Books]:
        """Event id -> what the database says of it, by two counts for all of them."""
        money = await takings.of_events(self._database, event_ids)
        letters = await takings.letters_waiting(self._database, event_ids)
        return {event_id: Books(money[event_id], letters.get(event_id, 0)) for event_id in event_ids}


def target(figures: Figures) -> int:
    """How many a minute are to be let in: none but through open doors."""
    return figures.frame.rate_per_minute if figures.frame.mode is Mode.OPEN else 0


def sample(room: Figures | None, stock: StockNumbers | None, books: Books | None) -> Sample:
    """The figures as they are recorded: one for each of SERIES."""
    found: dict[str, int] = {}
    if room:
        frame, tally = room
        found |= {
            "waiting": frame.waiting,
            "called": frame.called,
            "active": frame.active,
            "admitted_per_minute": frame.admitted_last_minute,
            "target_per_minute": target(room),
            "joins": tally.joins,
            "left": tally.left,
            "missed": tally.missed,
        }
    if stock:
        found |= {
            "held": stock.held,
            "paying": stock.paying,
            "sold": sum(stock.sold.values()),
            "free": sum(stock.free.values()),
        }
    if books:
        found |= {
            "revenue": books.takings.revenue,
            "payment_failures": books.takings.payment_failures,
            "mail_waiting": books.letters_waiting,
        }
    return tuple(found.get(name) for name in SERIES)
