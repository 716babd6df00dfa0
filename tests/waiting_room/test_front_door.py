"""The front door in an application's own process, with the ticks done by hand."""

from types import SimpleNamespace

import pytest
from quart import Quart
from redis.asyncio import Redis

from waiting_room import Mode, RoomPolicy, WaitingRoom, front_door
from waiting_room.front_door import FrontDoor
from waiting_room.notice import Notice

from .door import BROWSER, beat, browser
from .support import take_out, travel


async def test_who_comes_first_is_in_at_once_and_the_next_waits_for_them(redis, shop):
    first, second = browser(shop), browser(shop)
    came = await first()
    assert (came.status_code, came.text) == (200, "Come in.")
    assert came.headers["Cache-Control"] == "private, no-cache"
    waits = await second()
    assert waits.status_code == 202
    assert "You are next." in waits.text
    assert "The &lt;shop&gt;" in waits.text
    assert 3 <= int(waits.headers["Refresh"]) <= 30
    assert waits.headers["Cache-Control"] == "no-store"
    await beat(redis, shop)
    assert (await second()).status_code == 202
    assert (await first("/buy", "POST")).text == "Bought."
    await beat(redis, shop)
    assert (await second()).text == "Come in."
    assert "You have been in" in (await first()).text


async def stays_in(redis: Redis, shop: SimpleNamespace) -> bool:
    """Whether a fan who comes every 9 minutes, with somebody behind them, is still in after 27."""
    fan = browser(shop)
    await fan()
    await browser(shop)()
    answers = set()
    for _ in range(3):
        await beat(redis, shop, 540)
        answers.add((await fan()).text)
    return answers == {"Come in."}


async def test_a_lease_is_renewed_by_use(redis, shop):
    assert await stays_in(redis, shop)


async def test_without_the_renewal_the_lease_ends(redis, shop):
    take_out(redis, shop.room, "renew", "redis.call('ZADD', active_key, int(till), visitor)")
    assert not await stays_in(redis, shop)


async def test_an_api_client_joins_by_the_queue_and_is_told_its_place_at_the_door(redis, shop):
    client = shop.app.test_client(use_cookies=False)
    stranger = await client.get("/")
    assert (stranger.status_code, (await stranger.get_json())["code"]) == (403, "not_admitted")
    tickets = [(await (await client.post("/queue")).get_json())["ticket"] for _ in range(2)]
    first, second = ({"Queue-Ticket": ticket} for ticket in tickets)
    assert await (await client.get("/", headers=first)).get_data() == b"Come in."
    waits = await client.get("/", headers=second)
    assert waits.status_code == 409
    assert waits.content_type == "application/problem+json"
    said = await waits.get_json()
    assert (said["code"], said["queue"]["place"]) == ("not_called", 1)
    assert int(waits.headers["Retry-After"]) >= 3
    granted = await (await client.post("/queue/claim", headers=first)).get_json()
    assert (await client.post("/buy", headers={"Queue-Pass": granted["pass"]})).status_code == 200
    await beat(redis, shop)
    assert (await client.get("/", headers=second)).status_code == 200
    late = await client.post("/buy", headers={"Queue-Pass": granted["pass"]})
    assert (late.status_code, (await late.get_json())["code"]) == (403, "not_active")


@pytest.mark.parametrize(
    ("method", "headers"),
    [("POST", {}), ("HEAD", {}), ("GET", {"Sec-Purpose": "prefetch;prerender"}), ("GET", {"Accept": "*/*"})],
)
async def test_only_a_visit_takes_a_place(shop, method, headers):
    refused = await browser(shop)("/buy" if method == "POST" else "/", method, headers=headers)
    assert refused.status_code == 403
    assert "Set-Cookie" not in refused.headers
    frame = await shop.room.snapshot()
    assert (frame.waiting, frame.called, frame.active) == (0, 0, 0)


async def test_a_form_sent_too_early_leads_back_to_its_page(shop):
    await browser(shop)()
    fan = browser(shop)
    outside = await fan("/buy", "POST", headers={"Referer": "http://localhost/?item=7"})
    assert "What you sent was not taken." in outside.text
    assert '<a href="/?item=7">Go to the line</a>' in outside.text
    await fan()
    waits = await fan("/buy", "POST", headers={"Referer": "http://localhost/?item=7"})
    assert waits.headers["Refresh"].endswith("; url=/?item=7")
    for referrer in ("http://example.com/trap", "http://[bad"):
        elsewhere = await fan("/buy", "POST", headers={"Referer": referrer})
        assert elsewhere.headers["Refresh"].endswith("; url=/")


