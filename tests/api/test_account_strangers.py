"""What strangers can find out about who has an account: nothing, by text, status, headers or work."""

import asyncio
import contextvars
import re
import secrets
from collections import Counter
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from tests.api.letters import newest_token
from tests.api.support import is_problem, services
from tests.house import PASSWORD, House, Sale
from ticketflow.accounts.tries import Bound, Tries
from ticketflow.passwords import Passwords
from ticketflow.steady import SteadyDatabase
from ticketflow.store.mail_links import Purpose
from ticketflow.store.tables import outbox

pytestmark = pytest.mark.asyncio(loop_scope="package")

work: contextvars.ContextVar[list[str] | None] = contextvars.ContextVar("work", default=None)
"""What is done for the request at hand: the loops behind the house have none."""


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every hash, query, write and count of tries be noted in `work`."""
    for owner, names in (
        (SteadyDatabase, ("execute", "fetch_one", "fetch_all", "fetch_val")),
        (Passwords, ("hash", "verify")),
        (Tries, ("_count",)),
    ):
        for name in names:
            monkeypatch.setattr(owner, name, noted(name, getattr(owner, name)))


def noted(name: str, act: Any) -> Any:
    async def noting(self: Any, *args: Any, **given: Any) -> Any:
        done = work.get()
        if done is not None:
            # A statement's text has its values' places, not its values.
            done.append(f"{name} {args[0]}" if isinstance(self, SteadyDatabase) else name)
        return await act(self, *args, **given)

    return noting


async def proven(house: House, password: str = PASSWORD) -> str:
    """The address of an account that has proven it."""
    async with house.visitor() as fan:
        email = f"{secrets.token_hex(8)}@example.com"
        await fan.post("/api/register", json={"name": "Ann", "email": email, "password": password})
        token = await newest_token(house, Purpose.VERIFY, email)
        assert (await fan.post("/api/verify", json={"token": token})).json()["verified"] is True
    return email


async def claimed(house: House) -> str:
    """The address of an account that has not proven it."""
    async with house.visitor() as fan:
        assert (await fan.register()).status_code == 201
        return fan.email


async def claimed_by_many(house: House) -> str:
    """The address of several accounts, of which none has proven it."""
    email = await claimed(house)
    for password in ("the second password", "the third password"):
        async with house.visitor() as fan:
            body = {"name": "Ann", "email": email, "password": password}
            assert (await fan.post("/api/register", json=body)).status_code == 201
    return email


NONCE = re.compile(r"(?<=nonce[-=])[\w-]+|(?<=nonce=\")[\w-]+")


async def unknown(house: House) -> str:
    return f"{secrets.token_hex(8)}@example.com"


WAYS = {
    "sign in": ("/api/login", {"password": "none of theirs"}),
    "register": ("/api/register", {"name": "Ann", "password": "a password of one's own"}),
    "forgotten": ("/api/password/forgotten", {}),
    "sign in, page": ("/signin", {"password": "none of theirs"}),
    "register, page": ("/register", {"name": "Ann", "password": "a password of one's own"}),
}


async def seen(house: House, way: str, email: str) -> tuple[int, dict[str, str], str, list[str]]:
    """What a stranger sees, without what is theirs (address, cookies, id), and what was done for it."""
    path, body = WAYS[way]
    form: dict[str, Any] = {"json" if path.startswith("/api/") else "data": {**body, "email": email}}
    async with house.visitor() as stranger:
        done: list[str] = []
        work.set(done)
        answer = await stranger.post(path, **form)
        work.set(None)
    text = NONCE.sub("N", answer.text.replace(email, "EMAIL"))
    if answer.status_code == 201:
        text = text.replace(f'"id":{answer.json()["id"]},', "")
    return answer.status_code, heads(answer), text, done


def heads(answer: httpx.Response) -> dict[str, str]:
    """The headers, of cookies only the names and how they are set, and no length: ids grow. What counts
    requests differs from any one to the next."""
    counted = ("set-cookie", "content-length", "x-request-id", "ratelimit-remaining", "ratelimit-reset")
    kept = {name: NONCE.sub("N", value) for name, value in answer.headers.items() if name not in counted}
    cookies = [
        "; ".join([c.partition("=")[0], *sorted(c.split("; ")[1:])])
        for c in answer.headers.get_list("set-cookie")
    ]
    return {
        **kept,
        "cookies": " | ".join(part for c in cookies for part in c.split("; ") if "xpires" not in part),
    }


async def check_all_addresses_look_alike(house: House, way: str) -> None:
    await seen(house, way, await unknown(house))  # what is remembered after the first time
    makers = (unknown, proven, claimed, claimed_by_many)
    looks = [await seen(house, way, await make(house)) for make in makers]
    assert looks[0][3], "nothing was noted"
    assert looks[0] == looks[1] == looks[2] == looks[3]


@pytest.mark.parametrize("way", WAYS)
async def test_a_known_address_looks_and_works_like_an_unknown_one(house: House, watched: None, way: str):
    await check_all_addresses_look_alike(house, way)


@pytest.mark.parametrize("way", ["sign in", "register"])
async def test_control_without_nobodys_hash_they_differ(
    house: House, watched: None, way: str, monkeypatch: pytest.MonkeyPatch
):
    verify = Passwords.verify

    async def only_if_there(self: Passwords, stored: str | None, password: str) -> bool:
        return stored is not None and await verify(self, stored, password)

    monkeypatch.setattr(Passwords, "verify", only_if_there)
    with pytest.raises(AssertionError):
        await check_all_addresses_look_alike(house, way)


async def test_who_has_just_registered_signs_in_whoever_else_has_the_address(house: House, watched: None):
    """Else a stranger would register with an address, sign in elsewhere, and see whether that works."""
    works: list[list[str]] = []
    for make in (unknown, claimed, proven, claimed_by_many):
        body = {"email": await make(house), "password": "a password of one's own"}
        async with house.visitor() as stranger, house.visitor() as elsewhere:
            made = await stranger.post("/api/register", json={"name": "Ann", **body})
            works.append([])
            work.set(works[-1])
            assert (await elsewhere.post("/api/login", json=body)).json() == made.json()
            work.set(None)
    assert works[0], "nothing was noted"
    assert works[0] == works[1] == works[2] == works[3]


async def test_who_registers_twice_sees_the_same_whoever_else_has_the_address(house: House):
    """The second time is a retry, and leads to the account of the first: also where another has proven it."""
    for make in (unknown, claimed, proven):
        body = {"name": "Ann", "email": await make(house), "password": "a password of one's own"}
        async with house.visitor() as stranger, house.visitor() as again:
            made = await stranger.post("/api/register", json=body)
            assert (await again.post("/api/register", json=body)).json() == made.json()


async def test_who_has_proven_an_address_and_registers_again_is_just_signed_in(house: House):
    email = await proven(house)
    async with house.visitor() as fan:
        answer = await fan.post("/api/register", json={"name": "Bea", "email": email, "password": PASSWORD})
        assert (answer.status_code, answer.json()["name"], answer.json()["verified"]) == (201, "Ann", True)


async def test_nobody_is_pushed_aside_by_who_claims_their_address_later(house: House):
    email = await proven(house)
    async with house.visitor() as stranger, house.visitor() as owner:
        body = {"name": "X", "email": email, "password": "a password of one's own"}
        theirs = (await stranger.post("/api/register", json=body)).json()
        mine = (await owner.sign_in(email)).json()
        assert mine["verified"]
        assert mine["id"] != theirs["id"]


async def tries(house: House, path: str, email: str, count: int, **more: str) -> Counter[int]:
    """How so many wrong passwords, all at once, are answered."""
    async with house.visitor() as stranger:
        bodies = [
            {"email": email, "password": f"wrong-{n}-{secrets.token_hex(4)}", **more} for n in range(count)
        ]
        answers = await asyncio.gather(*(stranger.post(path, json=body) for body in bodies))
    assert {a.status_code: a.headers.get("Retry-After") for a in answers if a.status_code == 429}.get(
        429
    ) != "0"
    return Counter(answer.status_code for answer in answers)


async def check_tries_are_counted(house: House) -> None:
    most = house.settings.sign_in_failures
    for make in (unknown, proven):
        email = await make(house)
        used = 1 if make is proven else 0  # registering was a try
        assert await tries(house, "/api/login", email, most + 15) == {401: most - used, 429: 15 + used}
        async with house.visitor() as anybody:
            is_problem(await anybody.sign_in(email), 429, "too_many_requests")


async def test_so_many_wrong_passwords_and_no_more(house: House):
    await check_tries_are_counted(house)


async def test_control_uncounted_they_go_on(house: House, monkeypatch: pytest.MonkeyPatch):
    async def none(*_: object) -> tuple[int, int]:
        return 0, 600

    monkeypatch.setattr(Tries, "_count", none)
    with pytest.raises(AssertionError):
        await check_tries_are_counted(house)


async def test_registering_is_no_way_around_the_count(house: House):
    email, most = await proven(house), house.settings.sign_in_failures
    assert await tries(house, "/api/register", email, most + 5, name="Ann") == {201: most - 1, 429: 6}
    assert await tries(house, "/api/login", email, 2) == {429: 2}


async def test_letters_are_counted_too(house: House):
    async with house.visitor() as anybody:
        asked = [
            await anybody.post("/api/password/forgotten", json={"email": "much.mail@example.com"})
            for _ in range(house.settings.letters_per_network + 1)
        ]
    assert {answer.status_code for answer in asked[:-1]} == {202}
    is_problem(asked[-1], 429, "too_many_requests")


async def letters_to(house: House, email: str) -> int:
    counted = select(func.count()).select_from(outbox).where(outbox.c.recipient == email)
    return int(await house.database.fetch_val(counted))


FEW = 3


@pytest.fixture
def few_letters(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """So few to an address that they are used up before its tries are."""
    monkeypatch.setitem(services(house).tries._bounds, "letters", Bound(FEW, 5 * FEW))


async def check_registering_writes_few_letters(house: House) -> str:
    email = await unknown(house)
    for number in range(FEW + 5):
        async with house.visitor() as stranger:
            body = {"name": f"Ann {number}", "email": email, "password": f"one of {number} passwords"}
            answer = await stranger.post("/api/register", json=body)
            assert answer.status_code == 201, answer.text
    assert await letters_to(house, email) == FEW, "letters"
    return email


async def test_registering_is_no_way_around_the_count_of_letters(house: House, few_letters: None):
    email = await check_registering_writes_few_letters(house)
    async with house.visitor() as last:
        body = {"email": email, "password": f"one of {FEW + 4} passwords"}
        assert (await last.post("/api/login", json=body)).status_code == 200
        is_problem(await last.post("/api/me/verification"), 429, "too_many_requests")
        # As if ten minutes had gone.
        redis, prefix = services(house).redis, house.settings.redis_prefix
        await redis.delete(*[key async for key in redis.scan_iter(f"{prefix}:tries:*")])
        assert (await last.post("/api/me/verification")).status_code == 202
    assert await letters_to(house, email) == FEW + 1


async def test_control_uncounted_each_account_has_its_letter(
    house: House, few_letters: None, monkeypatch: pytest.MonkeyPatch
):
    async def always(*_: object) -> bool:
        return True

    monkeypatch.setattr(Tries, "take_from_if_left", always)
    with pytest.raises(AssertionError, match="letters"):
        await check_registering_writes_few_letters(house)


async def test_what_strangers_try_shuts_nobody_out_where_they_always_sit(house: House):
    email = await proven(house)
    async with house.visitor() as at_home, house.visitor() as elsewhere, house.visitor() as forger:
        assert (await at_home.sign_in(email)).status_code == 200
        await at_home.post("/api/logout")
        await tries(house, "/api/login", email, house.settings.sign_in_failures + 1)
        assert (await elsewhere.sign_in(email)).status_code == 429
        # The last letter of a signature has bits to spare: another one may write the same.
        device = at_home.cookies["device"]
        forged = device[:-2] + ("A" if device[-2] != "A" else "B") + device[-1]
        forger.cookies.set("device", forged, domain="localhost.local")
        assert (await forger.sign_in(email)).status_code == 429
        assert (await at_home.sign_in(email)).status_code == 200
        wrong = {"email": email, "password": "not this one"}
        for _ in range(house.settings.sign_in_failures):
            is_problem(await at_home.post("/api/login", json=wrong), 401, "wrong_credentials")
        assert (await at_home.post("/api/login", json=wrong)).status_code == 429


async def test_the_device_of_a_stranger_tries_at_the_strangers_account_only(house: House):
    """Who registers with another's address gets no tries of their own at the account that has proven it."""
    email = await proven(house)
    async with house.visitor() as stranger:
        body = {"name": "X", "email": email, "password": "a password of one's own"}
        await stranger.post("/api/register", json=body)
        await tries(house, "/api/login", email, house.settings.sign_in_failures + 1)
        assert (await stranger.sign_in(email)).status_code == 429
        assert (
            await stranger.post("/api/login", json={k: body[k] for k in ("email", "password")})
        ).is_success


