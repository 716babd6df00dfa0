"""kill -9 at every fault point, in the real commands; then what was left is taken up, and all books agree."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests import servers
from tests.booking.crashing import CAPACITY, Attempt, CrashingHouse, gather, heard
from tests.house import eventually, make_sale, settings_for
from ticketflow.booking import auditor, findings
from ticketflow.clients import open_stores
from ticketflow.domain import now
from ticketflow.faults import Act, Fault, Point
from ticketflow.settings import Settings
from ticketflow.store import reconcile
from ticketflow.store.events import NewTicketType
from ticketflow.store.tables import metadata
from ticketflow.worker import Background

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOLDING = [Point.HOLD_ASKED, Point.HELD]
SUBMITTING = [Point.SUBMIT_ASKED, Point.SUBMITTED, Point.BOOK_ASKED, Point.BOOKED]
LEDGER = [
    Point.ORDER_READ,
    Point.AUTHORISE_ASKED,
    Point.AUTHORISED,
    Point.COMMIT_ASKED,
    Point.COMMIT_WRITTEN,
    Point.COMMITTED,
    Point.SETTLE_ASKED,
    Point.SETTLED,
    Point.TURN_ENDED,
    Point.TOLD,
    Point.CAPTURE_ASKED,
    Point.CAPTURED,
    Point.CAPTURE_NOTED,
]
VOIDING = [Point.VOID_ASKED, Point.VOIDED, Point.VOID_NOTED]
MAIL = [Point.MAIL_LEASED, Point.MAIL_DELIVERED, Point.MAIL_NOTED]
CANCELLING = [
    Point.CANCEL_WRITTEN,
    Point.CANCELLED,
    Point.UNITS_BACK,
    Point.UNITS_NOTED,
    Point.REFUND_ASKED,
    Point.REFUNDED,
    Point.REFUND_NOTED,
]
# Of what rooms have written down: tests/store/test_admission_log.py.
LOGGING = [Point.LOG_WRITTEN, Point.LOG_COMMITTED]
KILLED = -signal.SIGKILL
FANS = 3
CONTROL_SECONDS = 1.0
OUT = "tests.booking.unguarded"


@pytest.fixture(scope="module")
def quick() -> Iterator[None]:
    """The auditor of this process looks at money however young, and looks again soon."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (auditor, findings):
            patch.setattr(module, "UNDERWAY", timedelta(0))
        patch.setattr(findings, "ORPHAN_AFTER", timedelta(0))
        patch.setattr(auditor, "LOOK_AGAIN_SECONDS", (0.1, 0.2))
        yield


