"""Each kind of difference is made by hand, found, mended and gone; and a sale that is on gives no alarm."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import delete, select

from tests.booking.auditing import LONG_AGO, TICKETS, Books, auditor_of, kept_books
from tests.booking.support import money_of, rows, sell_behind, services, stock_is, working
from tests.house import eventually, in_process, make_sale
from ticketflow.booking import auditor as auditor_module
from ticketflow.booking.findings import FOR_PEOPLE, WORDS
from ticketflow.domain import BookingStatus, Order, PaymentStatus, now
from ticketflow.payments import GatewayTimeout, SimulatedGateway
from ticketflow.settings import Settings
from ticketflow.store import reconcile, sales, tables
from ticketflow.store.events import NewTicketType
from ticketflow.store.sales import Verdict

Damage = Callable[[Books], Awaitable[object]]


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two looks nothing need happen where nobody is at work."""
    monkeypatch.setattr(auditor_module, "LOOK_AGAIN_SECONDS", (0.01, 0.02))


async def first_hold(books: Books) -> tuple[str, dict]:
    ((hold_id, stored),) = (await books.redis.hgetall(books.key("holds"))).items()
    return hold_id, json.loads(stored)


async def pay_by_nobody(books: Books) -> None:
    hold_id, hold = await first_hold(books)
    hold |= {"state": "paying", "booking": "nobody's"}
    await books.redis.hset(books.key("holds"), hold_id, json.dumps(hold))
    await books.redis.zrem(books.key("expiry"), hold_id)


async def hold_it_again(books: Books) -> None:
    _, hold = await first_hold(books)
    await books.redis.hset(books.key("holds"), "7-twin", json.dumps(hold))
    await books.redis.zadd(books.key("expiry"), {"7-twin": hold["expires"]})
    await books.redis.hincrby(books.key("taken"), hold["user"], 3)
    await books.redis.hincrby(books.key("visits"), hold["visitor"], 1)


BEYOND = '{"type":1e999,"user":"1","visitor":"v","units":[1],"expires":"1","state":"held"}'


async def make_a_string(books: Books, noun: str) -> None:
    await books.redis.delete(books.key(noun))
    await books.redis.set(books.key(noun), "x")


async def make_a_list(books: Books, noun: str) -> None:
    await books.redis.delete(books.key(noun))
    await books.redis.lpush(books.key(noun), "x")


NONSENSE = {
    "version": ("abc", -1000000),
    "epoch": ("abc", -5),
    "closed_until": ("abc", 99999999999999999),
}

IN_REDIS: dict[str, tuple[set[str], Damage]] = {
    "all lost": ({"missing"}, lambda b: b.redis.delete(b.key("stock"))),
    "free count": ({"count"}, lambda b: b.redis.hset(b.key("stock"), f"free:{b.kind}", 900)),
    "no number": ({"count"}, lambda b: b.redis.hset(b.key("stock"), f"free:{b.kind}", "many")),
    "sold count": ({"sum"}, lambda b: b.redis.hincrby(b.key("stock"), f"sold:{b.kind}", 1)),
    "capacity": ({"settings"}, lambda b: b.redis.hset(b.key("stock"), f"capacity:{b.kind}", 5)),
    "limit": ({"settings"}, lambda b: b.redis.hset(b.key("stock"), "limit", 99)),
    "a sold unit free": ({"sold_but_free", "count", "sum"}, lambda b: b.redis.setbit(b.key("units"), 0, 1)),
    "a held unit free": ({"twice", "count", "sum"}, lambda b: b.redis.setbit(b.key("units"), 3, 1)),
    "a unit too many": ({"twice", "count", "sum"}, lambda b: b.redis.setbit(b.key("units"), TICKETS, 1)),
    "a free unit gone": ({"leaked", "count", "sum"}, lambda b: b.redis.setbit(b.key("units"), 9, 0)),
    "nothing free": ({"leaked", "count", "sum"}, lambda b: b.redis.set(b.key("units"), b"")),
    "all free": (
        {"twice", "sold_but_free", "count", "sum"},
        lambda b: b.redis.set(b.key("units"), b"\xff\xff\xf0"),
    ),
    "a buyer forgotten": ({"taken"}, lambda b: b.redis.hdel(b.key("taken"), str(b.user_id))),
    "a buyer invented": ({"taken"}, lambda b: b.redis.hset(b.key("taken"), "4711", 2)),
    "a turn's holds": ({"visits"}, lambda b: b.redis.delete(b.key("visits"))),
    "a hold's end": ({"expiry"}, lambda b: b.redis.delete(b.key("expiry"))),
    "a hold nobody had": ({"unreadable"}, lambda b: b.redis.hset(b.key("holds"), "x", "{")),
    "paid by nobody": ({"lost_order"}, pay_by_nobody),
    "no version": ({"settings"}, lambda b: b.redis.hset(b.key("stock"), "version", "abc")),
    "a version below none": ({"settings"}, lambda b: b.redis.hset(b.key("stock"), "version", -1000000)),
    "no epoch": ({"settings"}, lambda b: b.redis.hset(b.key("stock"), "epoch", "abc")),
    "an epoch below none": ({"settings"}, lambda b: b.redis.hset(b.key("stock"), "epoch", -5)),
    "closed by nonsense": ({"settings"}, lambda b: b.redis.hset(b.key("stock"), "closed_until", "abc")),
    "closed for ever": (
        {"settings"},
        lambda b: b.redis.hset(b.key("stock"), "closed_until", 99999999999999999),
    ),
    "a hold of bytes": ({"unreadable"}, lambda b: b.redis.hset(b.key("holds"), "1-junk", b"\xff\xfe")),
    "a hold beyond numbers": ({"unreadable"}, lambda b: b.redis.hset(b.key("holds"), "1-junk", BEYOND)),
    "a hold too deep": ({"unreadable"}, lambda b: b.redis.hset(b.key("holds"), "1-junk", "[" * 100_000)),
    "an end beyond time": ({"expiry"}, lambda b: b.redis.zadd(b.key("expiry"), {"1-gone": "inf"})),
    "ends of another type": ({"unreadable"}, lambda b: make_a_string(b, "expiry")),
    "stock of another type": ({"unreadable"}, lambda b: make_a_string(b, "stock")),
    "units of another type": ({"unreadable"}, lambda b: make_a_list(b, "units")),
    "two holds": ({"twice", "sum"}, hold_it_again),
}
"""Damage done in Redis: what it is found as."""


