"""Takes the README's pictures: `.venv/bin/python docs/take-pictures.py`, some four minutes.

Starts `ticketflow up` on a free port with a new folder, lets a crowd buy and a long line form, and goes
through the sale as a fan and as the organiser. Nothing in the pictures is drawn by hand.
"""

import asyncio
import os
import shutil
import socket
import struct
import sys
import tempfile
import zlib
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import httpx
from playwright.async_api import Browser, Locator, Page, async_playwright, expect

from ticketflow.seed import FAN, ORGANISER, PASSWORD

PICTURES = Path(__file__).parent / "pictures"
MOST_BYTES = 300_000
BUYERS = 60
AHEAD, BEHIND = 500, 90
SLOW, QUICK = 90, 150
"""Admissions a minute before and after the organiser turns the rate up, so that the charts have a story."""
CHART_SECONDS = 60
LOOKS: tuple[Literal["dark", "light"], ...] = ("dark", "light")
BIG, SEATED = "coldplay-mumbai-2026", "strings-by-candlelight"
# Chromium dithers gradients, and noise cannot be compressed: colours are rounded to steps no eye can tell.
WITHOUT_NOISE = """async (picture) => {
  const bytes = Uint8Array.from(atob(picture), (c) => c.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const { width, height } = image;
  const brush = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d");
  brush.drawImage(image, 0, 0);
  const rounded = brush.getImageData(0, 0, width, height).data.map((value) => Math.round(value / 4) * 4);
  let text = "";
  for (let i = 0; i < rounded.length; i += 8192) {
    text += String.fromCharCode(...rounded.subarray(i, i + 8192));
  }
  return { width, height, pixels: btoa(text) };
}"""
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 1.5, "is_mobile": True}
WIDE = {"viewport": {"width": 1440, "height": 900}}


async def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    async with ticketflow() as url, chromium() as browser, httpx.AsyncClient(base_url=url) as organiser:
        login = await organiser.post("/api/login", json={"email": ORGANISER, "password": PASSWORD})
        login.raise_for_status()
        sales = {sale["slug"]: sale["id"] for sale in (await organiser.get("/api/events")).json()}
        studio = Studio(browser, url, organiser, sales)
        await studio.crowd_buys()
        await studio.line_moves()
        await studio.one_ticket()
    for picture in sorted(PICTURES.glob("*.png")):
        size = picture.stat().st_size
        print(f"{picture.name}: {size // 1000} KB{', too large' if size > MOST_BYTES else ''}")


