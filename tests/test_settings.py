"""Settings: a missing or bad value stops the start with one line that names it."""

import os
import subprocess

import pytest

from tests.house import command
from ticketflow.settings import BadSetting, Settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TICKETFLOW_PORT", "eighty"),
        ("TICKETFLOW_PORT", "70000"),
        ("PORT", "-1"),
        ("TICKETFLOW_DATABASE_URL", "oracle://somewhere"),
        ("TICKETFLOW_REDIS_URL", "localhost:6379"),
        ("TICKETFLOW_SMTP_URL", "http://mail"),
        ("TICKETFLOW_REDIS_URL", "redis://host:abc/0"),
        ("TICKETFLOW_SMTP_URL", "smtp://host:abc"),
        ("TICKETFLOW_PUBLIC_URL", "https://"),
        ("TICKETFLOW_MAIL_FROM", "@@@"),
        ("TICKETFLOW_MAIL_FROM", "Jörg <jörg@example.com>"),
        ("TICKETFLOW_SECRET_KEYS", "short"),
        ("TICKETFLOW_SECRET_KEYS", f"{'long' * 10},short"),
        ("TICKETFLOW_TICKET_KEYS", "ab"),
        ("TICKETFLOW_TICKET_KEYS", f"{'ab' * 32},{'xy' * 32}"),
        ("TICKETFLOW_TICK_SECONDS", "fast"),
        ("TICKETFLOW_HOLD_SECONDS", "0"),
        ("TICKETFLOW_HOLD_SECOND", "60"),
        ("TICKETFLOW_FAULT", "nowhere"),
        ("TICKETFLOW_FAULT", "commit.done:explode"),
        ("TICKETFLOW_FAULT", "commit.done:kill:0"),
        ("TICKETFLOW_FAULT", "commit.done:kill:1:more"),
    ],
)
def test_a_bad_value_is_refused_by_its_name(name: str, value: str):
    with pytest.raises(BadSetting, match=rf"^{name}\b"):
        Settings.read({name: value})


def test_a_refusal_does_not_repeat_a_password():
    with pytest.raises(BadSetting) as refused:
        Settings.read({"TICKETFLOW_DATABASE_URL": "oracle://user:hunter2@somewhere"})
    assert "hunter2" not in str(refused.value)


def test_values_are_read_and_empty_ones_left_alone():
    read = Settings.read(
        {"TICKETFLOW_SECRET_KEYS": f"{'n' * 32}, {'o' * 32}", "PORT": "8123", "TICKETFLOW_SMTP_URL": " "}
    )
    assert read.secret_keys == ("n" * 32, "o" * 32)
    assert (read.port, read.smtp_url) == (8123, "")


def test_our_own_port_wins_over_the_hosts():
    assert Settings.read({"PORT": "1", "TICKETFLOW_PORT": "2"}).port == 2


@pytest.mark.parametrize("name", ["serve", "worker", "migrate"])
def test_a_command_without_its_settings_says_which_is_missing_in_one_line(name: str):
    bare = {key: value for key, value in os.environ.items() if not key.startswith("TICKETFLOW_")}
    ended = subprocess.run(command(name), env=bare, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 1
    assert ended.stderr.strip().splitlines() == [
        "Error: TICKETFLOW_DATABASE_URL is missing; .env.example shows each setting"
    ]


def test_secrets_have_no_default_outside_embedded_mode():
    assert Settings().secret_keys == ()
    with pytest.raises(BadSetting, match="TICKETFLOW_SECRET_KEYS"):
        Settings().require("secret_keys")