@pytest.mark.parametrize(
    "password",
    [
        "password",
        "12345678",
        "Football",
        "QWERTYUIOP",
        "ann@example.com",
        "Ann Anders",
        "anneliese",
        "Ticketflow1",
    ],
)
async def test_what_everybody_would_try_is_no_password(house: House, sale: Sale, password: str):
    body = {"name": "Ann Anders", "email": "ann@example.com", "password": password}
    if password == "anneliese":
        body["email"] = "anneliese@example.com"
    async with house.visitor() as fan:
        refused = is_problem(await fan.post("/api/register", json=body), 422, "invalid_request")
        assert refused["errors"][0]["field"] == "password"
        page = await fan.post("/register", data=body)
        assert page.status_code == 422
        assert 'id="password-problem"' in page.text
        is_problem(await fan.get("/api/me"), 401)


@pytest.mark.parametrize(
    "password", ["  spaces around  ", "ünïcødé ☂ 雨", "x" * 8, "tab\tand\x00nul", "a" * 200]
)
async def test_any_other_is_kept_as_it_is(house: House, password: str):
    body = {"email": f"{secrets.token_hex(8)}@example.com", "password": password}
    async with house.visitor() as fan, house.visitor() as again:
        if password == "x" * 8:
            body["password"] = password = "x7" * 4
        assert (await fan.post("/api/register", json={"name": "Ann", **body})).status_code == 201
        assert (await again.post("/api/login", json=body)).status_code == 200
        other = {**body, "password": password.strip() if password != password.strip() else password + " "}
        assert (await again.post("/api/login", json=other)).status_code in (401, 422)
