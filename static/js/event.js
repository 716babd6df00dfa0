// The event page: stock, the state of the sale and the time until it opens, as they change; and the link to share.
import { LiveSocket, Newest, POLL_AFTER_FAILURES, Polling, prepareStock, showConnection, showStock, stockOf } from "./desk.js";
import { clockAhead, countDown, toast } from "./page.js";

// Those who read the page do not all ask in the same second.
const SPREAD_MS = 3_000;
const event = document.querySelector("[data-event]");
const door = event.querySelector("[data-door]");
const newest = new Newest();
const comfort = "These numbers will move again when it is back.";
const yesNo = (fact) => (fact ? "yes" : "no");

// The frames of the stock do not say why a sale is closed; the page does.
async function tellWhy() {
  const answer = await fetch(location.pathname).catch(() => null);
  if (!answer?.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-why]");
  if (fresh) event.querySelector("[data-why]").replaceChildren(...fresh.childNodes);
}

function show(frame) {
  showStock(frame, event);
  const closes = frame.sale_state === "closed" && door.dataset.state !== "closed";
  if (closes) setTimeout(tellWhy, Math.random() * SPREAD_MS);
  door.dataset.state = frame.sale_state;
  if (frame.called_off) door.querySelector("[data-left-here]")?.remove();
  door.dataset.byHand = yesNo(frame.opens_by_hand);
  door.dataset.opened = yesNo(frame.opened);
}

const polling = new Polling(async (ask) => {
  const { status, body } = await ask(`/api/events/${event.dataset.event}`);
  if (status === 200) show(stockOf(body));
  showConnection({ live: false, polling: true, reached: status !== 0 }, comfort);
});

function take(frame) {
  if (frame.type === "touch") showConnection({ live: true, fresh: frame.fresh }, comfort);
  else if (frame.type === "stock" && newest.accepts(frame)) show(frame);
}

// The doors go by the server's clock, whatever this device believes the time to be.

async function countToOpening() {
  const ahead = await clockAhead(event.dataset.saidAt);
  for (const face of event.querySelectorAll("[data-opens]")) {
    const label = face.parentElement.querySelector("[data-opens-label]");
    countDown(new Date(face.dataset.opens) - ahead, (text, left) => {
      face.textContent = left ? text : "Now";
      if (!left) label.textContent = "Opening at any moment";
    });
  }
}

// Sharing: the device's own sheet where there is one, else the link is copied.

async function share({ share: url, shareTitle: title }) {
  if (navigator.share) {
    // A sheet that was closed again is no fault.
    await navigator.share({ url, title }).catch(() => {});
    return;
  }
  try {
    await navigator.clipboard.writeText(url);
    toast("The link is copied.");
  } catch {
    toast(`This browser does not let us copy. The link is ${url}`);
  }
}

prepareStock(event);
countToOpening();
for (const button of event.querySelectorAll("[data-share]")) button.addEventListener("click", () => share(button.dataset));
new LiveSocket(`/ws/events/${event.dataset.event}`, {
  frame: take,
  change: (live, failures, expected) => {
    if (live) polling.stop();
    else if (failures >= POLL_AFTER_FAILURES) polling.start();
    showConnection({ live, expected, polling: polling.on }, comfort);
  },
});
