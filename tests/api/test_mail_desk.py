"""The delivery desk over the API: found, looked at, tried again; by whom, and what is never shown."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import insert, select, update

from tests.api.letters import newest_token
from tests.api.support import cookies_of, is_problem, open_sale
from tests.house import House, Sale, Visitor, eventually
from ticketflow.accounts.tries import RESENDS, SECONDS, Tries
from ticketflow.domain import iso, now
from ticketflow.mail.reading import LEFT_OUT
from ticketflow.mail.server_board import say_away, say_up
from ticketflow.store.mail_links import Purpose
from ticketflow.store.tables import audit, outbox, users

pytestmark = pytest.mark.asyncio(loop_scope="package")
MAIL = "/api/organiser/mail"


@pytest_asyncio.fixture(loop_scope="package")
async def organiser(house: House, sale: Sale) -> AsyncIterator[Visitor]:
    """The organiser of `sale`, signed in."""
    async with house.visitor() as visitor:
        await visitor.sign_in(sale.organiser_email)
        yield visitor


@pytest_asyncio.fixture(loop_scope="package")
async def admin(house: House) -> AsyncIterator[Visitor]:
    async with house.visitor() as visitor:
        account = (await visitor.register()).json()["id"]
        await house.database.execute(update(users).where(users.c.id == account).values(role="admin"))
        await visitor.sign_in(visitor.email)
        yield visitor


async def booked(fan: Visitor, sale: Sale) -> dict[str, Any]:
    answer = await fan.book((await fan.hold(sale)).json()["id"])
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def letter_of(house: House, booking: str, state: str) -> dict[str, Any]:
    """The booking's letter, once it stands in that state."""

    async def so() -> Any:
        row = await house.database.fetch_one(select(outbox).where(outbox.c.booking_id == booking))
        return dict(row._mapping) if row and row["state"] == state else None

    found: dict[str, Any] = await eventually(so)
    return found


@pytest_asyncio.fixture(loop_scope="package")
async def refused(house: House, sale: Sale, fan: Visitor) -> dict[str, Any]:
    """A letter that the mail server has refused for good."""
    assert house.mailbox is not None
    house.mailbox.answer = "550 no such user"
    try:
        return await letter_of(house, (await booked(fan, sale))["id"], "failed")
    finally:
        house.mailbox.answer = "250 taken"


async def acts(house: House, sale: Sale) -> list[str]:
    those = (audit.c.event_id == sale.event_id) & audit.c.action.like("mail.%")
    return [row["action"] for row in await house.database.fetch_all(select(audit).where(those))]


async def test_a_failed_letter_is_seen_with_its_reason_and_tried_again(
    house: House, sale: Sale, organiser: Visitor, fan: Visitor, refused: dict[str, Any]
):
    listed = (await organiser.get(MAIL, params={"state": "failed"})).json()
    (letter,) = listed["letters"]
    assert listed["next"] is None
    assert (letter["id"], letter["recipient"]) == (refused["id"], fan.email)
    assert (letter["reason"], letter["error"]) == ("no_such_address", "550 no such user")
    numbers = (await organiser.get(f"{MAIL}/summary", params={"event_id": sale.event_id})).json()
    assert (numbers["states"]["failed"], numbers["reasons"]) == (1, {"no_such_address": 1})
    again = await organiser.post(f"{MAIL}/{refused['id']}/retry")
    assert again.status_code == 200, again.text
    assert (again.json()["attempts"], again.json()["error"]) in ((0, "550 no such user"), (1, None))
    sent = await letter_of(house, refused["booking_id"], "sent")
    assert sent["message_id"] == refused["message_id"]
    is_problem(await organiser.post(f"{MAIL}/{refused['id']}/retry"), 409, "letter_not_failed")
    assert await acts(house, sale) == ["mail.retry"]


