"""What no log may say, whoever wrote the line; and what one may."""

import io
import json
import logging
import sys
from collections.abc import Iterator

import pytest

from ticketflow import logs, redaction
from ticketflow.redaction import redacted, redacted_fields

SAID = [
    "Authorization: Bearer abc.DEF-123",
    "{'Authorization': 'Basic Zm9vOmJhcg=='}",
    "Cookie: session=canary; queue_1=canary",
    "set-cookie: a=canary; Path=/",
    "password=canary",
    "{'password': 'canary', 'name': 'A fan'}",
    '{"current_password": "canary canary"}',
    "GET /reset?token=canary",
    "Queue-Ticket: canary",
    "redis://user:canary@localhost:6379/0",
    "mysql+aiomysql://root:canary@127.0.0.1/x: refused",
    "sk_live_canary123 whsec_canary123 pm_canary123",
    "$argon2id$v=19$m=65536,t=3,p=4$canary$canary",
    "a link with a9Kc2nary-Xq7Zt0pLm3Rs8Vw5Yb in it",
    "signed 17.0.abcDEF123.aBcDeFgHiJkLmNoPqRsT12.canaryCANARY123456",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "card 4242 4242 4242 4242, please",
    "card 4242-4242-4242-4242",
    "5555555555554444",
    """(1062, "Duplicate entry 'canary@example.com' for key 'email'")""",
    """pymysql.err.DataError: (1366, "Incorrect string value: 'canary' for column 'name'")""",
    """(1064, "You have an error near 'it's canary' at line 1")""",
    "[SQL: INSERT INTO users VALUES (?)]\n[parameters: ('canary', 'x')]",
    "type=string_too_short, input_value='canary', input_type=str",
]
SECRETS = (
    *("canary", "abc.DEF-123", "Zm9vOmJhcg", "a9Kc2nary", "aBcDeFgHi", "0123456789abcdef0", "4242", "55555"),
    "input_value='",
)
KEPT = [
    "event 7: its room is not in Redis, putting it there",
    "a store did not answer: Error 111 connecting to 127.0.0.1:6379. Connection refused.",
    "booking 0123456789abcdef0123456789abcdef is confirmed",
    "at 1790000000123456 microseconds",
    "(2013, 'Lost connection to MySQL server during query')",
    "in test_a_function_with_a_very_long_name_indeed_2026",
    "passed 3 of 5",
]


@pytest.mark.parametrize("text", SAID)
def test_what_may_not_be_said_is_taken_out(text: str):
    told = redacted(text)
    assert redaction.REDACTED in told
    assert not [secret for secret in SECRETS if secret in told], told


@pytest.mark.parametrize("text", KEPT)
def test_what_helps_is_left(text: str):
    assert redacted(text) == text


def test_fields_go_by_their_names_and_by_what_they_hold():
    told = redacted_fields(
        {
            "event": "hello",
            "request_id": "a" * 64,
            "password": "x",
            "card": 4242,
            "deep": {"token": "x", "said": ["password=canary"]},
            "status": 200,
            "error": ValueError("Cookie: canary"),
            "none": None,
        }
    )
    assert told["request_id"] == "a" * 64
    assert (told["status"], told["event"], told["none"]) == (200, "hello", None)
    assert (told["password"], told["card"]) == (redaction.REDACTED, redaction.REDACTED)
    assert "canary" not in str(told)
    assert told["deep"]["token"] == redaction.REDACTED


@pytest.fixture(params=[False, True], ids=["json", "plain"])
def plain(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def written(plain: bool, monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """All that is logged; what a test has set up is taken back."""
    root, access = logging.getLogger(), logging.getLogger(logs.ACCESS)
    before = root.handlers[:], root.level, access.handlers[:], access.propagate
    # Not closed by what sets up: pytest's own handlers are among them.
    root.handlers = []
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    logs.set_up(plain=plain)
    yield stream
    root.handlers, root.level, access.handlers, access.propagate = before


def test_a_text_of_a_stranger_makes_no_second_line(written: io.StringIO, plain: bool):
    evil = 'A fan\n{"event": "all is well"}\r\n\x1b[2Jgone\u2028x'
    logging.getLogger("t").warning("called %s", evil, extra={"name_given": evil})
    lines = written.getvalue().splitlines()
    assert len(lines) == 1, lines
    assert "\x1b[2J" not in lines[0]
    if not plain:
        assert json.loads(lines[0])["name_given"] == evil


def test_an_error_with_secrets_in_it_is_told_without_them(written: io.StringIO):
    try:
        try:
            raise KeyError("password=canary")
        except KeyError as cause:
            raise ValueError("Authorization: Bearer canary") from cause
    except ValueError:
        logging.getLogger("t").exception("it failed", extra={"token": "canary"})
    said = written.getvalue()
    assert "canary" not in said
    assert "ValueError" in said
    assert "KeyError" in said