async def test_leaving_and_joining_again_need_no_script(redis, shop):
    first, fan = browser(shop), browser(shop)
    await first()
    waits = await fan()
    assert '<form method="post" action="/queue/leave">' in waits.text
    left = await fan("/queue/leave", "POST", form={"back": "/?item=7"})
    assert (left.status_code, left.headers["Location"]) == (303, "/?item=7")
    # Another tab that looks again by itself must not join anew.
    gone = await fan()
    assert (gone.status_code, "You have left the line" in gone.text) == (403, True)
    assert "Refresh" not in gone.headers
    assert (await shop.room.snapshot()).waiting == 0
    assert (await fan("/queue/again", "POST", form={"back": "/"})).status_code == 303
    assert "You are next." in (await fan()).text
    assert (await shop.room.snapshot()).waiting == 1


async def test_a_form_of_another_site_comes_without_the_cookie_and_does_nothing(shop):
    for act in ("leave", "again"):
        answer = await browser(shop)(f"/queue/{act}", "POST", form={"back": "/"})
        assert answer.status_code == 303
        assert "Set-Cookie" not in answer.headers
    assert (await shop.room.snapshot()).waiting == 0


@pytest.mark.parametrize(
    "back",
    [
        "//example.com",
        "/\\example.com",
        "/\t/example.com",
        "http://example.com",
        "",
        "/\r\nSet-Cookie: a=b",
        "/ä",
    ],
)
async def test_a_form_leads_nowhere_else(shop, back):
    answer = await browser(shop)("/queue/leave", "POST", form={"back": back})
    assert answer.headers["Location"] == "/"
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "rubbish", ["", "x", "." * 3000, "a.b.c", '"', "\\303\\251", "null", "é", "W10.x", "=;=;,"]
)
async def test_rubbish_in_a_cookie_is_as_good_as_none(shop, rubbish):
    await browser(shop)()
    client = shop.app.test_client(use_cookies=False)
    name = shop.door._queue
    cookie = f"{name}={rubbish}; {name}_shown={rubbish}"
    waits = await client.get("/", headers=BROWSER | {"Cookie": cookie})
    assert waits.status_code == 202
    assert b"You are next." in await waits.get_data()


@pytest.mark.parametrize("header", ["Queue-Ticket", "Queue-Pass"])
async def test_rubbish_in_a_header_is_refused(shop, header):
    answer = await shop.app.test_client().get("/", headers={header: "rubbish"})
    assert answer.status_code == 403
    assert (await answer.get_json())["code"] == {"Queue-Ticket": "bad_ticket", "Queue-Pass": "bad_pass"}[
        header
    ]


async def shown_after_another_came_back(redis: Redis, shop: SimpleNamespace) -> str:
    """The page of a fan who was next, until another came back to a turn they had missed."""
    await browser(shop)()
    missed, fan = browser(shop), browser(shop)
    await missed()
    assert "1 ahead of you." in (await fan()).text
    await shop.room.steer(max_active=2)
    await beat(redis, shop)
    await shop.room.steer(rate_per_minute=0)
    await beat(redis, shop, 121)
    assert "You are next." in (await fan()).text
    assert "Your turn had come before" in (await missed()).text
    assert (await shop.room.snapshot()).waiting == 2
    return str((await fan()).text)


async def test_a_shown_place_never_rises(redis, shop):
    assert "You are next." in await shown_after_another_came_back(redis, shop)


async def test_without_its_memory_of_what_was_shown_the_place_rises(redis, shop, monkeypatch):
    monkeypatch.setattr(front_door, "as_shown", lambda standing, *of: standing)
    assert "1 ahead of you." in await shown_after_another_came_back(redis, shop)


async def words(redis: Redis, shop: SimpleNamespace, mode: Mode) -> tuple[int, str]:
    """What a fan in the line is told once the doors are turned to `mode`."""
    await browser(shop)()
    fan = browser(shop)
    await fan()
    await shop.room.steer(mode=mode, message="Back at noon.")
    await beat(redis, shop)
    told = await fan()
    assert "Back at noon." in told.text
    assert "Refresh" in told.headers
    return told.status_code, told.text


async def test_a_paused_line_says_so(redis, shop):
    status, text = await words(redis, shop, Mode.PAUSED)
    assert (status, "The line is paused." in text) == (202, True)


