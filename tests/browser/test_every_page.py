"""Each page in each of its states: no barrier in anybody's way. Here one on a phone in the light, the next on
a desk in the dark; `make pages` looks at each on both and in both."""

from functools import partial
from pathlib import Path

import pytest
from playwright.async_api import Browser, Route

from tests.broken import STATUSES
from tests.browser.at_home import at_home
from tests.browser.backstage import Backstage
from tests.browser.inspector import Inspector, pictures_folder
from tests.browser.stage import PHONE, Stage, one_command
from tests.browser.walk import VARIABLES, Walk
from ticketflow.settings import Settings
from ticketflow.web import error_pages


@pytest.mark.timeout(900)
async def test_every_page(browser: Browser, tmp_path: Path):
    inspector = Inspector(pictures_folder(), by_turns=True)
    async with one_command(tmp_path, browser, **VARIABLES) as stage, Backstage(stage.url) as back:
        await Walk(stage, back, inspector.look_over, inspector.watch).whole()
        assert inspector.faults == [], "\n".join(inspector.faults)
        # That an account with tickets cannot be closed is an answer of its own, which the console names.
        assert [c for c in stage.complaints if "status of 409" not in c] == []


async def test_error_pages(settings: Settings, browser: Browser, monkeypatch: pytest.MonkeyPatch):
    """The pages for what goes wrong; none of them tries again while it is looked at."""
    monkeypatch.setattr(error_pages, "SOONEST_SECONDS", 600)
    inspector = Inspector(pictures_folder())
    async with at_home(settings, browser) as home:
        page = await inspector.watch(await home.stage.person(viewport=PHONE))
        for status in STATUSES:
            answered = await page.goto(f"/broken/{status}")
            assert answered is not None
            assert answered.status == status
            await inspector.look_over(page, f"error {status}")
        assert inspector.faults == [], "\n".join(inspector.faults)
        assert home.stage.complaints == []


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
