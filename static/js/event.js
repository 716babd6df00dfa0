// The event page: stock and the state of the sale as they change.
import { LiveSocket, Newest, call, prepareStock, showConnection, showStock, stockOf } from "./desk.js";

const POLL_MS = 5_000;
// Those who read the page do not all ask in the same second.
const SPREAD_MS = 3_000;
const page = document.querySelector("[data-event]");
const door = page.querySelector("[data-door]");
const newest = new Newest();
let poll;

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

async function look() {
  const { status, body } = await call("GET", `/api/events/${page.dataset.event}`);
  if (status === 200) show(stockOf(body));
}

prepareStock(page);
new LiveSocket(`/ws/events/${page.dataset.event}`, {
  frame: (frame) => frame.type === "stock" && newest.accepts(frame) && show(frame),
  change: (live, failures) => {
    if (live) poll = clearInterval(poll);
    else if (failures >= 3) poll ??= setInterval(look, POLL_MS);
    showConnection({ live, polling: Boolean(poll) }, "These numbers will move again when it is back.");
  },
});