async def test_the_lobby_says_so(redis, shop):
    status, text = await words(redis, shop, Mode.LOBBY)
    assert (status, "You are in the lobby" in text) == (202, True)


async def test_closed_doors_say_so_to_who_waits_and_to_who_comes(redis, shop):
    status, text = await words(redis, shop, Mode.CLOSED)
    assert (status, "The doors are closed" in text) == (409, True)
    stranger = await browser(shop)()
    assert (stranger.status_code, "The doors are closed" in stranger.text) == (409, True)
    assert "Back at noon." in stranger.text


async def test_a_line_that_opens_later_says_when(redis, prefix):
    seconds, _ = await redis.time()
    app = Quart(__name__)
    policy = RoomPolicy(
        Mode.LOBBY, 600, 1, lobby_opens_at=(seconds + 900) * 1_000_000, opens_at=(seconds + 3600) * 1_000_000
    )
    door = FrontDoor(app, WaitingRoom(redis, "shop", secrets=["secret"], prefix=prefix), policy)
    app.get("/")(door.admitted(lambda: None))  # type: ignore[arg-type, return-value]
    await door.keeper.ensure()
    await door.keeper.tick()
    fan = browser(SimpleNamespace(app=app))
    early = await fan()
    assert (early.status_code, "It opens in 15 minutes." in early.text) == (409, True)
    await travel(redis, door.room, 900)
    await door.keeper.tick()
    assert "The doors open in 45 minutes." in (await fan()).text


async def test_who_was_away_too_long_is_told_and_may_join_again(redis, shop):
    await browser(shop)()
    fan = browser(shop)
    await fan()
    await shop.room.steer(max_active=2)
    await beat(redis, shop)
    await beat(redis, shop, 121)
    await beat(redis, shop, 901)
    told = await fan()
    assert (told.status_code, "You were away too long" in told.text) == (403, True)
    assert '<form method="post" action="/queue/again">' in told.text


async def test_of_two_doors_each_knows_its_own_fans(shop, redis, prefix):
    cellar = WaitingRoom(redis, "cellar", secrets=["secret"], prefix=prefix)
    door = FrontDoor(shop.app, cellar, RoomPolicy(Mode.OPEN, 600, 1), path="/cellar/queue")
    shop.app.add_url_rule(
        "/cellar", "cellar", view_func=door.admitted(shop.app.view_functions["till"].__wrapped__)
    )
    await door.keeper.ensure()
    fan, next_in_cellar = browser(shop), browser(shop)
    assert (await fan()).text == (await fan("/cellar")).text == "Come in."
    assert (await fan()).text == "Come in."
    assert 'action="/cellar/queue/leave"' in (await next_in_cellar("/cellar")).text


async def test_an_application_may_have_a_page_of_its_own(redis, prefix):
    class Plain(FrontDoor):
        async def page(self, notice: Notice, back: str) -> str:
            return f"{notice.heading} {notice.place} {back}"

    app = Quart(__name__)
    door = Plain(app, WaitingRoom(redis, "shop", secrets=["s"], prefix=prefix), RoomPolicy(Mode.OPEN, 60, 0))
    app.get("/here")(door.admitted(lambda: None))  # type: ignore[arg-type, return-value]
    await door.keeper.ensure()
    assert (await browser(SimpleNamespace(app=app))("/here")).text == "Your place 1 /here"


async def test_a_form_of_another_site_changes_nothing(shop):
    """It comes without the cookie; a place given to it would take the place of the fan's own."""
    client = shop.app.test_client()
    for method, path in (("POST", "/queue"), ("DELETE", "/queue"), ("POST", "/queue/claim")):
        response = await client.open(path, method=method, headers={"Sec-Fetch-Site": "cross-site"})
        assert (response.status_code, (await response.get_json())["code"]) == (403, "cross_site")
        assert "Set-Cookie" not in response.headers
    assert (await shop.room.snapshot()).waiting == (await shop.room.snapshot()).called == 0
    assert (await client.post("/queue", headers={"Sec-Fetch-Site": "same-origin"})).status_code == 201


async def test_a_closed_door_says_why_to_who_has_no_place(shop):
    await shop.room.steer(mode=Mode.CLOSED, message="The singer is ill.")
    page = await browser(shop)()
    assert (page.status_code, "The singer is ill." in page.text) == (409, True)
    answer = await shop.app.test_client().post("/queue")
    said = await answer.get_json()
    assert (answer.status_code, said["code"], said["message"]) == (409, "room_closed", "The singer is ill.")
    assert said["detail"] == "The queue is closed. The singer is ill."
