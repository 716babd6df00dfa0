"""What no letter or link needs to keep for ever: requests of long ago, with the addresses they name.

Most of them are nobody's (a new password was asked for at an address without an account), so no closing of an
account takes them away.
"""

from datetime import timedelta

from databases import Database
from sqlalchemy import delete, select

from ticketflow.domain import now
from ticketflow.store.outbox import MailState
from ticketflow.store.tables import mail_links, outbox

KEPT = timedelta(days=30)
"""How long a link is kept that does nothing any more, and a letter that was put aside."""


async def forget_links(database: Database, most: int) -> int:
    """Forget up to `most` links that ended long ago, used or not, with their letters. Gives their number."""
    old = select(mail_links.c.id).where(mail_links.c.expires_at < now() - KEPT)
    rows = await database.fetch_all(old.order_by(mail_links.c.expires_at).limit(most))
    ids = [row["id"] for row in rows]
    if ids:
        async with database.transaction():
            await database.execute(delete(outbox).where(outbox.c.link_id.in_(ids)))
            await database.execute(delete(mail_links).where(mail_links.c.id.in_(ids)))
    return len(ids)


async def forget_withdrawn(database: Database, most: int) -> int:
    """Forget up to `most` letters about accounts that were put aside long ago, and give their number. Those
    about bookings stay: a booking has one confirmation, sent or not."""
    withdrawn = (outbox.c.state == MailState.WITHDRAWN.value) & (outbox.c.due_at < now() - KEPT)
    rows = await database.fetch_all(
        select(outbox.c.id)
        .where(withdrawn & outbox.c.booking_id.is_(None))
        .order_by(outbox.c.due_at)
        .limit(most)
    )
    ids = [row["id"] for row in rows]
    if ids:
        await database.execute(delete(outbox).where(outbox.c.id.in_(ids)))
    return len(ids)
