"""Roles: given by admins or at the command line, acting at once, audited, and never the last one taken."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from click.testing import CliRunner
from quart.testing.connections import WebsocketResponseError
from sqlalchemy import func, select, update
from sqlalchemy.sql.selectable import Select

from tests.api.support import cookies_of, is_problem, open_sale, sale_body, services
from tests.house import PASSWORD, House, Sale, Visitor, environment, eventually
from ticketflow.cli import main
from ticketflow.domain import ORGANISE, Refusal, Role
from ticketflow.store import roles
from ticketflow.store.tables import audit, users

pytestmark = pytest.mark.asyncio(loop_scope="package")
ON_SQLITE = pytest.mark.parametrize("house", ["sqlite"], indirect=True, scope="package")

CONFIRMED = {"current_password": PASSWORD}


@asynccontextmanager
async def somebody(house: House, role: Role) -> AsyncIterator[tuple[Visitor, int]]:
    """Somebody signed in who has that role, and their account's id."""
    async with house.visitor() as visitor:
        account = (await visitor.register()).json()["id"]
        await house.database.execute(update(users).where(users.c.id == account).values(role=role.value))
        services(house).users.forget(account)
        yield visitor, account


async def rows_about(house: House, actor: int) -> list[tuple[str, object, object]]:
    """What the actor did, the oldest first."""
    found = await house.database.fetch_all(
        select(audit).where(audit.c.actor_id == actor).order_by(audit.c.id)
    )
    return [
        (row["action"], json.loads(row["before"] or "null"), json.loads(row["after"] or "null"))
        for row in found
    ]


@ON_SQLITE
async def test_an_admin_finds_an_account_and_makes_it_an_organisers(house: House):
    async with somebody(house, Role.ADMIN) as (admin, admin_id), somebody(house, Role.FAN) as (fan, fan_id):
        is_problem(await fan.post("/api/organiser/events", json=sale_body()), 403, "forbidden")
        found = await admin.get("/api/admin/accounts", params={"email": f" {fan.email.upper()} "})
        assert [(a["id"], a["role"]) for a in found.json()] == [(fan_id, "fan")]
        changed = await admin.patch(f"/api/admin/accounts/{fan_id}", json={"role": "organiser", **CONFIRMED})
        assert (changed.status_code, changed.json()["role"]) == (200, "organiser")
        unsure = {"role": "admin", "current_password": "a guess"}
        is_problem(await admin.patch(f"/api/admin/accounts/{fan_id}", json=unsure), 403, "wrong_password")
        assert (await fan.post("/api/organiser/events", json=sale_body())).status_code == 201
        is_problem(
            await admin.patch("/api/admin/accounts/999999", json={"role": "fan", **CONFIRMED}),
            404,
            "not_found",
        )
        is_problem(
            await admin.patch(f"/api/admin/accounts/{fan_id}", json={"role": "god", **CONFIRMED}),
            422,
            "invalid_request",
        )
        is_problem(await admin.get("/api/admin/accounts"), 422, "invalid_request")
        assert await rows_about(house, admin_id) == [
            ("account.look", None, {"accounts": [fan_id]}),
            (
                "account.role",
                {"account": fan_id, "role": "fan"},
                {"account": fan_id, "role": "organiser"},
            ),
        ]