@pytest.fixture(scope="module")
def stores(mariadb: servers.MariaDB, redis_url: str) -> Iterator[Settings]:
    """Settings on a database of this module's own. Nothing here waits for what an audit would mend."""
    with mariadb.fresh(metadata) as url:
        yield settings_for(
            database_url=url,
            redis_url=redis_url,
            smtp_url="",
            prefix="test-fault-points",
            ledger_takeover_seconds=0.5,
            settle_after_seconds=0.5,
            mail_lease_seconds=1.0,
            # A letter at a time: another one on its way when the worker dies would be sent again as well.
            mail_connections=1,
            audit_seconds=86_400,
            booking_wait_seconds=2.0,
            retry_seconds=0,
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(
    stores: Settings, quick: None, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[CrashingHouse]:
    mailbox = servers.Mailbox()
    smtp = await servers.smtp_server(mailbox)
    settings = replace(stores, smtp_url=mailbox.url)
    sale = await make_sale(
        settings,
        types=[NewTicketType("Standing", 2500, CAPACITY)],
        per_user_limit=CAPACITY,
        cancel_until=now() + timedelta(days=20),
    )
    async with open_stores(settings) as found:
        background = Background(settings, found)
        await background.catalogue.load()
        folder = tmp_path_factory.mktemp("crashing")
        crashed = CrashingHouse(
            settings, folder, found.database, found.redis, background.auditor(), mailbox, sale
        )
        try:
            await crashed.open(FANS)
            yield crashed
        finally:
            await crashed.close()
            smtp.close()
            await smtp.wait_closed()


async def test_no_point_is_left_out():
    elsewhere = [Point.UNITS_TAKEN_OUT, Point.UNITS_MADE]  # tests/booking/test_capacity.py
    tested = [*HOLDING, *SUBMITTING, *LEDGER, *VOIDING, *MAIL, *CANCELLING, *LOGGING, *elsewhere]
    assert sorted(tested) == sorted(Point)


async def all_is_well(house: CrashingHouse, attempts: list[Attempt], *, copies: int = 1) -> None:
    """Once it is quiet: the books agree, what was said is so, and each letter was sent once."""
    await house.quiet()
    assert await house.differences() == []
    await house.check_answers(attempts)
    assert await house.differences() == []
    await house.check_letters(attempts, copies)


@pytest.mark.parametrize("point", HOLDING)
async def test_killed_while_holding(house: CrashingHouse, point: Point):
    await house.come_in()
    web = await house.start("serve", Fault(point), hold_seconds=1)
    assert await heard(house.fans[0].hold(house.sale, 2)) is None
    assert await web.ended() == KILLED
    await house.start("serve")
    await all_is_well(house, [])


@pytest.mark.parametrize("point", SUBMITTING)
async def test_killed_while_submitting(house: CrashingHouse, point: Point):
    """Who heard nothing and asks again under the same key has one booking, or none if the hold is over."""
    await house.come_in()
    # A hold that nobody submits goes back soon; any other is not to run out before it is submitted.
    soon: dict[str, Any] = {"hold_seconds": 1} if point is Point.SUBMIT_ASKED else {}
    web = await house.start("serve", Fault(point), **soon)
    if point in (Point.SUBMIT_ASKED, Point.SUBMITTED):
        attempts = [await house.held(house.fans[0], point)]
    else:
        attempts = [house.at_once(fan, point) for fan in house.fans]
    await gather(attempts)
    assert {attempt.answer for attempt in attempts} == {None}
    assert await web.ended() == KILLED
    await house.start("serve")
    await all_is_well(house, attempts)


async def three_ways(house: CrashingHouse, name: str) -> list[Attempt]:
    """From a hold; in one step, where the bank's answer gets lost; and with a card that is declined."""
    await house.come_in()
    one, two, three = house.fans
    return [
        await house.held(one, name),
        house.at_once(two, name, "card-timeout"),
        house.at_once(three, name, "card-declined"),
    ]


async def killed_at_work(
    house: CrashingHouse, attempts: list[Attempt], fault: Fault, *, next_without: str | None = None
) -> None:
    """Let the worker die of the fault with these bookings in hand, and another one come after it."""
    worker = await house.start("worker", fault)
    # No other letter may be at the mail server when the worker dies: it would be sent again as well.
    house.mailbox.answer = "250 taken" if fault.point in MAIL else "451 later"
    asked = asyncio.create_task(gather(attempts))
    try:
        assert await worker.ended() == KILLED
    finally:
        house.mailbox.answer = "250 taken"
        await house.start("worker", without=next_without)
        await asked


@pytest.mark.parametrize("point", [*LEDGER, *MAIL])
async def test_killed_in_the_ledger(house: CrashingHouse, point: Point):
    attempts = await three_ways(house, f"{point}-kill")
    await killed_at_work(house, attempts, Fault(point))
    # Only who dies between the mail server's word and the note of it sends a letter again.
    await all_is_well(house, attempts, copies=2 if point is Point.MAIL_DELIVERED else 1)
    assert [await house.status_of(attempt.id) for attempt in attempts] == [
        "confirmed",
        "confirmed",
        "refused",
    ]


@pytest.mark.parametrize("point", VOIDING)
async def test_killed_while_letting_go_of_money(house: CrashingHouse, point: Point):
    """The commit refuses a booking whose charge was given up before."""
    attempts = await three_ways(house, f"{point}-kill")
    await reconcile.note_orphan(house.database, attempts[1].id)
    await killed_at_work(house, attempts, Fault(point))
    await all_is_well(house, attempts)
    assert [await house.status_of(attempt.id) for attempt in attempts] == ["confirmed", "refused", "refused"]


async def booked(house: CrashingHouse, key: str) -> Attempt:
    """A booking that is paid and told."""
    await house.come_in()
    attempt = await house.held(house.fans[0], key)
    await attempt.make()
    assert attempt.answer is not None
    assert attempt.answer.status_code == 201, attempt.answer.text
    await house.quiet()
    return attempt


def cancel(attempt: Attempt) -> Awaitable[httpx.Response | None]:
    return heard(attempt.fan.post(f"/api/bookings/{attempt.id}/cancel"))


async def killed_while_cancelling(house: CrashingHouse, point: Point, key: str) -> Attempt:
    attempt = await booked(house, key)
    web = await house.start("serve", Fault(point))
    assert await cancel(attempt) is None
    assert await web.ended() == KILLED
    await house.start("serve")
    return attempt


async def is_cancelled(house: CrashingHouse, attempt: Attempt) -> None:
    """Whoever asks now is told that it is, and nothing is done twice."""
    answer = await cancel(attempt)
    assert answer is not None
    assert answer.json()["status"] == "cancelled", answer.text
    await house.quiet()
    assert await house.differences() == []
    await house.check_letters([attempt])


@pytest.mark.parametrize("point", CANCELLING)
async def test_killed_while_cancelling(house: CrashingHouse, point: Point):
    attempt = await killed_while_cancelling(house, point, f"{point}-kill")
    await house.quiet()
    assert await house.differences() == []
    ended = "confirmed" if point is Point.CANCEL_WRITTEN else "cancelled"
    assert await house.status_of(attempt.id) == ended
    await is_cancelled(house, attempt)


AT_THE_LEDGER = [Point.AUTHORISED, Point.COMMITTED, Point.SETTLED, Point.TOLD, Point.CAPTURED]


@pytest.mark.parametrize("point", [*AT_THE_LEDGER, Point.MAIL_DELIVERED])
async def test_an_answer_to_the_worker_is_lost(house: CrashingHouse, point: Point):
    attempts = await three_ways(house, f"{point}-lose")
    worker = await house.start("worker", Fault(point, Act.LOSE))
    await gather(attempts)
    await eventually(worker.has_struck)
    assert worker.exit_code is None
    await all_is_well(house, attempts, copies=2 if point is Point.MAIL_DELIVERED else 1)
    assert [await house.status_of(attempt.id) for attempt in attempts] == [
        "confirmed",
        "confirmed",
        "refused",
    ]
    await house.start("worker")


@pytest.mark.parametrize("point", [Point.CANCELLED, Point.UNITS_BACK, Point.REFUNDED])
async def test_an_answer_to_who_cancels_is_lost(house: CrashingHouse, point: Point):
    attempt = await booked(house, f"{point}-lose")
    web = await house.start("serve", Fault(point, Act.LOSE))
    answer = await cancel(attempt)
    assert answer is not None
    assert answer.status_code == (503 if point is Point.CANCELLED else 200), answer.text
    await eventually(web.has_struck)
    await house.quiet()
    assert await house.status_of(attempt.id) == "cancelled"
    await is_cancelled(house, attempt)
    await house.start("serve")


async def stays(house: CrashingHouse, *what: str) -> None:
    """Fail unless these are still under way after the time in which guards mend them."""
    await asyncio.sleep(CONTROL_SECONDS)
    assert set(await house.unrest()) >= set(what), await house.unrest()


async def test_control_without_takeover_orders_are_stuck(house: CrashingHouse):
    attempts = await three_ways(house, "takeover")
    await killed_at_work(house, attempts, Fault(Point.COMMITTED), next_without=f"{OUT}:takeover")
    await stays(house, "pending", "orders", "holds")
    await house.start("worker")
    await all_is_well(house, attempts)


async def test_control_without_a_sweep_money_is_stuck(house: CrashingHouse):
    attempts = await three_ways(house, "settling")
    await killed_at_work(house, attempts, Fault(Point.TOLD), next_without=f"{OUT}:settling")
    await stays(house, "money")
    assert any("paid" in difference for difference in await house.differences())
    await house.start("worker")
    await all_is_well(house, attempts)


async def test_control_without_a_sweep_units_of_a_cancelled_booking_are_stuck(house: CrashingHouse):
    await house.start("worker", without=f"{OUT}:giving_back")
    attempt = await killed_while_cancelling(house, Point.CANCELLED, "giving-back")
    await stays(house, "units")
    assert await house.differences() != []
    await house.start("worker")
    await house.quiet()
    await is_cancelled(house, attempt)


async def test_control_an_order_acknowledged_before_its_commit_is_lost(house: CrashingHouse):
    """The auditor finds it: the booker has the tickets in hand again, and nothing is reserved."""
    attempt = (await three_ways(house, "acknowledged"))[0]
    await house.start("worker", Fault(Point.COMMIT_ASKED), without=f"{OUT}:acknowledging_last")
    await gather([attempt])
    assert await house.running["worker"].ended() == KILLED
    await house.start("worker")
    await stays(house, "holds")
    report = await house.auditor.audit(since=now() - timedelta(days=1))
    assert {difference.kind for difference in report.differences} >= {"lost_order", "orphan"}
    await house.auditor.mend(report.differences)
    assert (await attempt.fan.delete(f"/api/holds/{attempt.body['hold_id']}")).status_code == 204
    await house.quiet()
    assert await house.differences() == []
