"""Every test in this folder drives a browser, and waits for what it sees rather than for a time."""

from pathlib import Path

import pytest
from playwright.async_api import expect

PATIENCE_MS = 30_000
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(autouse=True)
def patience() -> None:
    """A busy machine is slow, not wrong."""
    expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What a page does is the same on both databases; a test that wants both says so."""
    return sqlite_url
