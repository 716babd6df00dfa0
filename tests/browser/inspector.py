"""Looks over a page as it stands: axe, fit, targets, contrast and weight, at each width and in each look.

The page is not loaded anew for that: its window and its look are changed under it, and put back.
"""

import os
import re
from base64 import b64decode
from pathlib import Path
from typing import Any, Literal, TypeAlias

from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import CDPSession, Page, ViewportSize

from tests.browser.scales import Scales, Weight

HERE = Path(__file__).parent
LOOKS = (HERE / "looks.js").read_text(encoding="utf-8")
DARKROOM = (HERE / "darkroom.js").read_text(encoding="utf-8")
PICTURES = HERE.parent.parent / "artefacts" / "pages"
PICTURES_VARIABLE = "TICKETFLOW_TEST_PICTURES"
Look: TypeAlias = Literal["light", "dark"]
EVERY_LOOK = bool(os.environ.get("TICKETFLOW_TEST_EVERY_LOOK"))
# Each page at each width and in each look; all four of them take minutes: `make pages`.
ON_A_PHONE: tuple[Look, ...] = ("light", "dark") if EVERY_LOOK else ("light",)
ON_A_DESK: tuple[Look, ...] = ("light", "dark") if EVERY_LOOK else ("dark",)
HIGHEST = 8_000
"""Pixels of a page in a picture: a reference is longer than a JPEG may be high."""
PHONE = ViewportSize(width=375, height=812)
DESK = ViewportSize(width=1440, height=900)
FINGER, POINTER = 44, 24
# Targets of 24 pixels are a rule of WCAG 2.2 that axe leaves out unless it is asked. Of the other look only
# the colours are asked, and on a desk unless every look is wanted: what else axe judges is nearly the same.
AXE = """(colours) => axe.run({ rules: { "target-size": { enabled: true } },
  ...(colours && { runOnly: ["color-contrast", "link-in-text-block"] }),
  resultTypes: ["violations", "incomplete"] })
  .then(({ violations, incomplete }) => ({
    violations: violations.map(({ id, nodes }) => {
      const places = nodes.map(({ target }) => target.join(" ")).join(", ");
      return `${id} at ${places}: ${nodes[0].failureSummary.replaceAll("\\n", " ")}`;
    }),
    unsure: incomplete.filter(({ id }) => id === "color-contrast")
      .flatMap(({ nodes }) => nodes.map(({ target }) => target[0])),
  }))"""


