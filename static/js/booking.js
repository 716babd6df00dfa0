// A booking that is still being paid updates itself, and its stub tears off when it is confirmed.
import { call } from "./api.js";
import { Desk } from "./desk.js";
import { say } from "./say.js";
import { localise } from "./times.js";

const POLL_MS = 3_000;
const find = (root = document) => root.querySelector("[data-booking]");
const { booking: id, event } = find().dataset;
let settled = find().dataset.status !== "processing";
let poll;

/** The server draws the tickets; the page takes its new middle from there. */
async function settle(status) {
  if (settled || status === "processing") return;
  settled = true;
  clearInterval(poll);
  const response = await fetch(location.href);
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  find().replaceWith(document.adoptNode(find(fresh)));
  document.title = fresh.title;
  localise(find());
  celebrate();
}

function celebrate() {
  for (const ticket of find().querySelectorAll(".ticket.torn")) ticket.classList.add("tearing");
  say(find().querySelector("h1").textContent, { now: true });
}

async function look() {
  const { status, body } = await call("GET", `/api/bookings/${id}`);
  if (status === 200) await settle(body.status);
}

if (settled) {
  const arrivedFromCheckout = document.referrer.endsWith("/book") || document.referrer.includes("/book?");
  if (find().dataset.status === "confirmed" && arrivedFromCheckout) celebrate();
} else {
  new Desk(event).on("booking", (frame) => String(frame.id) === id && settle(frame.status));
  poll = setInterval(look, POLL_MS);
}
