"""The example of docs/waiting-room.md, taken out of it and run as a newcomer would."""

import os
import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from playwright.async_api import Browser, expect
from redis.asyncio import Redis

from tests import servers
from waiting_room import Frame, WaitingRoom

from .support import travel

ROOT = Path(__file__).parent.parent.parent
DOCUMENT = (ROOT / "docs/waiting-room.md").read_text(encoding="utf-8")
EXAMPLE, MORE, *_ = re.findall(r"^```python\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
PATIENCE_MS = 30_000


def test_the_example_has_ten_lines_at_most():
    lines = [line for line in EXAMPLE.splitlines() if line and not line.startswith(("import ", "from "))]
    assert len(lines) <= 10


@pytest.fixture(scope="module")
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Valkey that is the example's alone: its names are those of the document."""
    with servers.valkey(tmp_path_factory.mktemp("shop")) as url:
        yield url


@asynccontextmanager
async def serving(folder: Path, redis_url: str, count: int) -> AsyncIterator[SimpleNamespace]:
    """So many processes of the example, each at a port of its own, and its room seen from outside."""
    (folder / "shop.py").write_text(EXAMPLE + MORE, encoding="utf-8")
    environment = os.environ | {"REDIS_URL": redis_url, "PYTHONPATH": str(ROOT)}
    (secret,) = re.findall(r'secrets=\["(.*?)"\]', EXAMPLE)
    urls, processes = [], []
    with ExitStack() as stack:
        redis = Redis.from_url(redis_url, decode_responses=True)
        await redis.flushall()
        for number in range(count):
            url, log = f"127.0.0.1:{servers.free_port()}", folder / f"log-{number}"
            # No workers of its own: they would outlive a parent that is killed.
            command = [sys.executable, "-m", "hypercorn", "--workers", "0", "shop:app", "--bind", url]
            running = stack.enter_context(servers.process(command, log, environment, folder))
            async with visitor(f"http://{url}") as first:
                # Who asks for a place they have not taken is told so, and takes none.
                await servers.answering(first, "/queue", running, log, status=404)
            urls.append(f"http://{url}")
            processes.append(running)
        room = WaitingRoom(redis, "shop", secrets=[secret])
        yield SimpleNamespace(urls=urls, processes=processes, redis=redis, room=room)
        await redis.aclose()


def visitor(url: str) -> httpx.AsyncClient:
    """A browser as far as the door can tell."""
    return httpx.AsyncClient(base_url=url, headers={"Accept": "text/html,*/*;q=0.8"})


@pytest.mark.browser
async def test_a_browser_without_scripts_waits_and_is_let_in(
    own_redis: str, browser: Browser, tmp_path: Path
):
    async with serving(tmp_path, own_redis, 1) as shop, visitor(shop.urls[0]) as first:
        assert (await first.get("/")).text == "Come in."
        await shop.room.steer(max_active=1)
        without_scripts = await browser.new_context(java_script_enabled=False)
        page = await without_scripts.new_page()
        await page.goto(shop.urls[0])
        await expect(page.get_by_role("status")).to_contain_text("You are next.")
        await expect(page).to_have_title("Place 1: Waiting room")
        assert (await first.post("/buy")).text == "Thank you."
        # Nobody touches the page: it looks again by itself.
        await expect(page.get_by_text("Come in.")).to_be_visible(timeout=PATIENCE_MS)


@pytest.mark.browser
async def test_a_browser_without_scripts_can_leave_and_come_back(
    own_redis: str, browser: Browser, tmp_path: Path
):
    async with serving(tmp_path, own_redis, 1) as shop:
        await shop.room.steer(max_active=0)
        page = await (await browser.new_context(java_script_enabled=False)).new_page()
        await page.goto(f"{shop.urls[0]}/?item=7")
        await page.get_by_role("button", name="Leave the line").click()
        await expect(page.get_by_role("heading", name="You have left the line")).to_be_visible()
        assert (await shop.room.snapshot()).waiting == 0
        await page.get_by_role("button", name="Join again").click()
        await expect(page.get_by_role("status")).to_contain_text("You are next.")
        assert page.url == f"{shop.urls[0]}/?item=7"


async def test_two_processes_are_one_room_and_either_brings_it_back(own_redis: str, tmp_path: Path):
    async with serving(tmp_path, own_redis, 2) as shop, visitor("") as first, visitor("") as second:
        here, there = shop.urls
        await shop.room.steer(max_active=1)
        assert (await first.get(here)).text == (await first.get(there)).text == "Come in."
        for url in (there, here):
            assert "You are next." in (await second.get(url)).text
        shop.processes[0].kill()
        shop.processes[0].wait()
        async with shop.redis.pubsub(ignore_subscribe_messages=True) as channel:
            await channel.subscribe(shop.room.channel)
            frames = (Frame.parse(message["data"]) async for message in channel.listen())
            # The first may be the killed one's last word, read by Redis after its end. The second the other
            # process has published, and so has seen what was steered.
            await anext(frames)
            before = await anext(frames)
            await shop.redis.flushall()
            restored = await anext(frame async for frame in frames if frame.epoch > before.epoch)
        assert (restored.recovering, restored.max_active) == (True, 1)
        assert "Your place is kept" in (await second.get(there)).text
        assert "Your place is kept" in (await first.get(there)).text
        # Who was in waits again, in front of who waited then.
        await shop.room.steer(max_active=0)
        await travel(shop.redis, shop.room, 10)
        assert await place_of(shop.room, first) == 1
        assert await place_of(shop.room, second) == 2


async def place_of(room: WaitingRoom, fan: httpx.AsyncClient) -> int | None:
    (ticket,) = [value for name, value in fan.cookies.items() if not name.endswith("_shown")]
    return (await room.look(ticket)).place