async def test_a_sent_letter_is_sent_again_as_the_same_letter_while_its_booking_stands(
    house: House, sale: Sale, organiser: Visitor, fan: Visitor
):
    assert house.mailbox is not None
    booking = await booked(fan, sale)
    letter = await letter_of(house, booking["id"], "sent")
    before = len(house.mailbox.messages)
    assert (await organiser.post(f"{MAIL}/{letter['id']}/resend")).status_code == 200
    messages = await house.mailbox.wait_for(before + 1)
    assert [m["Message-ID"] for m in messages].count(letter["message_id"]) == 2
    assert await acts(house, sale) == ["mail.resend"]
    await letter_of(house, booking["id"], "sent")
    path = f"/api/organiser/events/{sale.event_id}/bookings/{booking['id']}/cancel"
    assert (await organiser.post(path)).status_code == 200
    is_problem(await organiser.post(f"{MAIL}/{letter['id']}/resend"), 409, "letter_outdated")
    assert (await organiser.get(f"{MAIL}/{letter['id']}")).json()["message"] is None


async def check_one_letter_is_not_sent_often(
    house: House, organiser: Visitor, letter: dict[str, Any]
) -> None:
    path = f"{MAIL}/{letter['id']}/resend"
    for _ in range(RESENDS):
        assert (await organiser.post(path)).status_code == 200
        await letter_of(house, letter["booking_id"], "sent")
    problem = is_problem(answer := await organiser.post(path), 429, "too_many_requests")
    assert answer.headers["Retry-After"] == str(problem["retry_after"])
    assert 0 < problem["retry_after"] <= SECONDS


async def test_one_letter_is_not_sent_often_by_either_door(
    house: House, sale: Sale, organiser: Visitor, fan: Visitor
):
    letter = await letter_of(house, (await booked(fan, sale))["id"], "sent")
    async with house.visitor() as second:
        await second.register()
        await second.come_in(sale)
        other = await letter_of(house, (await booked(second, sale))["id"], "sent")
    await check_one_letter_is_not_sent_often(house, organiser, letter)
    page = await organiser.post(f"/organiser/mail/{letter['id']}/resend", data={"back": "/organiser/mail"})
    told = await organiser.get(page.headers["Location"])
    assert "very often" in told.text
    assert await acts(house, sale) == ["mail.resend"] * RESENDS
    assert (await organiser.post(f"{MAIL}/{other['id']}/resend")).status_code == 200


async def test_control_uncounted_a_letter_is_sent_as_often_as_one_likes(
    house: House, sale: Sale, organiser: Visitor, fan: Visitor, monkeypatch: pytest.MonkeyPatch
):
    async def none(*_: object) -> None:
        """Nothing is counted."""

    letter = await letter_of(house, (await booked(fan, sale))["id"], "sent")
    monkeypatch.setattr(Tries, "take_resend", none)
    with pytest.raises(AssertionError):
        await check_one_letter_is_not_sent_often(house, organiser, letter)


async def test_what_was_not_sent_again_counts_as_none(organiser: Visitor, refused: dict[str, Any]):
    for _ in range(RESENDS + 1):
        is_problem(await organiser.post(f"{MAIL}/{refused['id']}/resend"), 409, "letter_not_sent")


async def test_a_letter_that_was_not_sent_is_not_sent_again(organiser: Visitor, refused: dict[str, Any]):
    is_problem(await organiser.post(f"{MAIL}/{refused['id']}/resend"), 409, "letter_not_sent")


async def test_the_message_is_what_the_fan_reads(house: House, organiser: Visitor, sale: Sale, fan: Visitor):
    assert house.mailbox is not None
    letter = await letter_of(house, (await booked(fan, sale))["id"], "sent")
    seen = (await organiser.get(f"{MAIL}/{letter['id']}")).json()["message"]
    (sent,) = [m for m in house.mailbox.messages if m["Message-ID"] == letter["message_id"]]
    body = sent.get_body(("plain",))
    assert body is not None
    assert seen["text"].split() == body.get_content().split()
    headers = {header["name"]: header["value"] for header in seen["headers"]}
    assert (headers["To"], headers["Message-ID"]) == (fan.email, letter["message_id"])