class Inspector:
    """Collects faults of pages, each with the page's name, so that one run tells them all.

    `pictures` is the folder for a picture of each page; None takes none. `by_turns`: one page on a phone, the
    next on a desk, unless every look is wanted.
    """

    def __init__(self, pictures: Path | None = None, *, by_turns: bool = False) -> None:
        self._by_turns = by_turns and not EVERY_LOOK
        self.faults: list[str] = []
        self.weights: list[Weight] = []
        self._pictures = pictures
        self._scales: dict[Page, Scales] = {}
        self._wires: dict[Page, CDPSession] = {}
        self._darkroom: Page | None = None

    @property
    def seen(self) -> list[str]:
        """The names of the pages so far."""
        return [weight.name for weight in self.weights]

    async def watch(self, page: Page) -> Page:
        """Put `page`, which has not been anywhere, on the scales; gives it back."""
        self._scales[page] = await Scales.under(page)
        self._wires[page] = await page.context.new_cdp_session(page)
        return page

    async def look_over(self, page: Page, name: str) -> None:
        """Inspect `page` as it is now: all that is wrong goes to `faults`. Who is watched is weighed too."""
        scales = self._scales.get(page)
        if scales:
            await scales.note_shifts(page)
        await page.evaluate("() => typeof looks === 'object'") or await page.evaluate(LOOKS)
        await page.evaluate("() => typeof axe === 'object'") or await page.evaluate(AXE_SCRIPT)
        before = page.viewport_size or DESK
        windows = ((PHONE, FINGER, ON_A_PHONE), (DESK, POINTER, ON_A_DESK))
        for window, target, looks in windows[len(self.weights) % 2 :][:1] if self._by_turns else windows:
            await page.set_viewport_size(window)
            for look in looks:
                await page.emulate_media(color_scheme=look)
                await page.evaluate("looks.settled()")
                colours = look is not looks[0] or (window is DESK and not EVERY_LOOK)
                await self._ask(page, f"{name}, {window['width']}, {look}", window, colours=colours)
            self._blame(f"{name}, {window['width']}", await page.evaluate("looks.misfits()"))
            self._blame(
                f"{name}, {window['width']}", await page.evaluate("(least) => looks.small(least)", target)
            )
        await self._stretch(page, name)
        await page.emulate_media(color_scheme="light", forced_colors="none")
        await page.set_viewport_size(before)
        await page.evaluate("looks.relax()")
        await page.evaluate("looks.settled()")
        if scales:
            await scales.forget_shifts(page)
            self._weigh(scales, name)

    def _weigh(self, scales: Scales, name: str) -> None:
        weight = scales.weigh(name)
        self.weights.append(weight)
        self.faults += [f"{fault}; {scales.story()}" for fault in weight.faults()]

    async def _ask(self, page: Page, where: str, window: ViewportSize, *, colours: bool) -> None:
        """What axe says; where it cannot judge a contrast, for a picture shines through, it is measured."""
        found = await page.evaluate(AXE, colours)
        self._blame(where, found["violations"])
        if self._pictures is None:
            return
        picture = await self._photograph(page, window)
        name = "-".join(re.sub(r"[^a-z0-9]+", "-", part.lower()).strip("-") for part in where.split(","))
        (self._pictures / f"{name}.jpg").write_bytes(b64decode(picture))
        inks = await page.evaluate("(unsure) => looks.inks(unsure)", found["unsure"])
        if inks:
            darkroom = await self._in_the_dark(page)
            asked = {"picture": picture, "inks": inks, "scale": 1}
            self._blame(where, await darkroom.evaluate(DARKROOM, asked))

    async def _photograph(self, page: Page, window: ViewportSize) -> str:
        """The whole page on a phone, the first window of it on a desk."""
        options: dict[str, Any] = {"format": "jpeg", "quality": 90, "optimizeForSpeed": True}
        if window is PHONE:
            high = await page.evaluate("document.documentElement.scrollHeight")
            clip = {"x": 0, "y": 0, "width": window["width"], "height": min(high, HIGHEST), "scale": 1}
            options |= {"captureBeyondViewport": True, "clip": clip}
        taken = await self._wires[page].send("Page.captureScreenshot", options)
        return str(taken["data"])

    async def _in_the_dark(self, page: Page) -> Page:
        browser = page.context.browser
        assert browser is not None
        if self._darkroom is None or self._darkroom.is_closed():
            self._darkroom = await browser.new_page()
        return self._darkroom

    async def _stretch(self, page: Page, name: str) -> None:
        """The narrowest window with all the spacing one may ask for, in the system's own colours; a window at
        200%; and the widest."""
        await page.emulate_media(color_scheme="dark", forced_colors="active")
        await page.evaluate("looks.stretch(false)")
        for width, height, spaced in ((320, 640, True), (720, 450, False), (2560, 1440, False)):
            await page.set_viewport_size({"width": width, "height": height})
            await page.evaluate("(spaced) => looks.stretch(spaced)", spaced)
            await page.evaluate("looks.settled()")
            self._blame(f"{name}, {width}", await page.evaluate("looks.misfits()"))

    def _blame(self, where: str, found: list[Any]) -> None:
        self.faults += [f"{where}: {what}" for what in found]


def pictures_folder() -> Path:
    """Where the pictures go: the folder that TICKETFLOW_TEST_PICTURES names, else `artefacts/pages`."""
    folder = Path(os.environ.get(PICTURES_VARIABLE) or PICTURES)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