async def test_what_is_wrong_in_redis_is_found_and_mended(settings: Settings):
    async with kept_books(settings) as books:
        assert await books.found() == set()
        for name, (kinds, damage) in IN_REDIS.items():
            await damage(books)
            assert await books.found() == kinds, name
            await books.mend()
            assert await books.found() == set(), name
        await stock_is(books.house, books.sale, free=15, held=3, sold=2)


async def test_an_event_that_cannot_be_read_hides_no_other(settings: Settings):
    hidden = await make_sale(settings)
    async with kept_books(settings) as books:
        stock = services(books.house).stock
        await books.redis.delete(stock.keys(hidden.event_id).holds)
        await books.redis.set(stock.keys(hidden.event_id).holds, "x")
        await books.redis.hset(books.key("stock"), f"free:{books.kind}", 900)
        report = await books.auditor.audit(since=now() - LONG_AGO)
        assert {(d.kind, d.event_id) for d in report.differences} == {
            ("unreadable", hidden.event_id),
            ("count", books.sale.event_id),
        }
        await books.mend()
        assert await books.found() == set()


async def test_nonsense_in_the_fields_of_time_stops_no_sale(settings: Settings):
    """Also before the auditor comes: it is a new epoch then, and a rebuild goes past the one that was."""
    async with kept_books(settings) as books, books.house.visitor() as fan:
        stock = services(books.house).stock
        await fan.register()
        for field, value in [(field, value) for field, values in NONSENSE.items() for value in values]:
            before = await stock.counts(books.event)
            assert before is not None
            await books.redis.hset(books.key("stock"), field, value)
            await fan.come_in(books.sale)
            hold = await fan.hold(books.sale)
            assert hold.status_code == 201, (field, value, hold.text)
            counts = await stock.counts(books.event)
            assert counts is not None
            assert counts.newer_than(before), (field, value)
            assert (await fan.delete(f"/api/holds/{hold.json()['id']}")).status_code == 204
            await books.mend()
            rebuilt = await stock.counts(books.event)
            assert rebuilt is not None
            assert rebuilt.newer_than(before)


async def test_holds_end_whatever_stands_in_the_counts(settings: Settings):
    async with kept_books(settings) as books:
        keeper = services(books.house).keeper
        hold_id, hold = await first_hold(books)
        await books.redis.hset(books.key("holds"), "1-junk", "5")
        await books.redis.zadd(books.key("expiry"), {hold_id: 1, "1-junk": 0})
        await books.redis.hset(
            books.key("stock"), mapping={"epoch": "abc", "version": "abc", f"sold:{books.kind}": "x"}
        )
        await keeper._expire_holds(books.event)
        assert await books.redis.hkeys(books.key("holds")) == ["1-junk"]
        assert await books.redis.getbit(books.key("units"), hold["units"][0]) == 1


