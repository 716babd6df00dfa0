"""Many share an address: what strangers do from one network shuts out neither its others nor anybody else."""

import secrets
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.api.own_house import own_house
from tests.api.support import is_problem
from tests.house import PASSWORD, House, Visitor
from ticketflow.accounts import accounts
from ticketflow.accounts.tries import network_of_tries
from ticketflow.web import bearer, limits

pytestmark = pytest.mark.asyncio(loop_scope="module")

TRIES, LETTERS, GUESSES, FORMS = 3, 2, 5, 4


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """A house behind one proxy, where little may be tried."""
    async with own_house(
        redis_url,
        tmp_path_factory.mktemp("shared"),
        proxy_hops=1,
        requests_per_address=GUESSES * 100,
        sign_in_failures=TRIES,
        letters_per_network=LETTERS,
        own_forms_per_minute=FORMS,
    ) as running:
        yield running


def at(network: int, host: int = 1) -> dict[str, str]:
    return {"X-Forwarded-For": f"10.9.{network}.{host}"}


def unknown() -> str:
    return f"{secrets.token_hex(8)}@example.com"


async def claimed(house: House) -> str:
    async with house.visitor() as fan:
        answer = await fan.post(
            "/api/register",
            json={"name": "Ann", "email": (email := unknown()), "password": PASSWORD},
            headers=at(200),
        )
        assert answer.status_code == 201
    return email


async def bearer_of(fan: Visitor, *abilities: str) -> dict[str, str]:
    may = list(abilities or ("read",))
    body = {"name": "a program", "abilities": may, "current_password": PASSWORD}
    return {"Authorization": f"Bearer {(await fan.post('/api/tokens', json=body)).json()['token']}"}


async def check_a_good_token_is_let_through(house: House) -> None:
    """Beside more bad ones from its address than may be brought, also where this process has forgotten it."""
    here = at(secrets.randbelow(200))
    assert house.app is not None
    async with house.visitor() as fan, house.visitor() as program:
        await fan.register()
        good = await bearer_of(fan)
        statuses = []
        for _ in range(GUESSES * 2):
            bad = {"Authorization": f"Bearer tf_{secrets.token_urlsafe(32)}"}
            statuses.append((await program.get("/api/me", headers={**here, **bad})).status_code)
        assert statuses == [401] * GUESSES + [429] * GUESSES
        house.app.extensions["ticketflow"].tokens._known.clear()
        assert (await program.get("/api/me", headers={**here, **good})).status_code == 200


async def test_bad_tokens_are_bounded_and_shut_no_good_one_out(house: House):
    await check_a_good_token_is_let_through(house)


