"""Each page in each of its states, on a phone and on a desk, dark and light: no barrier in anybody's way."""

from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.browser.backstage import Backstage
from tests.browser.inspector import Inspector, pictures_folder
from tests.browser.stage import one_command
from tests.browser.walk import VARIABLES, Walk


@pytest.mark.timeout(300)
async def test_every_page(browser: Browser, tmp_path: Path):
    inspector = Inspector(pictures_folder())
    async with one_command(tmp_path, browser, **VARIABLES) as stage, Backstage(stage.url) as back:
        await Walk(stage, back, inspector.look_over, inspector.watch).whole()
        assert inspector.faults == [], "\n".join(inspector.faults)
        assert stage.complaints == []
