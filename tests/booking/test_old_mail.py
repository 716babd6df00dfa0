"""Links and letters of long ago are forgotten by the worker, a few at a time; all others stay."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from tests.booking.support import rows, web_only, working
from tests.booking.test_ledger import ends, fans_with_orders
from tests.house import House, eventually, make_sale
from ticketflow.domain import now
from ticketflow.mail import old_mail
from ticketflow.settings import Settings
from ticketflow.store import mail_links, outbox
from ticketflow.store.mail_links import Purpose
from ticketflow.store.old_mail import KEPT
from ticketflow.store.tables import mail_links as links
from ticketflow.store.tables import outbox as letters

LONG_AGO = now() - KEPT - timedelta(hours=1)
NOT_SO_LONG_AGO = now() - KEPT + timedelta(hours=1)


async def forgotten(house: House, name: str, ended: datetime) -> None:
    """A new password was asked for at an address that is nobody's; the link ended then, used or not."""
    link_id = await mail_links.add(house.database, Purpose.RESET, f"{name}@example.com", None)
    await outbox.write(house.database, "reset", f"{name}@example.com", link_id=link_id)
    used = ended if name.startswith("used") else None
    await house.database.execute(
        update(links).where(links.c.id == link_id).values(expires_at=ended, used_at=used)
    )
    await house.database.execute(update(letters).where(letters.c.link_id == link_id).values(state="sent"))


async def put_aside(house: House, name: str, at: datetime) -> None:
    """A letter without a link that was withdrawn then."""
    row = {"kind": "password_changed", "recipient": f"{name}@example.com", "message_id": name}
    await house.database.execute(
        insert(letters).values(row | {"state": "withdrawn", "due_at": at, "created_at": at})
    )


async def names(house: House, column: Any) -> set[str]:
    return {row[0].partition("@")[0] for row in await house.database.fetch_all(select(column))}


async def test_a_worker_forgets_what_is_old_and_nothing_else(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(old_mail, "FORGOTTEN_AT_ONCE", 2)
    sale = await make_sale(settings)
    async with web_only(settings) as house:
        ((fan, where),) = await fans_with_orders(house, sale, 1)
        async with working(settings):
            assert (await ends(fan, where))["status"] == "confirmed"
        about_booking = letters.c.booking_id.is_not(None)
        await house.database.execute(
            update(letters)
            .where(about_booking)
            .values(state="withdrawn", due_at=LONG_AGO, recipient="booker@")
        )
        await house.database.execute(
            update(letters).where(~about_booking).values(recipient="fan@", state="sent")
        )
        await house.database.execute(update(links).values(email="fan@"))
        for number in range(5):
            await forgotten(house, f"used-{number}" if number % 2 else f"old-{number}", LONG_AGO)
            await put_aside(house, f"aside-{number}", LONG_AGO)
        await forgotten(house, "young", NOT_SO_LONG_AGO)
        await put_aside(house, "young-aside", NOT_SO_LONG_AGO)
        async with working(settings):

            async def done() -> bool:
                return await rows(house, letters, kind="password_changed") == 1

            await eventually(done)
        assert await names(house, links.c.email) == {"fan", "young"}
        assert await names(house, letters.c.recipient) == {"booker", "fan", "young", "young-aside"}
        await fan.aclose()