async def test_an_order_that_fell_out_of_the_stream_is_booked_after_all(settings: Settings):
    async with kept_books(settings) as books, books.house.visitor() as fan:
        await fan.register()
        await fan.come_in(books.sale)
        hold = (await fan.hold(books.sale)).json()
        where = (await fan.book(hold["id"], prefer="wait=0")).headers["Location"]
        await books.redis.delete(books.key("orders"))
        assert await books.found() == {"orders"}
        await books.mend()
        assert await books.found() == set()
        async with working(books.house.settings):

            async def confirmed() -> bool:
                return bool((await fan.get(where)).json()["status"] == "confirmed")

            await eventually(confirmed)
            await stock_is(books.house, books.sale, free=14, held=3, sold=3)


async def test_what_the_database_sold_behind_redis_is_found_and_mended(settings: Settings):
    async with kept_books(settings) as books:
        _, hold = await first_hold(books)
        await sell_behind(books.house, books.sale, [hold["units"][0], 11])
        assert await books.found() == {"sold_but_free", "taken"}
        await books.mend()
        await stock_is(books.house, books.sale, free=16, held=0, sold=4)


async def set_apart(books: Books, ours: str, theirs: str, status: str = "confirmed") -> None:
    """Our books, the gateway's and the booking say different things of its money."""
    await books.change(tables.payments, status=ours, updated_at=now() - LONG_AGO)
    await books.change(tables.simulated_charges, status=theirs)
    await books.change(tables.bookings, status=status)


MONEY = [
    ("uncaptured", "captured", "authorised", "confirmed", ("captured", "captured")),
    ("uncaptured", "authorised", "authorised", "confirmed", ("captured", "captured")),
    ("not_let_go", "void_due", "authorised", "refused", ("voided", "voided")),
    ("not_let_go", "declined", "authorised", "refused", ("declined", "voided")),
    ("kept", "voided", "captured", "refused", ("voided", "refunded")),
    ("kept", "voided", "captured", "cancelled", ("voided", "refunded")),
    ("unpaid", "captured", "voided", "confirmed", ("captured", "voided")),
    ("unpaid", "captured", "declined", "confirmed", ("captured", "declined")),
]


async def test_money_is_where_the_bookings_say(settings: Settings):
    async with kept_books(settings) as books:
        for kind, ours, theirs, status, ends in MONEY:
            await set_apart(books, ours, theirs, status)
            assert kind in await books.found(), (kind, ours, theirs)
            await books.change(tables.payments, updated_at=now())
            assert kind not in await books.found(), "what has just changed may be on its way"
            await books.change(tables.payments, updated_at=now() - LONG_AGO)
            await books.mend()
            assert await money_of(books.house, books.booking_id) == ends, (kind, ours, theirs)
            assert (kind in await books.found()) == (kind in FOR_PEOPLE)
        await set_apart(books, "captured", "captured")
        await books.change(tables.simulated_charges, amount=1)
        assert await books.found() == {"amount"}
        await books.house.database.execute(delete(tables.simulated_charges))
        assert await books.found() == {"unpaid"}
        await books.change(tables.payments, amount=0)
        assert await books.found() == set(), "nothing is due, and nothing is charged"


async def test_a_charge_without_a_booking_is_let_go_and_nobody_comes_to_rely_on_it(settings: Settings):
    async with kept_books(settings) as books:
        gateway = SimulatedGateway(books.house.database, 0)
        charges, orphan = tables.simulated_charges, "5" * 32
        await gateway.authorise(orphan, 100, "EUR", "card-ok")
        assert await books.found() == set(), "its order may be on its way"
        await books.house.database.execute(charges.update().values(created_at=now() - LONG_AGO))
        await books.redis.hset(books.key("pending"), orphan, json.dumps({"booking_id": orphan}))
        await books.redis.xadd(books.key("orders"), {"order": json.dumps({"booking_id": orphan})})
        assert await books.found() == set(), "its order waits for a ledger"
        await books.redis.delete(books.key("pending"), books.key("orders"))
        assert await books.found() == {"orphan"}
        await books.mend()
        assert await money_of(books.house, orphan) == (None, "voided")
        assert await books.found() == set()

        # The booker sends the lost booking again: the gateway says yes to a key it knows.
        order = order_of(books, orphan)
        late = Verdict(order, BookingStatus.CONFIRMED, PaymentStatus.AUTHORISED)
        (written,) = await sales.commit(books.house.database, [late])
        assert (written.status, written.reason) == (BookingStatus.REFUSED, "payment_unknown")
        assert await rows(books.house, tables.tickets) == 2


def order_of(books: Books, booking_id: str) -> Order:
    return Order(
        entry_id="0-0",
        booking_id=booking_id,
        request_hash="hash",
        hold_id=f"{books.sale.event_id}-late",
        event_id=books.sale.event_id,
        user_id=books.user_id,
        visitor="late",
        ticket_type_id=books.kind,
        units=(7,),
        amount=100,
        currency="EUR",
        method="card-ok",
        keep_hold=False,
        submitted_at=now(),
    )