class Studio:
    """The sale, its organiser's levers, and the camera."""

    def __init__(
        self, browser: Browser, url: str, organiser: httpx.AsyncClient, sales: dict[str, int]
    ) -> None:
        self._browser = browser
        self._url = url
        self._organiser = organiser
        self._sales = sales
        self._darkroom: Page | None = None

    async def crowd_buys(self) -> None:
        """Some are through already, so that something is sold and mailed; the landing page shows it."""
        async with self._crowd(BUYERS, "--hurry", "20") as buyers:
            await buyers.wait()
        page = await self._visitor(**WIDE, color_scheme="dark")
        await page.goto("/")
        await self._take(page, "landing")

    async def line_moves(self) -> None:
        """A line, a fan in it and the organiser at the desk, until both have seen it move for a while."""
        await self._set(BIG, mode="paused", rate_per_minute=SLOW, max_active=200)
        desk = await self._signed_in(ORGANISER, **WIDE, color_scheme="dark")
        await desk.goto(f"/organiser/{BIG}")
        async with self._crowd(AHEAD, "--arrivals", "30", "--hurry", "2"):
            await self._until_waiting(desk, AHEAD * 0.9)
            fan = await self._visitor(**PHONE, color_scheme="dark")
            await self._join(fan, BIG)
            async with self._crowd(BEHIND, "--arrivals", "2"):
                await self._let_in(desk)
                await self._in_both_looks(fan, "queue-phone")
                await self._in_both_looks(desk, "desk")

    async def _let_in(self, desk: Page) -> None:
        message = "Doors at six. Bring the ticket on your phone."
        await self._set(BIG, mode="open", message=message)
        await asyncio.sleep(CHART_SECONDS)
        await hook(desk, "rate").fill(str(QUICK))
        await hook(desk, "rate-apply").click()
        await asyncio.sleep(CHART_SECONDS)
        await desk.mouse.move(0, 0)

    async def _until_waiting(self, desk: Page, count: float) -> None:
        waiting = hook(desk, "waiting")
        while int(await waiting.text_content() or 0) < count:  # noqa: ASYNC110
            await asyncio.sleep(1)

    async def one_ticket(self) -> None:
        """A fan's turn, the checkout and the ticket."""
        await self._set(SEATED, mode="paused")
        fan = await self._signed_in(FAN, **PHONE, color_scheme="dark")
        await self._join(fan, SEATED)
        await self._set(SEATED, mode="open")
        come_in = hook(fan, "come-in")
        await expect(come_in).to_be_visible()
        await self._take(fan, "your-turn-phone")
        await come_in.click()
        await hook(fan, "quantity").fill("2")
        await self._take(fan, "choose-phone")
        await hook(fan, "hold").click()
        await expect(hook(fan, "pay")).to_be_visible()
        await self._take(fan, "checkout-phone")
        await hook(fan, "pay").click()
        await expect(hook(fan, "booking-status")).to_have_text("Confirmed")
        wide = await self._signed_in(FAN, viewport={"width": 900, "height": 820}, color_scheme="dark")
        await wide.goto(fan.url)
        await self._take(wide, "ticket")

    async def _visitor(self, **options: Any) -> Page:
        context = await self._browser.new_context(
            base_url=self._url, locale="en-GB", timezone_id="Europe/London", **options
        )
        return await context.new_page()

    async def _signed_in(self, email: str, **options: Any) -> Page:
        page = await self._visitor(**options)
        await page.context.request.post("/api/login", data={"email": email, "password": PASSWORD})
        return page

    async def _join(self, page: Page, slug: str) -> None:
        await page.goto(f"/events/{slug}")
        await hook(page, "join").click()
        await expect(hook(page, "place")).not_to_have_text("–")

    async def _set(self, slug: str, **policy: Any) -> None:
        answer = await self._organiser.patch(f"/api/organiser/events/{self._sales[slug]}/room", json=policy)
        answer.raise_for_status()

    @asynccontextmanager
    async def _crowd(self, count: int, *options: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """Simulated fans at the big sale, sent home when the block ends."""
        crowd = await run("crowd", str(count), "--url", self._url, "--event", BIG, *options)
        try:
            yield crowd
        finally:
            if crowd.returncode is None:
                crowd.terminate()
            await crowd.wait()

    async def _in_both_looks(self, page: Page, name: str) -> None:
        for look in LOOKS:
            await page.emulate_media(color_scheme=look)
            await self._take(page, f"{name}-{look}")

    async def _take(self, page: Page, name: str) -> None:
        # Reels roll and colours fade for less than this.
        await asyncio.sleep(1.5)
        (PICTURES / f"{name}.png").write_bytes(
            await self._developed(await page.screenshot(animations="disabled"))
        )

    async def _developed(self, picture: bytes) -> bytes:
        if self._darkroom is None:
            self._darkroom = await self._browser.new_page()
        image = await self._darkroom.evaluate(WITHOUT_NOISE, b64encode(picture).decode())
        return png(image["width"], image["height"], b64decode(image["pixels"]))


def hook(page: Page, name: str) -> Locator:
    """The one of the elements with this `data-test` that is on show."""
    return page.locator(f'[data-test="{name}"]').filter(visible=True)


def png(width: int, height: int, rgba: bytes) -> bytes:
    """A picture's file. Chromium's own writer filters each row, which makes flat colours larger."""
    rgb = bytearray(width * height * 3)
    for channel in range(3):
        rgb[channel::3] = rgba[channel::4]
    rows = b"".join(b"\0" + rgb[y * width * 3 : (y + 1) * width * 3] for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    written = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(written)


async def run(*arguments: str, **variables: str) -> asyncio.subprocess.Process:
    """A `ticketflow` command in a process of its own."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ticketflow", *arguments, env=os.environ | variables
    )


@asynccontextmanager
async def ticketflow() -> AsyncIterator[str]:
    """`ticketflow up` with new data until the block ends; gives its address once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    with tempfile.TemporaryDirectory() as folder:
        server = await run("up", PORT=port, TICKETFLOW_DATA_DIR=folder)
        try:
            url = f"http://localhost:{port}"
            async with httpx.AsyncClient(base_url=url) as visitor:
                await ready(visitor, server)
            yield url
        finally:
            server.terminate()
            await server.wait()


async def ready(visitor: httpx.AsyncClient, server: asyncio.subprocess.Process) -> None:
    while server.returncode is None:
        try:
            if (await visitor.get("/readyz")).is_success:
                return
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.2)
    raise SystemExit("`ticketflow up` ended at once")


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """The Chromium of this machine, or Playwright's own."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    async with async_playwright() as playwright:
        yield await playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])


if __name__ == "__main__":
    asyncio.run(main())
