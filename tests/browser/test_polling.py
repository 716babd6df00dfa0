"""How often a page without a socket asks, and what it costs: the server says when, and sends only news."""

import asyncio
from dataclasses import replace

from playwright.async_api import Browser, Page, Request, Response, WebSocketRoute, expect

from tests.api.support import services
from tests.browser.stage import Stage, hook, sign_in
from tests.house import Sale, eventually, make_sale
from tests.live.served import served
from ticketflow.settings import Settings

TOLD_SECONDS = 20
EARLIEST, LATEST = 0.8 * TOLD_SECONDS, 1.2 * TOLD_SECONDS
STEP_SECONDS = 0.5
POLLS = "No live connection: looking every few seconds."
COUNT_PAUSES = """() => {
  const { setTimeout } = window;
  window.pauses = 0;
  window.setTimeout = (act, ms) => ((window.pauses += ms > 10_000), setTimeout(act, ms));
}"""


async def test_a_page_asks_when_it_is_told_to_and_is_sent_only_news(settings: Settings, browser: Browser):
    sale = await make_sale(settings)
    async with served(settings) as house:
        services(house).poll_pace.next_poll = lambda: TOLD_SECONDS  # type: ignore[method-assign]
        page = await Stage(browser, house.url).person()
        polls = Polls(page, f"/api/events/{sale.event_id}")
        await without_sockets(page, sale)
        assert await polls.next_poll(0, 20) == 200
        assert await polls.next_poll(EARLIEST, LATEST) == 304
        async with house.visitor() as buyer:
            await buyer.register()
            await buyer.come_in(sale)
            assert (await buyer.hold(sale)).status_code == 201
        assert await polls.next_poll(EARLIEST, LATEST) == 200
        await expect(hook(page, f"remaining-{sale.type_ids[0]}")).to_have_text("499")
        await expect(page.get_by_text(POLLS)).to_be_visible()
        await page.context.close()


async def test_the_page_in_use_has_the_line_and_the_other_looks_now_and_then(
    settings: Settings, browser: Browser
):
    sale = await make_sale(settings)
    async with served(replace(settings, sockets_per_account=1)) as house, house.visitor() as account:
        await account.register()
        stage = Stage(browser, house.url)
        older = await stage.person()
        await sign_in(older, account.email)
        await expect(older.get_by_role("link", name="My tickets")).to_be_visible()
        newer = await older.context.new_page()
        for page, other in ((older, None), (newer, older), (older, newer)):
            if page is older and other:
                # Somebody looks at it again.
                await older.evaluate("dispatchEvent(new Event('focus'))")
            else:
                await page.goto(f"/events/{sale.slug}")
            if other:
                await expect(other.get_by_text(POLLS)).to_be_visible()
            await expect(page.get_by_text(POLLS)).to_be_hidden()
        await newer.context.close()


async def without_sockets(page: Page, sale: Sale) -> None:
    """Open the event's page, whose clock stands still and for which no socket opens."""

    async def refuse(socket: WebSocketRoute) -> None:
        await socket.close()

    await page.route_web_socket("**/ws/**", refuse)
    await page.clock.install()
    await page.goto(f"/events/{sale.slug}")
    await page.clock.pause_at(await page.evaluate("Date.now() + 1"))
    await page.evaluate(COUNT_PAUSES)


class Polls:
    """What a page asks for while its clock is turned by hand."""

    def __init__(self, page: Page, path: str) -> None:
        self._page, self._path = page, path
        self._asked = 0
        self._answers: asyncio.Queue[int] = asyncio.Queue()
        page.on("request", self._hear_question)
        page.on("response", self._hear_answer)

    def _hear_question(self, request: Request) -> None:
        self._asked += request.url.endswith(self._path)

    def _hear_answer(self, response: Response) -> None:
        if response.url.endswith(self._path):
            self._answers.put_nowait(response.status)

    async def next_poll(self, earliest: float, latest: float) -> int:
        """Turn the clock until the page asks, between these seconds; gives the answer's status."""
        asked, turned = self._asked, max(0, earliest - STEP_SECONDS)
        await self._turn(turned)
        assert self._asked == asked or not earliest, "too early"
        while self._asked == asked:
            await self._turn(STEP_SECONDS)
            turned += STEP_SECONDS
            assert turned <= latest + STEP_SECONDS, "too late"
        async with asyncio.timeout(20):
            status = await self._answers.get()
        await eventually(self._has_set_its_clock)
        return status

    async def _has_set_its_clock(self) -> bool:
        """Whether the page has read the answer: it then waits for its next poll."""
        return bool(await self._page.evaluate("pauses") == self._asked)

    async def _turn(self, seconds: float) -> None:
        await self._page.clock.run_for(round(seconds * 1000))
        await self._page.evaluate("null")
