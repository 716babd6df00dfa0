"""Pages that poll: told when to ask again, and answered 304 without news, never from the database."""

from contextvars import ContextVar

import pytest
from databases import Database
from databases.core import Connection

from tests.api.support import BALCONY, STANDING, open_sale, services
from tests.house import House, Sale, Visitor, eventually
from ticketflow.live.poll_pace import LONGEST_SECONDS, POLLS_A_SECOND, SHORTEST_SECONDS, PollPace
from waiting_room.web import cookie_name

OURS: ContextVar[bool] = ContextVar("ours", default=False)
pytestmark = pytest.mark.asyncio(loop_scope="package")


async def waiting_fan(house: House, visitor: Visitor) -> Sale:
    """Join a sale where everybody waits."""
    sale = await open_sale(house, types=[STANDING, BALCONY], max_active=0)
    assert (await visitor.join(sale)).json()["place"] == 1
    return sale


def polled(sale: Sale) -> dict[str, str]:
    event = f"/api/events/{sale.event_id}"
    return {"event": event, "queue": f"{event}/queue", "seats": f"{event}/seats/state"}


@pytest.mark.parametrize("what", ["event", "queue", "seats"])
async def test_a_poll_without_news_is_304_and_asks_no_database(
    house: House, what: str, monkeypatch: pytest.MonkeyPatch
):
    async with house.visitor() as fan:
        path = polled(await waiting_fan(house, fan))[what]
        first = await fan.get(path)
        assert first.status_code == 200
        assert int(first.headers["Poll-After"]) == SHORTEST_SECONDS
        queries = count_queries(monkeypatch, services(house).database)
        again = await fan.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == first.headers["ETag"]
        assert int(again.headers["Poll-After"]) == SHORTEST_SECONDS
        assert queries == []


async def test_control_the_queries_would_be_seen(house: House, monkeypatch: pytest.MonkeyPatch):
    queries = count_queries(monkeypatch, services(house).database)
    async with house.visitor() as fan:
        await fan.register()
    assert queries


def count_queries(monkeypatch: pytest.MonkeyPatch, database: Database) -> list[str]:
    """Each time that this test, or a request of it, takes up the database. The house's loops do not count."""
    asked: list[str] = []
    connection = database.connection
    OURS.set(True)

    def counted() -> Connection:
        if OURS.get():
            asked.append("taken")
        return connection()

    monkeypatch.setattr(database, "connection", counted)
    return asked


@pytest.mark.parametrize("what", ["event", "queue", "seats"])
async def test_news_is_told_to_who_has_the_old(house: House, what: str):
    sale = await open_sale(house, types=[STANDING, BALCONY])
    async with house.visitor() as fan:
        await fan.register()
        await fan.come_in(sale)
        path = polled(sale)[what]
        known = {"If-None-Match": (await fan.get(path)).headers["ETag"]}
        if what == "queue":
            known["Queue-Ticket"] = fan.cookies[cookie_name(sale.event_id)]
            await fan.delete(path)
        else:
            assert (await fan.hold(sale, type_id=sale.type_ids[1])).status_code == 201

        async def is_told() -> bool:
            news = await fan.get(path, headers=known)
            return news.status_code == 200 and news.headers["ETag"] != known["If-None-Match"]

        await eventually(is_told)


async def test_a_refusal_is_not_conditional(house: House, sale: Sale):
    async with house.visitor() as nobody:
        refused = await nobody.get(polled(sale)["queue"], headers={"If-None-Match": "*"})
    assert refused.status_code == 404
    assert "ETag" not in refused.headers


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("pollers", "seconds"),
    [(1, SHORTEST_SECONDS), (POLLS_A_SECOND * 20, 20), (POLLS_A_SECOND * 100, LONGEST_SECONDS)],
)
async def test_the_more_poll_the_less_often_each(pollers: int, seconds: float):
    clock = Clock()
    pace = PollPace(clock)
    for _ in range(3):
        told = SHORTEST_SECONDS
        for _ in range(pollers):
            told = pace.next_poll()
        clock.now += told
    assert told == seconds
    for _ in range(2):
        clock.now += LONGEST_SECONDS
        told = pace.next_poll()
    assert told == SHORTEST_SECONDS, "often again, when they are gone"
