"""The way into the line is the one everybody takes at once: it asks Redis once and the database never."""

from contextvars import ContextVar

import pytest

from tests.house import in_process, make_sale
from ticketflow.steady import SteadyDatabase

asking: ContextVar[bool] = ContextVar("asking", default=False)


@pytest.fixture
def database_calls(monkeypatch):
    """Each time a request took a database connection; what the background loops do is not counted."""
    calls: list[str] = []
    connection = SteadyDatabase.connection

    def counted(self):
        if asking.get():
            calls.append("connection")
        return connection(self)

    monkeypatch.setattr(SteadyDatabase, "connection", counted)
    return calls


async def test_a_join_asks_no_database(settings, database_calls):
    sale = await make_sale(settings, rate_per_minute=0)
    async with in_process(settings) as house, house.visitor() as fan, house.visitor() as other:
        # The first request of a process may look the room up.
        assert (await fan.join(sale)).status_code == 201
        asking.set(True)
        assert (await other.join(sale)).status_code == 201
        assert (await other.join(sale)).status_code == 200
        assert (await other.get(f"/api/events/{sale.event_id}/queue")).status_code == 200
        assert database_calls == []


async def test_control_registering_is_seen_to_ask_it(settings, database_calls):
    async with in_process(settings) as house, house.visitor() as fan:
        asking.set(True)
        assert (await fan.register()).status_code == 201
        assert database_calls
