"""The waiting rooms of the events: found, opened, and brought back after Redis was lost."""

from databases import Database
from redis.asyncio import Redis

from ticketflow.domain import Event, Refusal, to_micros
from ticketflow.settings import Settings
from ticketflow.store import rooms as records
from ticketflow.store.rooms import RoomRecord
from waiting_room import Mode, RoomPolicy, WaitingRoom, account_visitor

RESTORE_LOCK_SECONDS = 30


class Rooms:
    """One `WaitingRoom` an event, made when first asked for."""

    def __init__(self, redis: "Redis", database: Database, settings: Settings) -> None:
        self._redis = redis
        self._database = database
        self._settings = settings
        self._rooms: dict[int, WaitingRoom] = {}
        self._account_keys: dict[int, bytes] = {}

    async def of(self, event_id: int) -> WaitingRoom:
        """The event's room. Raises `Refusal` not_found if the event has none."""
        if event_id not in self._rooms:
            record = await self._record(event_id)
            self._account_keys[event_id] = record.account_key
            self._rooms[event_id] = WaitingRoom(
                self._redis,
                f"event:{event_id}",
                secrets=self._settings.secret_keys,
                prefix=self._settings.redis_prefix,
                seed=record.seed,
            )
        return self._rooms[event_id]

    async def visitor_of(self, event_id: int, user_id: int) -> str:
        """The visitor that an account is in the event's room, if the queue goes by accounts."""
        await self.of(event_id)
        return account_visitor(self._account_keys[event_id], str(user_id))

    async def open(self, event: Event) -> None:
        """Put the event's room into Redis if it is not there.

        The first time it simply opens. Later it must have been lost: it comes back under a new epoch,
        behind everybody called so far, and takes places back for a while before it admits again.
        """
        room = await self.of(event.id)
        lock = self._redis.lock(f"{room.channel}:restore", timeout=RESTORE_LOCK_SECONDS)
        async with lock:
            if await self._redis.exists(room.keys.room):
                return
            record = await self._record(event.id)
            await records.change(self._database, event.id, epoch=record.epoch + 1)
            await room.ensure(
                self.policy(event, record),
                epoch=record.epoch + 1,
                frontier=record.frontier,
                recovering=record.epoch > 0,
                revision=record.revision,
                tally=record.tally,
                journal=True,
            )

    async def reschedule(self, event: Event) -> bool:
        """Let the event's room go by the event's times. False: people can be in it, and its times stand."""
        room = await self.of(event.id)
        wanted = self.policy(event, await self._record(event.id))
        return await room.schedule(lobby_opens_at=wanted.lobby_opens_at, opens_at=wanted.opens_at)

    def policy(self, event: Event, record: RoomRecord) -> RoomPolicy:
        """What the room is told: the organiser's levers, the event's times and this house's windows."""
        opens_at = 0 if record.manual else to_micros(event.sale_starts_at)
        return RoomPolicy(
            mode=Mode(record.mode),
            rate_per_minute=record.rate_per_minute,
            max_active=record.max_active,
            message=record.message,
            # Without a lobby there is nothing to join before the sale.
            lobby_opens_at=to_micros(event.lobby_opens_at) if event.lobby_opens_at else opens_at,
            opens_at=opens_at,
            claim_seconds=self._settings.claim_seconds,
            lease_seconds=self._settings.lease_seconds,
            tick_seconds=self._settings.tick_seconds,
        )

    async def _record(self, event_id: int) -> RoomRecord:
        record = await records.by_event(self._database, event_id)
        if record is None:
            raise Refusal("not_found", "There is no such event.")
        return record
