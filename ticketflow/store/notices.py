"""What a payment gateway told us by itself, each notice once."""

from databases import Database
from sqlalchemy import insert, select

from ticketflow.domain import PaymentStatus, now
from ticketflow.store import sales, violations
from ticketflow.store.tables import gateway_notices, payments


async def take(
    database: Database, notice_id: str, booking_id: str, before: PaymentStatus, after: PaymentStatus
) -> PaymentStatus | None:
    """Move the booking's payment, unless this notice was taken before or the payment stands elsewhere.

    Gives how the payment stands then; None if there is none, or the notice is an old one. The mark that it
    was taken and what it changes are one transaction: a crash between them would lose the change.
    """
    try:
        async with database.transaction():
            mark = insert(gateway_notices).values(id=notice_id, received_at=now())
            await database.execute(mark)
            await sales.move_payments(database, [booking_id], before, after)
            stands = await database.fetch_val(
                select(payments.c.status).where(payments.c.booking_id == booking_id)
            )
    except violations.UNIQUE:
        return None
    return PaymentStatus(stands) if stands else None
