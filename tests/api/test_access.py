"""The access matrix: every route and socket, asked by everybody, and what each is told.

The table is access.txt. A cell is the answer's status, and where it leads if it leads somewhere; 101 is a
socket that opens. What the database is makes no difference here.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import func, select, update

from tests.api.access import COLUMNS, Cast, gather
from tests.api.support import services
from tests.api.test_routes import CONTRACT, routes
from tests.house import PASSWORD, House
from ticketflow.domain import now
from ticketflow.store.tables import audit, users
from ticketflow.web.bearer import NOBODYS

pytestmark = [
    pytest.mark.asyncio(loop_scope="package"),
    pytest.mark.parametrize("house", ["sqlite"], indirect=True, scope="package"),
]

Table = dict[str, list[str]]
ACTS = ("/api/organiser/", "/api/admin/")
ITS_OWN_RECORD = "POST /api/organiser/check"
"""The first use of a ticket says who checked it, where and when; the others change nothing."""


def read_table() -> Table:
    """Route -> its cells, in the order of COLUMNS."""
    lines = (Path(__file__).parent / "access.txt").read_text(encoding="utf-8").splitlines()
    head, *rows = [line.split() for line in lines if line.strip()]
    assert tuple(head[2:]) == COLUMNS
    return {" ".join(row[:2]): row[2:] for row in rows}


TABLE = read_table()


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def cast(house: House) -> AsyncIterator[Cast]:
    """Everybody, signed in, for all tests of this file."""
    gathered = await gather(house)
    yield gathered
    for visitor in gathered.people.values():
        await visitor.aclose()


async def differences(cast: Cast, table: Table) -> list[str]:
    """The cells that are not as the table says, in words."""
    found = []
    for route, expected in table.items():
        for column, cell in zip(COLUMNS, expected, strict=True):
            answer = await cast.ask(route, column)
            if answer != cell:
                found.append(f"{route} as {column}: {answer}, and the table says {cell}")
    return found


async def test_no_route_is_missing_and_none_is_left_over(house: House):
    assert set(routes(house)) == set(TABLE)


async def test_everybody_is_told_what_the_table_says(cast: Cast):
    assert await differences(cast, TABLE) == []


async def test_control_a_wrong_cell_is_found(cast: Cast):
    """The matrix with one cell wrong, and with one guard of the house taken out."""
    route = "GET /api/organiser/events/<int:event_id>/room"
    wrong = {route: [*TABLE[route][:3], "200", *TABLE[route][4:]]}
    assert await differences(cast, wrong) == [f"{route} as other_organiser: 404, and the table says 200"]
    assert await differences(cast, {route: TABLE[route]}) == []


async def test_control_a_guard_taken_out_is_found(cast: Cast, monkeypatch: pytest.MonkeyPatch):
    from ticketflow.live import catalogue

    monkeypatch.setattr(catalogue, "_sees_to", lambda user, event: True)
    open_now = [
        route
        for route in TABLE
        if "/api/organiser/events/<int:event_id>" in route and await differences(cast, {route: TABLE[route]})
    ]
    # Behind that guard the owner is in each WHERE: only what memory and Redis answer is open now.
    assert open_now == [
        "GET /api/organiser/events/<int:event_id>",
        "GET /api/organiser/events/<int:event_id>/audit",
        "GET /api/organiser/events/<int:event_id>/autopilot",
        "GET /api/organiser/events/<int:event_id>/bookings",
        "GET /api/organiser/events/<int:event_id>/report",
        "GET /api/organiser/events/<int:event_id>/room",
        "GET /api/organiser/events/<int:event_id>/room/outlook",
        "GET /api/organiser/events/<int:event_id>/stats",
    ]
    other = cast.people["other_organiser"]
    for what in ("bookings", "audit"):
        page = await other.get(f"/api/organiser/events/{cast.sale.event_id}/{what}")
        assert page.json() == {what: [], "next": None}


async def test_the_bearer_of_a_closed_account_is_nobody_anywhere(cast: Cast):
    house = cast.house
    async with house.visitor() as gone:
        me = (await gone.register()).json()["id"]
        token = (
            await gone.post("/api/tokens", json={"name": "A phone", "current_password": PASSWORD})
        ).json()["token"]
        await house.database.execute(update(users).where(users.c.id == me).values(closed_at=now()))
        await services(house).hub.sessions.role_changed(me)
        cast.weak = dict.fromkeys(cast.weak, token)
    told = {route: await cast.ask(route, "weak_token") for route in TABLE}
    # Of the others nobody asks who asks.
    assert {route: status for route, status in told.items() if status != "401"} == dict.fromkeys(
        NOBODYS, "200"
    )


async def test_every_act_of_an_organiser_or_admin_leaves_a_row(cast: Cast):
    acts = [
        route
        for route in CONTRACT
        if not route.startswith(("GET ", "WS "))
        and any(part in route for part in ACTS)
        and route != ITS_OWN_RECORD
    ]
    assert len(acts) >= 5
    count = select(func.count()).select_from(audit)
    for route in acts:
        for column in ("owner", "admin"):
            before = await cast.house.database.fetch_val(count)
            done = (await cast.ask(route, column)).startswith("2")
            rows = await cast.house.database.fetch_val(count) - before
            assert rows == (1 if done else 0), (route, column, rows)
        assert done, route  # an admin may do each of them
