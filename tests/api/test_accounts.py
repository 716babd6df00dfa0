"""Accounts: made, signed in and out; and what other sites may not do with them."""

import re

import pytest

from tests.api.support import desk_line, is_problem, state_of
from tests.house import PASSWORD, House, Sale
from ticketflow.web.paging import safe_path

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_register_sign_out_sign_in(house: House):
    async with house.visitor() as fan:
        made = await fan.register()
        assert made.status_code == 201
        assert set(made.json()) == {"id", "name", "email", "verified", "theme", "role"}
        assert (await fan.get("/api/me")).json() == made.json()
        cookie = made.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert (await fan.post("/api/logout")).status_code == 204
        is_problem(await fan.get("/api/me"), 401, "not_signed_in")
        assert (await fan.post("/api/logout")).status_code == 204
        wrong = await fan.post("/api/login", json={"email": fan.email, "password": "not the password"})
        assert is_problem(wrong, 401, "wrong_credentials") == is_problem(
            await fan.post("/api/login", json={"email": "nobody@example.com", "password": PASSWORD}), 401
        )
        again = await fan.post("/api/login", json={"email": f" {fan.email.upper()} ", "password": PASSWORD})
        assert (again.status_code, again.json()) == (200, made.json())


async def test_several_accounts_may_claim_an_address(house: House):
    async with house.visitor() as first, house.visitor() as second, house.visitor() as third:
        made = (await first.register()).json()
        for email in (first.email, first.email.upper(), f"  {first.email} "):
            body = {"name": "Another", "email": email, "password": "another password"}
            other = await second.post("/api/register", json=body)
            assert other.status_code == 201
            assert other.json() == {**made, "id": other.json()["id"], "name": "Another"}
            assert other.json()["id"] != made["id"]
        again = {"name": "Another", "email": first.email, "password": "another password"}
        assert (await third.post("/api/register", json=again)).json() == other.json(), (
            "a retry makes no second"
        )
        page = await third.post("/register", data={**again, "password": PASSWORD})
        assert page.status_code == 303
        assert (await first.get("/api/me")).json() == made


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("name", " ", "Please say what to call you."),
        ("name", "A" * 121, "A name has at most 120 characters."),
        ("name", "Ann\x07", "A name has only characters that can be shown."),
        ("email", "ann", "That does not look like an e-mail address."),
        ("email", "a" * 250 + "@example.com", "An address has at most 254 characters."),
        ("password", "short", "A password has 8 to 200 characters."),
        ("password", "x" * 3_000, "A password has 8 to 200 characters."),
    ],
)
async def test_the_page_says_what_is_wrong_with_a_field(house: House, field: str, text: str, words: str):
    async with house.visitor() as fan:
        good = {"name": "Ann", "email": "ann@example.com", "password": PASSWORD}
        page = await fan.post("/register", data=good | {field: text})
    assert page.status_code == 422
    said = re.findall(r'class="field-note field-problem" id="(\w+)-problem">([^<]+)<', page.text)
    assert said == [(field, words)]


@pytest.mark.parametrize("forged", ["", "1", "1.x", "x" * 5000, "é", "null"])
async def test_a_forged_session_is_nobody(house: House, forged: str):
    async with house.visitor() as visitor:
        headers = [(b"Cookie", f"session={forged}".encode())]
        is_problem(await visitor.get("/api/me", headers=headers), 401, "not_signed_in")


PATHS = [
    ("/tickets", "/tickets"),
    ("/events/x/book?quantity=2", "/events/x/book?quantity=2"),
    ("", "/"),
    ("tickets", "/"),
    ("//evil.example", "/"),
    ("///evil.example", "/"),
    ("/\\evil.example", "/"),
    ("\\\\evil.example", "/"),
    ("/\t/evil.example", "/"),
    ("/\n//evil.example", "/"),
    ("https://evil.example", "/"),
    ("javascript:alert(1)", "/"),
    ("/\x00", "/"),
    ("/\u2028", "/"),
]


@pytest.mark.parametrize(("wanted", "goes_to"), PATHS)
async def test_after_signing_in_the_way_goes_on_inside(house: House, sale: Sale, wanted: str, goes_to: str):
    async with house.visitor() as visitor:
        form = {"email": sale.organiser_email, "password": PASSWORD, "next": wanted}
        answer = await visitor.post("/signin", data=form)
        assert (answer.status_code, answer.headers["Location"]) == (303, goes_to)
        page = await visitor.get("/signin", params={"next": wanted})
        assert "evil" not in page.text
        assert (safe_path(wanted) or "/") == goes_to


CROSS_SITE = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost:81"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "http://["},
    {"Origin": "localhost"},
    {"Origin": ""},
    {"Origin": "http://localhost/trap"},
]


@pytest.mark.parametrize("headers", CROSS_SITE)
async def test_what_another_site_sends_is_not_done(house: House, sale: Sale, headers: dict[str, str]):
    async with house.visitor() as fan:
        await fan.register()
        before = await state_of(house, sale)
        for method, path, body in (
            ("POST", "/api/logout", None),
            ("POST", "/api/register", {"name": "X", "email": "x@example.com", "password": PASSWORD}),
            ("POST", f"/api/events/{sale.event_id}/queue", None),
            ("DELETE", "/api/holds/x", None),
            ("POST", "/api/bookings", {"event_id": sale.event_id, "quantity": 1}),
            ("PATCH", f"/api/organiser/events/{sale.event_id}/room", {"mode": "closed"}),
        ):
            is_problem(await fan.request(method, path, json=body, headers=headers), 403, "cross_site")
        page = await fan.post("/signout", headers={**headers, "Accept": "text/html"})
        assert page.status_code == 403
        assert (await fan.get("/api/me", headers=headers)).status_code == 200
        assert await state_of(house, sale) == before


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://localhost"}, {}])
async def test_what_our_own_pages_send_is_done(house: House, headers: dict[str, str]):
    async with house.visitor() as fan:
        assert (await fan.post("/api/logout", headers=headers)).status_code == 204


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data", "multipart/form-data; boundary=x", ""])
async def test_a_form_that_cannot_be_read_signs_nobody_in(house: House, kind: str):
    async with house.visitor() as visitor:
        for path, status in (("/signin", {400, 401}), ("/register", {400, 422})):
            for body in (b"", b"\xff\xfe", b"--x\r\nnonsense", b"email=%ED%A0%80&password=%00&name=%ff"):
                answer = await visitor.post(path, content=body, headers={"Content-Type": kind})
                assert answer.status_code in status, (path, body, answer.text)
        is_problem(await visitor.get("/api/me"), 401)


async def test_the_socket_of_a_page_of_ours(house: House, sale: Sale):
    async with house.visitor() as fan:
        await fan.register()
        async with desk_line(house, sale, fan, Origin="http://localhost") as line:
            assert (await line.ask("join"))["status"] == 201
