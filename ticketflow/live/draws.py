"""What may be told of each event's draw, and its list, kept in memory once somebody has asked for it."""

import asyncio
from dataclasses import dataclass

from databases import Database

from ticketflow.domain import Event, Refusal, SaleState
from ticketflow.live.catalogue import Catalogue
from ticketflow.rooms import Rooms
from ticketflow.store import rooms as records
from waiting_room import DrawList

MOST_LISTS = 4
"""A list of a million entrants takes 60 MB."""
REST_SECONDS = 10.0
"""While fans come back after a loss the log grows all the time: no new list for each of them."""


@dataclass(frozen=True)
class DrawFacts:
    """What everybody may know. `seed` is None until the doors have opened for the first time."""

    commitment: str
    seed: bytes | None

    @property
    def opened(self) -> bool:
        return self.seed is not None


@dataclass(frozen=True)
class _Made:
    log_size: int
    at: float
    task: "asyncio.Task[DrawList]"


class Draws:
    """The draws of all events, as this process may tell them."""

    def __init__(self, catalogue: Catalogue, rooms: Rooms, database: Database) -> None:
        self._catalogue = catalogue
        self._rooms = rooms
        self._database = database
        self._seeds: dict[int, bytes] = {}
        self._made: dict[int, _Made] = {}

    async def facts(self, event: Event) -> DrawFacts:
        """What may be told at this moment. Raises `Refusal` no_draw for a sale that has no lobby."""
        room = await self._rooms.of(event.id)
        seed = await self._public_seed(event)
        in_lobby = self._catalogue.sale_state(event) is SaleState.LOBBY
        # An organiser may also have let people gather by hand, for a sale that was to have no lobby.
        if not (event.lobby_opens_at or in_lobby or await room.log_size()):
            detail = "This sale has no lobby, so nothing is drawn: who comes first is served first."
            raise Refusal("no_draw", detail)
        return DrawFacts(room.commitment, seed)

    async def listed(self, event: Event) -> DrawList:
        """The whole draw; for a million entrants the first who asks waits some seconds.

        Raises NotDrawn before the opening, RoomLost while Redis does not have the room.
        """
        room = await self._rooms.of(event.id)
        size, at = await room.log_size(), asyncio.get_running_loop().time()
        made = self._made.pop(event.id, None)
        if made is None or _failed(made) or (made.log_size != size and at - made.at > REST_SECONDS):
            made = _Made(size, at, asyncio.create_task(room.draw(), name="draw"))
            # Whoever asked may be gone when it fails; nobody else needs to hear of it.
            made.task.add_done_callback(lambda task: task.cancelled() or task.exception())
        self._made[event.id] = made
        while len(self._made) > MOST_LISTS:
            del self._made[next(iter(self._made))]
        return await asyncio.shield(made.task)

    async def _public_seed(self, event: Event) -> bytes | None:
        """The seed, once the room or what is kept of it says that the doors have opened.

        That is kept in the database before the seed is told: a room whose seed is known must never draw
        again, whatever becomes of Redis.
        """
        if event.id in self._seeds:
            return self._seeds[event.id]
        frame = self._catalogue.frame(event.id)
        if frame is not None and not frame.opened:
            return None
        record = await records.by_event(self._database, event.id)
        if record is None or (frame is None and record.frontier == 0):
            return None
        await records.note_opened(self._database, event.id)
        self._seeds[event.id] = record.seed
        return record.seed


def _failed(made: _Made) -> bool:
    return made.task.done() and (made.task.cancelled() or made.task.exception() is not None)
