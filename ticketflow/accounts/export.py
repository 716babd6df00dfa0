"""All that is kept of a person, as they may have it."""

from databases import Database

from ticketflow.domain import iso, now
from ticketflow.store import personal


async def everything_of(database: Database, user_id: int) -> dict[str, object]:
    """The account with all that hangs on it. Of passwords and tokens only hashes are kept: they stay here."""
    return {
        "exported_at": iso(now()),
        "account": await personal.account(database, user_id),
        "bookings": await personal.bookings_of(database, user_id),
        "letters": await personal.letters_of(database, user_id),
        "links": await personal.links_of(database, user_id),
        "reminders": await personal.reminders_of(database, user_id),
        "tokens": await personal.tokens_of(database, user_id),
        "audit": await personal.audit_of(database, user_id),
    }
