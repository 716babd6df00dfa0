// A booking that is still being paid, or paid back, updates itself; its stub tears off when it is confirmed.
import { Desk, call } from "./desk.js";
import { localise, say } from "./page.js";

const POLL_MS = 3_000;
const find = (root = document) => root.querySelector("[data-booking]");
const { booking: id, event } = find().dataset;
const isOpen = () => find().dataset.status === "processing" || find().dataset.refund === "on_its_way";
let poll;

/** The server draws the tickets; the page takes its new middle from there. */
async function settle(status, refund) {
  const { dataset } = find();
  if (!isOpen() || (status === dataset.status && (refund ?? "") === dataset.refund)) return;
  const response = await fetch(location.href);
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  find().replaceWith(document.adoptNode(find(fresh)));
  document.title = fresh.title;
  localise(find());
  celebrate();
  if (!isOpen()) clearInterval(poll);
}

function celebrate() {
  for (const ticket of find().querySelectorAll(".ticket.torn")) ticket.classList.add("tearing");
  say(find().querySelector("h1").textContent, { now: true });
}

async function look() {
  const { status, body } = await call("GET", `/api/bookings/${id}`);
  if (status === 200) await settle(body.status, body.refund);
}

if (!isOpen()) {
  const arrivedFromCheckout = document.referrer.endsWith("/book") || document.referrer.includes("/book?");
  if (find().dataset.status === "confirmed" && arrivedFromCheckout) celebrate();
} else {
  new Desk(event).on("booking", (frame) => String(frame.id) === id && look());
  poll = setInterval(look, POLL_MS);
}