async def test_letters_are_found_by_address_booking_and_number(
    house: House, organiser: Visitor, sale: Sale, fan: Visitor
):
    booking = await booked(fan, sale)
    letter = await letter_of(house, booking["id"], "sent")
    ticket = booking["tickets"][0]["code"]
    finds: tuple[str, ...]
    finds = (fan.email, fan.email[:-4], booking["code"], booking["id"], str(letter["id"]), ticket)
    finds += (fan.email.upper(), booking["code"].lower(), booking["id"].upper(), ticket.lower())
    for words in finds:
        found = (await organiser.get(MAIL, params={"q": words, "event_id": sale.event_id})).json()["letters"]
        assert [one["id"] for one in found] == [letter["id"]], words
    for words in ("%", "___", f"%{fan.email[2:]}", "nobody@example.com", "0" * 32, "fa"):
        found = (await organiser.get(MAIL, params={"q": words, "event_id": sale.event_id})).json()["letters"]
        assert found == [], words
    for bad in (
        {"state": "lost"},
        {"kind": "A b"},
        {"limit": 0},
        {"q": ""},
        {"x": 1},
        {"reason": "bad luck"},
    ):
        is_problem(await organiser.get(MAIL, params=bad), 422, "invalid_request")


async def test_another_organiser_sees_nothing_and_changes_nothing(house: House, refused: dict[str, Any]):
    other = await open_sale(house)
    async with house.visitor() as stranger:
        await stranger.sign_in(other.organiser_email)
        assert (await stranger.get(MAIL)).json()["letters"] == []
        assert sum((await stranger.get(f"{MAIL}/summary")).json()["states"].values()) == 0
        for query in ({"event_id": refused["event_id"]},):
            is_problem(await stranger.get(MAIL, params=query), 404)
            is_problem(await stranger.get(f"{MAIL}/summary", params=query), 404)
            is_problem(await stranger.post(f"{MAIL}/retry", json=query), 404)
        for act in ("retry", "resend"):
            is_problem(await stranger.post(f"{MAIL}/{refused['id']}/{act}"), 404)
        assert (await stranger.post(f"{MAIL}/retry", json={})).json() == {"retried": 0, "more": False}
    row = await house.database.fetch_one(select(outbox).where(outbox.c.id == refused["id"]))
    assert row is not None
    assert row["state"] == "failed"


async def test_all_failed_are_tried_again_by_their_reason(
    house: House, sale: Sale, organiser: Visitor, refused: dict[str, Any]
):
    wanted = {"event_id": sale.event_id, "reason": "mailbox_full"}
    assert (await organiser.post(f"{MAIL}/retry", json=wanted)).json() == {"retried": 0, "more": False}
    wanted["reason"] = "no_such_address"
    assert (await organiser.post(f"{MAIL}/retry", json=wanted)).json() == {"retried": 1, "more": False}
    await letter_of(house, refused["booking_id"], "sent")
    assert await acts(house, sale) == ["mail.retry_all"]


async def test_no_link_of_an_account_is_ever_shown(house: House, admin: Visitor, organiser: Visitor):
    """Also not to an admin: neither the token nor the way to it."""
    async with house.visitor() as fan:
        await fan.register()
        await fan.post("/api/password/forgotten", json={"email": fan.email})

        async def both() -> Any:
            found = (await admin.get(MAIL, params={"q": fan.email})).json()["letters"]
            return found if {one["kind"] for one in found} >= {"verify", "reset"} else None

        letters = await eventually(both)
        tokens = [
            await newest_token(house, purpose, fan.email) for purpose in (Purpose.VERIFY, Purpose.RESET)
        ]
        for letter in letters:
            pages = [f"/organiser/mail/{letter['id']}{way}" for way in ("", "?show=text", "/html")]
            answers = [await admin.get(path) for path in (f"{MAIL}/{letter['id']}", *pages)]
            assert {answer.status_code for answer in answers} == {200}
            assert LEFT_OUT in answers[0].json()["message"]["text"]
            for answer in answers:
                assert "token=" not in answer.text
                assert not [token for token in tokens if token in answer.text]
            is_problem(await organiser.get(f"{MAIL}/{letter['id']}"), 404)