@ON_SQLITE
async def test_a_role_that_is_taken_is_gone_at_once_also_on_what_is_open(house: House, sale: Sale):
    assert house.app is not None
    async with somebody(house, Role.ADMIN) as (admin, _), house.visitor() as organiser:
        owner = (await organiser.sign_in(sale.organiser_email)).json()["id"]
        asked = {"name": "x", "abilities": ["organise"], "current_password": PASSWORD}
        token = (await organiser.post("/api/tokens", json=asked)).json()
        room = f"/api/organiser/events/{sale.event_id}/room"
        headers = {"Cookie": cookies_of(organiser)}
        client = house.app.test_client()
        async with client.websocket(f"/ws/organiser/{sale.event_id}", headers=headers) as line:
            await admin.patch(f"/api/admin/accounts/{owner}", json={"role": "fan", **CONFIRMED})
            while '"reconnect"' not in await line.receive():
                pass
        is_problem(await organiser.get(room), 403, "forbidden")
        with pytest.raises(WebsocketResponseError) as refused:
            async with client.websocket(f"/ws/organiser/{sale.event_id}", headers=headers) as line:
                await line.receive()
        assert refused.value.response.status_code == 403
        # A token may do no more than its account, whatever it was made for.
        bearer = {"Authorization": f"Bearer {token['token']}"}
        async with house.visitor() as program:
            is_problem(await program.get(room, headers=bearer), 403, "forbidden")


@pytest.mark.parametrize("locked", [True, False])
async def test_the_last_admin_stays_however_two_step_down(
    house: House, locked: bool, monkeypatch: pytest.MonkeyPatch
):
    """On SQLite transactions are one after the other; on MariaDB it is the lock that makes them so."""
    if not locked:
        if "sqlite" in house.settings.database_url:
            pytest.skip("nothing to take out")
        monkeypatch.setattr(Select, "with_for_update", lambda self, **given: self)
    await house.database.execute(update(users).values(role="fan").where(users.c.role == "admin"))
    async with somebody(house, Role.ADMIN) as (_, one), somebody(house, Role.ADMIN) as (_, two):
        both = (roles.change(house.database, who, Role.FAN, actor_id=who) for who in (one, two))
        ends = await asyncio.gather(*both, return_exceptions=True)
        admins = select(func.count()).select_from(users).where(users.c.role == "admin")
        left = await house.database.fetch_val(admins)
        if locked:
            assert left == 1
            assert [end.code for end in ends if isinstance(end, Refusal)] == ["last_admin"]
        else:
            assert left == 0


@ON_SQLITE
async def test_an_admin_sees_to_any_event(house: House, sale: Sale):
    async with somebody(house, Role.ADMIN) as (admin, _):
        room = f"/api/organiser/events/{sale.event_id}/room"
        assert (await admin.patch(room, json={"message": "Doors soon"})).status_code == 200
        assert (await admin.get(f"/organiser/{sale.slug}")).status_code == 200
        listed = (await admin.get("/api/organiser/events")).json()["events"]
        assert sale.event_id in [event["id"] for event in listed]


@ON_SQLITE
async def test_the_command_gives_a_role_to_who_has_proven_the_address(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    for name, value in environment(replace(house.settings, smtp_url="")).items():
        monkeypatch.setenv(name, value)

    async def command(*given: str) -> tuple[int, str]:
        ended = await asyncio.to_thread(CliRunner().invoke, main, ["role", *given])
        return ended.exit_code, ended.output

    async with house.visitor() as fan:
        account = (await fan.register()).json()["id"]
        assert (await fan.get("/organiser")).status_code == 403
        refused = await command(fan.email, "organiser")
        assert refused == (1, "Error: No account has proven this address. Nothing was changed.\n")
        this = update(users).where(users.c.id == account)
        await house.database.execute(this.values(verified_email=fan.email))
        services(house).users.forget(account)
        assert await command(fan.email, "organiser") == (0, f"{fan.email} is an organiser from now on.\n")

        async def organises() -> bool:
            return (await fan.get("/organiser")).status_code == 200

        await eventually(organises)
        assert (await rows_about(house, account))[0][0] == "account.role"
        assert (await command(fan.email, "king"))[0] == 2


@ON_SQLITE
async def test_a_token_of_an_organiser_may_organise_unless_it_was_made_for_less(house: House):
    sale = await open_sale(house)
    async with house.visitor() as organiser:
        await organiser.sign_in(sale.organiser_email)
        asked = {"name": "All", "current_password": PASSWORD}
        usual = (await organiser.post("/api/tokens", json=asked)).json()
        assert ORGANISE in usual["abilities"]
