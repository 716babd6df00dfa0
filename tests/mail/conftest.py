"""What the tests of delivery share."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.house import settings_for
from tests.mail.rough_server import RoughServer
from ticketflow.settings import Settings


@pytest.fixture
def rough(tmp_path: Path) -> RoughServer:
    """A mail server that is not running yet."""
    return RoughServer(tmp_path / "rough")


@pytest.fixture
def up(rough: RoughServer) -> Iterator[RoughServer]:
    """One that is, and takes everything until told otherwise."""
    with rough.running():
        yield rough


@pytest.fixture
def settings(mariadb_url: str, redis_url: str, rough: RoughServer, prefix: str) -> Settings:
    """As it runs for real, with letters that are tried again soon."""
    known = settings_for(database_url=mariadb_url, redis_url=redis_url, smtp_url=rough.url, prefix=prefix)
    return replace(known, mail_retry_seconds=0.1, mail_timeout_seconds=3)