async def test_the_address_of_a_closed_account_is_shown_to_nobody(house: House, admin: Visitor):
    at, address = now(), "leaving-somebody@example.com"
    me = (await admin.get("/api/me")).json()["id"]
    row = {"kind": "account_closed", "user_id": me, "recipient": address, "message_id": f"<{address}>"}
    row |= {"state": "failed", "due_at": at, "created_at": at, "last_error": f"550 no {address}"}
    number = await house.database.execute(insert(outbox).values(**row))
    for path in (f"{MAIL}/{number}", f"/organiser/mail/{number}?show=headers", MAIL, "/organiser/mail"):
        answer = await admin.get(path)
        assert answer.status_code == 200
        assert address not in answer.text.replace(f"<{address}>", "").replace(f"&lt;{address}&gt;", "")
    assert (await admin.get(MAIL, params={"q": address})).json()["letters"] == []


async def test_the_socket_tells_what_a_recount_tells(
    house: House, sale: Sale, organiser: Visitor, refused: dict[str, Any]
):
    import json

    assert house.app is not None
    headers = {"Cookie": cookies_of(organiser)}
    path = f"/ws/organiser/mail?event={sale.event_id}"
    async with house.app.test_client().websocket(path, headers=headers) as socket:
        frame = json.loads(await socket.receive())
        assert frame["type"] == "mail"
        assert frame["states"]["failed"] == 1
        assert (await organiser.post(f"{MAIL}/{refused['id']}/retry")).status_code == 200
        while frame["type"] != "mail" or frame["states"]["sent"] != 1:
            frame = json.loads(await socket.receive())
        fresh = (await organiser.get(f"{MAIL}/summary", params={"event_id": sale.event_id})).json()
        for name in ("states", "waiting", "reasons", "sent_last_minute"):
            assert frame[name] == fresh[name]
        assert (frame["states"]["failed"], frame["reasons"], frame["waiting"]) == (0, {}, 0)
        assert sum(minute["sent"] for minute in frame["minutes"]) == 1


async def test_the_server_that_is_away_is_told(house: House, organiser: Visitor):
    from tests.api.support import services

    redis, prefix = services(house).redis, house.settings.redis_prefix
    assert (await organiser.get(f"{MAIL}/summary")).json()["server"]["state"] == "up"
    await say_away(redis, prefix, "ConnectionRefusedError")
    try:
        told = (await organiser.get(f"{MAIL}/summary")).json()["server"]
        assert (told["state"], told["reason"]) == ("away", "ConnectionRefusedError")
        assert told["since"] <= iso(now())
        assert "Does not answer" in (await organiser.get("/organiser/mail")).text
    finally:
        await say_up(redis, prefix)


async def test_by_plain_forms_one_comes_back_to_the_letters_as_they_were_filtered(
    house: House, sale: Sale, organiser: Visitor, refused: dict[str, Any]
):
    here = f"/organiser/mail?event={sale.event_id}&state=failed"
    page = (await organiser.get(here)).text
    assert "There is no such address" in page
    assert "Retry the one" in page
    done = await organiser.post(f"/organiser/mail/{refused['id']}/retry", data={"back": here})
    assert done.status_code == 303
    assert done.headers["Location"].startswith(f"{here}&said=")
    assert "It is tried again now." in (await organiser.get(done.headers["Location"])).text
    late = await organiser.post(f"/organiser/mail/{refused['id']}/retry", data={"back": "//evil.example"})
    assert late.headers["Location"].startswith("/organiser/mail?said=")
