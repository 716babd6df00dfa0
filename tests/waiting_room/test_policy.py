from typing import Any

import pytest

from waiting_room import BadPolicy, Mode, RoomPolicy

GOOD: dict[str, Any] = {"mode": Mode.OPEN, "rate_per_minute": 60, "max_active": 10}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mode", "ajar"),
        ("rate_per_minute", -1),
        ("rate_per_minute", 1_000_001),
        ("rate_per_minute", 1.5),
        ("rate_per_minute", True),
        ("rate_per_minute", "60"),
        ("max_active", -1),
        ("max_active", 1_000_001),
        ("message", "x" * 501),
        ("message", None),
        ("claim_seconds", 0),
        ("lease_seconds", 0),
        ("return_seconds", -1),
        ("away_seconds", -1),
        ("recovery_seconds", 3_601),
        ("tick_seconds", 0),
        ("tick_seconds", float("nan")),
        ("opens_at", -1),
    ],
)
def test_a_bad_value_is_named(field, value):
    with pytest.raises(BadPolicy) as refused:
        RoomPolicy(**GOOD | {field: value})
    assert refused.value.field == field
    assert field in str(refused.value)


def test_the_lobby_opens_before_the_doors():
    with pytest.raises(BadPolicy, match="lobby_opens_at"):
        RoomPolicy(**GOOD | {"lobby_opens_at": 2, "opens_at": 1})


def test_a_policy_survives_the_way_to_redis_and_back():
    policy = RoomPolicy(
        Mode.LOBBY,
        90,
        7,
        "12",
        3,
        1_795_366_334_233_725,
        60,
        300,
        450,
        30,
        recovery_seconds=0,
        tick_seconds=0.05,
    )
    assert RoomPolicy.restored({name: str(value) for name, value in policy.stored().items()}) == policy


@pytest.mark.parametrize(("value", "mode"), [("open", Mode.OPEN), ("closed", Mode.CLOSED)])
def test_a_mode_may_be_given_as_text(value, mode):
    assert RoomPolicy(**GOOD | {"mode": value}).mode is mode
