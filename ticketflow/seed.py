"""Demo data: two accounts and three sales, written once."""

from datetime import UTC, datetime, timedelta

from databases import Database

from ticketflow.domain import Role, now
from ticketflow.passwords import Passwords
from ticketflow.store import events, users
from ticketflow.store.events import NewSale, NewTicketType, Seat

PASSWORD = "ticketflow-demo"  # noqa: S105 - the demo accounts' password is public
ORGANISER = "organiser@example.com"
FAN = "fan@example.com"


async def seed_demo(database: Database) -> None:
    """Write the demo data down, unless it is there already."""
    if await users.proven(database, ORGANISER) is not None:
        return
    password_hash = await Passwords().hash(PASSWORD)
    organiser = await users.create(
        database,
        name="Demo Organiser",
        email=ORGANISER,
        password_hash=password_hash,
        role=Role.ORGANISER,
        verified=True,
    )
    await users.create(database, name="Demo Fan", email=FAN, password_hash=password_hash, verified=True)
    for sale in _sales(now().replace(microsecond=0)):
        await events.create(database, organiser.id, sale)


def _sales(at: datetime) -> list[NewSale]:
    return [
        _coldplay(at),
        NewSale(
            slug="strings-by-candlelight",
            name="Strings by Candlelight",
            venue="Laeiszhalle, Hamburg",
            starts_at=half_past(at + timedelta(days=45), 18),
            sale_starts_at=at - timedelta(minutes=1),
            lobby_opens_at=None,
            cancel_until=half_past(at + timedelta(days=38), 18),
            currency="EUR",
            per_user_limit=6,
            published=True,
            rate_per_minute=600,
            max_active=100,
            fee_basis_points=500,
            types=(
                _seated("Stalls", 6_400, "Stalls", "ABCDEFGHJKLM", 24),
                _seated("Balcony", 3_900, "Balcony", "ABCDEF", 30),
            ),
        ),
        NewSale(
            slug="open-synths-night",
            name="Night of the Open Synths",
            venue="Paradiso, Amsterdam",
            starts_at=half_past(at + timedelta(days=80), 20),
            sale_starts_at=half_past(at + timedelta(days=30), 9),
            lobby_opens_at=at - timedelta(minutes=1),
            currency="EUR",
            per_user_limit=4,
            published=True,
            rate_per_minute=600,
            max_active=200,
            types=(NewTicketType("Floor", 4_200, 1_200), NewTicketType("Gallery", 5_600, 300)),
        ),
    ]


def _coldplay(at: datetime) -> NewSale:
    return NewSale(
        slug="coldplay-mumbai-2026",
        name="Coldplay in Mumbai",
        venue="DY Patil Stadium, Navi Mumbai",
        # A demo started later than planned still sells for a day to come.
        starts_at=max(datetime(2026, 12, 12, 14, 30, tzinfo=UTC), half_past(at + timedelta(days=20), 14)),
        sale_starts_at=at - timedelta(minutes=1),
        lobby_opens_at=None,
        cancel_until=half_past(at + timedelta(days=14), 14),
        currency="INR",
        per_user_limit=4,
        published=True,
        rate_per_minute=300,
        max_active=200,
        types=(NewTicketType("Standing", 250_000, 50_000),),
    )


def half_past(day: datetime, hour: int) -> datetime:
    """Half past `hour` (UTC) on that day: nothing starts at 17:03:41."""
    return day.replace(hour=hour, minute=30, second=0)


def _seated(name: str, price: int, section: str, rows: str, seats: int) -> NewTicketType:
    places = [Seat(section, row, number) for row in rows for number in range(1, seats + 1)]
    return NewTicketType(name, price, len(places), places)
