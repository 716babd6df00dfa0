"""What a page weighs: requests and bytes over the wire since it was asked for, and how much it has jumped."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Page

MOST_REQUESTS = 11
MOST_BYTES = 100_000
MOST_SHIFT = 0.02
# Every shift counts that does not follow a touch of the reader's. Chromium itself also excuses what follows a
# change of the window, and the inspector changes windows: that must not excuse what comes after.
NOTE_SHIFTS = """(() => {
  let touched = -Infinity;
  for (const kind of ["pointerdown", "keydown", "click"]) {
    addEventListener(kind, ({ timeStamp }) => (touched = timeStamp), { capture: true });
  }
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const { value, startTime, sources } of list.getEntries()) {
      if (startTime - touched < 500) continue;
      const moved = sources.map(({ node, previousRect: a, currentRect: b }) => {
        const name = node?.className?.toString() || node?.nodeName || "something gone";
        return `${name} from ${a.x},${a.y},${a.width},${a.height} to ${b.x},${b.y},${b.width},${b.height}`;
      });
      window.shifts.push({ value, moved });
    }
  }).observe({ type: "layout-shift", buffered: true });
})();"""
READ_SHIFTS = """async () => {
  for (let i = 0; i < 2; i++) await new Promise(requestAnimationFrame);
  await new Promise((resume) => setTimeout(resume));
  return window.shifts.splice(0);
}"""


@dataclass(frozen=True)
class Weight:
    """One page: how often it asked, the bytes that came, the sum of its layout shifts."""

    name: str
    requests: int
    bytes: int
    shift: float

    def faults(self) -> list[str]:
        """The bounds that it breaks, in words."""
        found = []
        if self.requests > MOST_REQUESTS:
            found.append(f"{self.name}: {self.requests} requests")
        if self.bytes > MOST_BYTES:
            found.append(f"{self.name}: {self.bytes:,} bytes over the wire")
        if self.shift >= MOST_SHIFT:
            found.append(f"{self.name}: a layout shift of {self.shift:.3f}")
        return found


class Scales:
    """Stands under one browser page and is set back by each navigation. Nothing is taken from the cache."""

    def __init__(self) -> None:
        self._asked: list[str] = []
        self._bytes: dict[str, int] = {}
        self._sum = 0.0
        self._moved: list[str] = []

    @classmethod
    async def under(cls, page: Page) -> "Scales":
        """Scales under `page`, which has not been anywhere yet."""
        scales = cls()
        wire = await page.context.new_cdp_session(page)
        main = (await wire.send("Page.getFrameTree"))["frameTree"]["frame"]["id"]

        def asked(event: dict[str, Any]) -> None:
            if event["type"] == "Document" and event["frameId"] == main:
                scales._begin()
            # Asking again at the same address is for news of a page that stands already.
            again = event["type"] in ("Fetch", "XHR") and event["request"]["url"] in scales._asked
            if not again:
                scales._asked.append(event["request"]["url"])

        def finished(event: dict[str, Any]) -> None:
            scales._bytes[event["requestId"]] = int(event["encodedDataLength"])

        wire.on("Network.requestWillBeSent", asked)
        wire.on("Network.webSocketCreated", lambda event: scales._asked.append(event["url"]))
        wire.on("Network.loadingFinished", finished)
        await wire.send("Network.enable")
        await wire.send("Network.setCacheDisabled", {"cacheDisabled": True})
        await page.add_init_script(NOTE_SHIFTS)
        return scales

    def _begin(self) -> None:
        self._asked, self._bytes, self._sum, self._moved = [], {}, 0.0, []

    async def note_shifts(self, page: Page) -> None:
        """Add up what has jumped since the last look; what an inspection itself moves is to be `forget`ed."""
        for shift in await page.evaluate(READ_SHIFTS):
            self._sum += shift["value"]
            self._moved += shift["moved"]

    async def forget_shifts(self, page: Page) -> None:
        """What has jumped since the last look was the inspector's own doing."""
        await page.evaluate(READ_SHIFTS)

    def weigh(self, name: str) -> Weight:
        """All there is since the page was asked for."""
        return Weight(name, len(self._asked), sum(self._bytes.values()), self._sum)

    def story(self) -> str:
        """What moved, and what was asked for, in words."""
        paths = (urlsplit(address).path for address in self._asked)
        return f"moved: {', '.join(self._moved) or 'nothing'}; asked: {' '.join(paths)}"
