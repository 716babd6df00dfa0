// The event page: stock and the state of the sale as they change.
import { call } from "./api.js";
import { showConnection } from "./connection.js";
import { Newest } from "./newest.js";
import { LiveSocket } from "./socket.js";
import { prepareStock, showStock, stockOf } from "./stock.js";

const POLL_MS = 5_000;
const page = document.querySelector("[data-event]");
const door = page.querySelector("[data-door]");
const newest = new Newest();
let poll;

function show(frame) {
  showStock(frame, page);
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