async def test_an_orphan_whose_booking_turns_up_while_it_is_let_go_keeps_its_money(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    async with kept_books(settings) as books:
        late = "6" * 32
        await SimulatedGateway(books.house.database, 0).authorise(late, 100, "EUR", "card-ok")
        await books.house.database.execute(
            tables.simulated_charges.update().values(created_at=now() - LONG_AGO)
        )
        note = reconcile.note_orphan

        async def commit_first(database, key) -> None:
            verdict = Verdict(order_of(books, late), BookingStatus.CONFIRMED, PaymentStatus.AUTHORISED)
            await sales.commit(database, [verdict])
            await note(database, key)

        monkeypatch.setattr(reconcile, "note_orphan", commit_first)
        await books.mend()
        assert await money_of(books.house, late) == ("authorised", "authorised")


async def test_each_confirmed_booking_has_its_letter(settings: Settings):
    about_bookings = select(tables.outbox).where(tables.outbox.c.booking_id.is_not(None))
    async with kept_books(settings) as books:
        letter = await books.house.database.fetch_one(about_bookings)
        await books.house.database.execute(delete(tables.outbox))
        assert await books.found() == {"no_letter"}
        await books.mend()
        await books.mend()
        again = await books.house.database.fetch_one(about_bookings)
        assert letter is not None
        assert again is not None
        assert (again["booking_id"], again["recipient"], again["kind"]) == (
            letter["booking_id"],
            letter["recipient"],
            letter["kind"],
        )
        await books.change(tables.bookings, quantity=3)
        assert await books.found() == {"tickets"}
        await books.change(tables.bookings, quantity=2, status="refused")
        assert await books.found() == {"tickets", "stray_letter", "kept"}


async def test_a_gateway_that_says_nothing_is_no_difference_and_not_clean(settings: Settings):
    class Mute(SimulatedGateway):
        async def recent(self, since):
            async for charge in super().recent(since):
                yield charge
            raise GatewayTimeout

    async with kept_books(settings) as books:
        auditor, _ = auditor_of(books.house, Mute(books.house.database, 0))
        report = await auditor.audit(since=now() - LONG_AGO)
        assert (report.differences, report.silent, report.clean) == ([], True, False)


async def selling_while_it_reads(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whenever the auditor has looked at Redis, a booking of one ticket begins and ends before it goes on."""
    read, house = reconcile.tickets_of, books.house

    async def sell_first(*args):
        async with house.visitor() as fan:
            await fan.register()
            await fan.come_in(books.sale)
            assert (await fan.book((await fan.hold(books.sale)).json()["id"])).status_code == 201
        return await read(*args)

    monkeypatch.setattr(reconcile, "tickets_of", sell_first)


@pytest.mark.parametrize("again", [True, False])
async def test_what_is_sold_between_two_readings_is_no_difference(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, again: bool
):
    """With the control: who looks only once cries wolf."""
    sale = await make_sale(settings, types=[NewTicketType("Standing", 2500, TICKETS)])
    async with in_process(settings) as house:
        books = Books(house, sale, *auditor_of(house))
        await selling_while_it_reads(books, monkeypatch)
        if not again:
            monkeypatch.setattr(auditor_module, "LOOK_AGAIN_SECONDS", ())
        assert await books.found() == (set() if again else {"sold_but_free", "taken"})


async def test_a_sale_that_is_on_gives_no_alarm(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(auditor_module, "LOOK_AGAIN_SECONDS", (0.05, 0.2))
    sale = await make_sale(settings, types=[NewTicketType("Standing", 2500, 200)], per_user_limit=20)
    async with in_process(settings) as house:
        books = Books(house, sale, *auditor_of(house))

        async def fan(number: int) -> None:
            async with house.visitor() as visitor:
                await visitor.register()
                for attempt in range(5):
                    await visitor.join(sale)
                    await visitor.claim(sale)
                    hold = await visitor.hold(sale, 1 + (number + attempt) % 3)
                    if hold.status_code == 201 and (number + attempt) % 4:
                        method = ("card-ok", "card-declined", "card-timeout")[(number + attempt) % 3]
                        await visitor.book(hold.json()["id"], method)
                    elif hold.status_code == 201:
                        await visitor.delete(f"/api/holds/{hold.json()['id']}")

        selling = asyncio.gather(*(fan(number) for number in range(20)))
        audits = 0
        while not selling.done():
            assert await books.found() == set()
            audits += 1
        await selling
        assert audits >= 3
        assert await rows(house, tables.tickets) > 20
        assert await books.found() == set()


def test_each_kind_has_words():
    assert set(FOR_PEOPLE) < set(WORDS)
