"""The texts of the Lua scripts, read from package data."""

from collections.abc import Mapping
from importlib.resources import files

SHARED: Mapping[str, tuple[str, ...]] = {
    "hold": ("common", "take"),
    "extend": ("common",),
    "extend_all": ("common",),
    "release": ("common",),
    "submit": ("common", "order"),
    "book": ("common", "take", "order"),
    "settle": ("common",),
    "expire": ("common",),
    "load": ("common",),
    "unsell": ("common",),
    "shrink": ("common",),
    "grow": ("common",),
    "limit": ("common",),
    "seats": (),
    "look": ("common",),
    "figures": ("common",),
    "close": ("common",),
    "rebuild": ("common",),
    "correct": ("common",),
}
"""Each script, and the files of functions that go before it."""


def source(script: str) -> str:
    """The full text of a script: the functions it shares with others, then itself."""
    folder = files("ticketflow.stock") / "lua"
    return "".join((folder / f"{name}.lua").read_text(encoding="utf-8") for name in (*SHARED[script], script))