async def test_control_counted_before_it_is_looked_for_a_good_token_is_shut_out(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    take = bearer._take

    async def count_first(tokens: object, *rest: object) -> None:
        house.app.extensions["limits"].count_guess()  # type: ignore[union-attr]
        await take(tokens, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(bearer, "_take", count_first)
    with pytest.raises(AssertionError):
        await check_a_good_token_is_let_through(house)


async def wrong(house: House, email: str, headers: dict[str, str]) -> int:
    async with house.visitor() as anybody:
        body = {"email": email, "password": "none of theirs"}
        return (await anybody.post("/api/login", json=body, headers=headers)).status_code


async def right(house: House, email: str, headers: dict[str, str]) -> int:
    async with house.visitor() as owner:
        body = {"email": email, "password": PASSWORD}
        return (await owner.post("/api/login", json=body, headers=headers)).status_code


async def check_only_their_network_is_shut_out(house: House) -> None:
    email = await claimed(house)
    # All of a network are one: who has an address there has the others for the asking.
    statuses = [await wrong(house, email, at(1, host)) for host in range(1, 30)]
    assert statuses == [401] * TRIES + [429] * (29 - TRIES)
    assert await right(house, email, at(1, 99)) == 429
    assert await right(house, email, at(2)) == 200


async def test_strangers_shut_new_devices_of_their_own_network_out_and_no_others(house: House):
    await check_only_their_network_is_shut_out(house)


async def test_control_if_all_were_one_network_everybody_is_shut_out(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(accounts, "network_of_tries", lambda _: "one")
    with pytest.raises(AssertionError):
        await check_only_their_network_is_shut_out(house)


@pytest.mark.parametrize("known", [True, False])
async def test_all_networks_have_ten_times_as_many_tries_together(house: House, known: bool):
    """Whether there is such an account or not: registering was a try as well, and came from another."""
    email = await claimed(house) if known else unknown()
    used = 1 if known else 0
    statuses = [await wrong(house, email, at(n)) for n in range(10) for _ in range(TRIES)]
    assert statuses == [401] * (10 * TRIES - used) + [429] * used
    assert await wrong(house, email, at(150)) == 429


@pytest.mark.parametrize("path", ["/api/password/forgotten", "/forgot"])
@pytest.mark.parametrize("known", [True, False])
async def test_strangers_use_up_the_letters_of_their_own_network(house: House, path: str, known: bool):
    """Registering asked for a letter as well, and came from another network."""
    email = await claimed(house) if known else unknown()
    used = 1 if known else 0
    sent = "json" if path.startswith("/api") else "data"
    async with house.visitor() as anybody:

        async def ask(network: int) -> int:
            given = {sent: {"email": email}, "headers": at(network)}
            return (await anybody.post(path, **given)).status_code  # type: ignore[arg-type]

        fine = 202 if sent == "json" else 303
        assert [await ask(1) for _ in range(20)] == [fine] * LETTERS + [429] * (20 - LETTERS)
        left = 4 * LETTERS - used
        asked = [await ask(n) for n in range(2, 6) for _ in range(LETTERS)]
        assert asked == [fine] * left + [429] * used
        assert await ask(7) == 429


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.0/24"),
        ("::ffff:203.0.113.7", "203.0.113.0/24"),
        ("2001:db8:0:1:2::5", "2001:db8::/48"),
        ("unknown", "unknown"),
        (None, "unknown"),
    ],
)
async def test_what_is_one_network(address: str | None, network: str):
    assert network_of_tries(address) == network


async def check_tokens_have_tries_of_their_own(house: House) -> None:
    async with house.visitor() as fan, house.visitor() as finder:
        await fan.register()
        found = await bearer_of(fan)
        guess = {"current_password": "none of theirs"}
        for way in ("POST /api/me/export", "PATCH /api/me", "DELETE /api/me", "POST /api/me/export"):
            method, path = way.split()
            body = {**guess, "name": "Bob"} if method == "PATCH" else guess
            answer = await finder.request(method, path, json=body, headers=found)
            is_problem(answer, {403, 429})
        assert answer.status_code == 429, "as many as an owner has"
        mine = await fan.post("/api/me/export", json={"current_password": PASSWORD})
        assert mine.status_code == 200


async def test_who_finds_a_token_uses_up_no_tries_of_the_owners(house: House):
    await check_tokens_have_tries_of_their_own(house)


async def test_control_counted_as_the_owners_they_are_used_up(house: House, monkeypatch: pytest.MonkeyPatch):
    confirm = accounts.Accounts.confirm

    async def as_owner(self: accounts.Accounts, *given: object, **_: object) -> None:
        await confirm(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(accounts.Accounts, "confirm", as_owner)
    with pytest.raises(AssertionError):
        await check_tokens_have_tries_of_their_own(house)


async def check_own_forms_are_counted_by_account(house: House) -> None:
    here = at(60)
    async with house.visitor() as busy, house.visitor() as neighbour:
        for fan in (busy, neighbour):
            await fan.register()
        form = {"data": {"name": "Ann"}, "headers": here}
        statuses = [(await busy.post("/profile/name", **form)).status_code for _ in range(FORMS + 1)]  # type: ignore[arg-type]
        assert statuses == [303] * FORMS + [429]
        elsewhere = await busy.post("/profile/name", data={"name": "Ann"}, headers=at(61))
        assert elsewhere.status_code == 429
        assert (await neighbour.post("/profile/name", **form)).status_code == 303  # type: ignore[arg-type]


async def test_forms_about_oneself_are_counted_by_account(house: House):
    await check_own_forms_are_counted_by_account(house)


async def test_control_by_address_the_neighbour_is_refused(house: House, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(limits, "account_id", lambda: None)
    with pytest.raises(AssertionError):
        await check_own_forms_are_counted_by_account(house)
