"""A real localstripe for the tests of payments, and a gateway and a house that pay with it."""

import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
from databases import Database

from tests import servers
from tests.house import sqlite_is_quiet
from tests.payments.support import API_KEY, WEBHOOK_SECRET, Postbox, Stripe, postbox_open, serving
from ticketflow.clients import make_database, open_gateway
from ticketflow.payments.stripe_gateway import StripeGateway
from ticketflow.settings import Settings


@pytest.fixture(scope="session")
def stripe_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the session's localstripe: it is shared, so keep to keys of your own."""
    port, log = servers.free_port(), tmp_path_factory.mktemp("stripe") / "log"
    command = [sys.executable, "-m", "tests.payments.stripe_server", str(port)]
    with servers.process(command, log) as running:
        url = f"http://127.0.0.1:{port}"
        serving(url, running, log)
        yield url


@pytest.fixture
async def stripe(stripe_url: str) -> AsyncIterator[Stripe]:
    """localstripe as its owner sees it."""
    async with Stripe(stripe_url) as owner:
        yield owner


@pytest.fixture
def settings(settings: Settings, stripe_url: str) -> Settings:
    """Settings of a house that is paid through Stripe."""
    return replace(
        settings,
        stripe_secret_key=API_KEY,
        stripe_webhook_secret=WEBHOOK_SECRET,
        stripe_api_base=stripe_url,
    )


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    opened = make_database(settings)
    await opened.connect()
    yield opened
    await opened.disconnect()
    await sqlite_is_quiet()


@pytest.fixture
async def gateway(settings: Settings, database: Database) -> AsyncIterator[StripeGateway]:
    """The gateway as the settings make it."""
    async with open_gateway(settings, database) as made:
        assert isinstance(made, StripeGateway)
        yield made


@pytest.fixture
async def postbox(stripe: Stripe) -> AsyncIterator[Postbox]:
    """Where localstripe delivers its events, for the test to carry on as it likes."""
    async with postbox_open(stripe) as opened:
        yield opened


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library sends nothing again by itself: the first lost answer is lost."""
    monkeypatch.setattr("ticketflow.clients.STRIPE_RETRIES", 0)
