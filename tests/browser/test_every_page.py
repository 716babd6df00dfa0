"""Each page in each of its states, on a phone and on a desk, dark and light: no barrier in anybody's way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from httpx import TransportError
from playwright.async_api import Browser, Page, Route
from redis.exceptions import RedisError

from tests import servers
from tests.browser.backstage import Backstage
from tests.browser.inspector import Inspector, pictures_folder
from tests.browser.stage import PHONE, Stage, one_command
from tests.browser.walk import VARIABLES, Walk
from tests.house import TRUST, House, Visitor, eventually, in_process
from ticketflow.domain import Refusal
from ticketflow.settings import Settings
from ticketflow.web.serving import serve_until


@pytest.mark.timeout(300)
async def test_every_page(browser: Browser, tmp_path: Path):
    inspector = Inspector(pictures_folder())
    async with one_command(tmp_path, browser, **VARIABLES) as stage, Backstage(stage.url) as back:
        await Walk(stage, back, inspector.look_over, inspector.watch).whole()
        assert inspector.faults == [], "\n".join(inspector.faults)
        assert stage.complaints == []


async def test_error_pages(settings: Settings, browser: Browser):
    """The pages for what goes wrong, by the handlers that answer it, from routes that let it go wrong."""
    inspector = Inspector(pictures_folder())
    async with in_process(settings) as house, broken_house(house) as url:
        stage = Stage(browser, url)
        page = await inspector.watch(await stage.person(viewport=PHONE))
        for status in BREAKS:
            await expect_status(page, f"/broken/{status}", status)
            await inspector.look_over(page, f"error {status}")
        await stage.clear()
    assert inspector.faults == [], "\n".join(inspector.faults)
    assert stage.complaints == []


async def expect_status(page: Page, path: str, status: int) -> None:
    answered = await page.goto(path)
    assert answered is not None
    assert answered.status == status


BREAKS = {
    403: Refusal("forbidden", "This is for organisers."),
    409: Refusal("sale_closed", "The sale is closed. Nothing was charged."),
    410: Refusal("hold_gone", "There is no such hold. Nothing was charged."),
    429: Refusal("too_many_requests", "That was a lot in a short time. Try again in 20 s."),
    500: RuntimeError("a fault made for a picture"),
    503: RedisError("a fault made for a picture"),
}


@asynccontextmanager
async def broken_house(house: House) -> AsyncIterator[str]:
    """The house on a port, with an address for each error; gives the house's own address."""
    app, stop = house.app, asyncio.Event()
    assert app is not None

    async def break_down(status: int) -> str:
        raise BREAKS[status]

    app.add_url_rule("/broken/<int:status>", "broken", break_down)
    port = servers.free_port()
    serving = asyncio.create_task(serve_until(stop, app, replace(house.settings, port=port)))
    try:
        async with Visitor(base_url=f"http://127.0.0.1:{port}", verify=TRUST) as visitor:

            async def answers() -> bool:
                try:
                    return (await visitor.get("/healthz")).is_success
                except TransportError:
                    return False

            await eventually(answers)
        yield f"http://127.0.0.1:{port}"
    finally:
        stop.set()
        await serving


GOOD = """<!doctype html><html lang="en"><head><title>A page</title>
<meta name="viewport" content="width=device-width"><style>
body { background: #fff; color: #000; font: 16px sans-serif; margin: 0 }
button { min-width: 48px; min-height: 48px } %s</style></head>
<body><main><h1>A page</h1>%s<p>Words to read.</p></main></body></html>"""
PICTURE = (
    "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'><rect width='9999' height='9999'/></svg>"
)
EMPTY = "<svg xmlns='http://www.w3.org/2000/svg' width='1' height='1'/>"
LATE = """<script>window.late = new Promise((resume) => setTimeout(() => {
  document.body.prepend(document.createElement("hr"));
  resume();
}, 50))</script>"""
FAULTS: dict[str, tuple[str, str, str]] = {
    "nothing": ("", "", ""),
    "low contrast": ("p { color: #999 }", "", "color-contrast"),
    "low contrast in the dark": (
        "@media (prefers-color-scheme: dark) { p { color: #999 } }",
        "",
        "dark: color",
    ),
    "low contrast on a picture": (
        f'main {{ background: url("{PICTURE}") }} h1, p {{ color: #444 }}',
        "",
        "has a contrast of",
    ),
    "sideways scroll": (".wide { width: 400px; height: 9px }", "<div class=wide></div>", "400 pixels wide"),
    "sideways scroll when narrow": (
        ".wide { width: 350px; height: 9px }",
        "<div class=wide></div>",
        "320: 350 pixels wide",
    ),
    "a small target": ("button { min-height: 30px }", "<button>Go</button>", "is a target of 48 by 30"),
    "a tiny target": ("button { min-height: 0; height: 20px }", "<button>Go</button>", "target"),
    "cut off": (
        "div { width: 99px; overflow: hidden; white-space: nowrap }",
        "<div>Too long for it</div>",
        "cut",
    ),
    "cut off by spacing": (
        "div { width: 110px; overflow: hidden; white-space: nowrap }",
        "<div>Just fits now</div>",
        "320: div “Just fits now” is cut off",
    ),
    "covered": ("p { margin-top: -30px }", "", "cover each other"),
    "no name": ("", "<button></button>", "button-name"),
    "a shift": ("hr { height: 200px }", LATE, "a layout shift of"),
    "many requests": ("", "".join(f'<img alt="" src="/{n}.svg">' for n in range(11)), " requests; "),
    "much to carry": ("", f"<!--{'.' * 100_000}-->", "bytes over the wire"),
}


async def test_the_inspector_sees(browser: Browser, tmp_path: Path):
    """Each fault is found, and nothing else is; a good page has none."""
    stage = Stage(browser, "http://page.test")
    for fault, (style, words, told) in FAULTS.items():
        inspector = Inspector(tmp_path)
        page = await stage.person(viewport=PHONE)
        await page.route("**/*", partial(answer, GOOD % (style, words)))
        await inspector.watch(page)
        await page.goto("/")
        await page.evaluate("window.late")
        await inspector.look_over(page, "page")
        assert [found for found in inspector.faults if not told or told not in found] == [], fault
        assert bool(inspector.faults) == bool(told), fault
        await page.context.close()


async def answer(page: str, route: Route) -> None:
    """The page, and an empty picture for whatever it asks for."""
    if route.request.resource_type == "document":
        await route.fulfill(content_type="text/html", body=page)
    else:
        await route.fulfill(content_type="image/svg+xml", body=EMPTY)
