// The event page: stock and the state of the sale as they change.
import { LiveSocket, Newest, POLL_AFTER_FAILURES, Polling, prepareStock, showConnection, showStock, stockOf } from "./desk.js";

// Those who read the page do not all ask in the same second.
const SPREAD_MS = 3_000;
const page = document.querySelector("[data-event]");
const door = page.querySelector("[data-door]");
const newest = new Newest();
const comfort = "These numbers will move again when it is back.";

// The frames of the stock do not say why a sale is closed; the page does.
async function tellWhy() {
  const answer = await fetch(location.pathname).catch(() => null);
  if (!answer?.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-why]");
  if (fresh) page.querySelector("[data-why]").replaceChildren(...fresh.childNodes);
}

function show(frame) {
  showStock(frame, page);
  const closes = frame.sale_state === "closed" && door.dataset.state !== "closed";
  if (closes) setTimeout(tellWhy, Math.random() * SPREAD_MS);
  door.dataset.state = frame.sale_state;
}

const polling = new Polling(async (ask) => {
  const { status, body } = await ask(`/api/events/${page.dataset.event}`);
  if (status === 200) show(stockOf(body));
  showConnection({ live: false, polling: true, reached: status !== 0 }, comfort);
});

function take(frame) {
  if (frame.type === "touch") showConnection({ live: true, fresh: frame.fresh }, comfort);
  else if (frame.type === "stock" && newest.accepts(frame)) show(frame);
}

prepareStock(page);
new LiveSocket(`/ws/events/${page.dataset.event}`, {
  frame: take,
  change: (live, failures, expected) => {
    if (live) polling.stop();
    else if (failures >= POLL_AFTER_FAILURES) polling.start();
    showConnection({ live, expected, polling: polling.on }, comfort);
  },
});
