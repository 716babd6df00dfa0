"""Whether an event is called off, for all who would change it."""

from databases import Database
from sqlalchemy import select

from ticketflow.store.tables import called_off


async def is_called_off(database: Database, event_id: int) -> bool:
    return bool(
        await database.fetch_val(select(called_off.c.event_id).where(called_off.c.event_id == event_id))
    )
