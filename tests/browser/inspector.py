"""Looks over a page as it stands: what axe finds, and whether it fits a phone. Dark and light."""

from typing import Any, Literal

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

# Colours fade when the look changes: two pictures later each fade has begun, and has an end to wait for.
SETTLED = """async () => {
  for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame);
  await Promise.allSettled(document.getAnimations().map((animation) => animation.finished));
}"""
# Only colours differ between the looks; the other rules, "best practice" among them, are asked once.
RULES: dict[Literal["light", "dark"], dict[str, Any]] = {
    "light": {"resultTypes": ["violations"]},
    "dark": {"resultTypes": ["violations"], "runOnly": ["color-contrast"]},
}


class Inspector:
    """Collects faults of pages, each with the page's name, so that one run tells them all."""

    def __init__(self) -> None:
        self._axe = Axe()
        self.faults: list[str] = []
        self.seen: list[str] = []

    async def look_over(self, page: Page, name: str) -> None:
        """Inspect `page` as it is now, in both looks, at the width it has."""
        self.seen.append(name)
        for look, options in RULES.items():
            await page.emulate_media(color_scheme=look, reduced_motion="reduce")
            await page.evaluate(SETTLED)
            found = await self._axe.run(page, options=options)
            for violation in found.response["violations"]:
                places = [node["target"][0] for node in violation["nodes"]]
                why = violation["nodes"][0]["failureSummary"].replace("\n", " ")
                self.faults.append(f"{name}, {look}: {violation['id']} at {places}: {why}")
        wide, window = await page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        if wide > window:
            self.faults.append(f"{name}: {wide} pixels wide in a window of {window}")
