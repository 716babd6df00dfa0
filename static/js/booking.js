// A booking that is still being paid, or paid back, updates itself; its stub tears off once, when it is confirmed.
import "./bright.js";
import { Desk, call } from "./desk.js";
import { localise, say } from "./page.js";

const POLL_MS = 3_000;
const SLOW_SECONDS = 20;
const FADE_MS = 600;
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const find = (root = document) => root.querySelector("[data-booking]");
const { booking: id, event } = find().dataset;
const isOpen = () => find().dataset.status === "processing" || find().dataset.refund === "on_its_way";
let poll;

/** The server draws the tickets; the page takes its new middle from there. */
async function settle(status, refund) {
  const { dataset } = find();
  if (!isOpen() || (status === dataset.status && (refund ?? "") === dataset.refund)) return;
  const response = await fetch(location.href);
  if (!response.ok) return; // the next look tries again
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  find().replaceWith(document.adoptNode(find(fresh)));
  document.title = fresh.title;
  localise(find());
  dress();
  say(find().querySelector("h1").textContent, { now: true });
  if (!isOpen()) clearInterval(poll);
}

/** What only a script can do: print, and tear the stub off the first time that this ticket is seen. */
function dress() {
  const print = find().querySelector("[data-print]");
  if (print) print.hidden = false;
  print?.addEventListener("click", () => window.print());
  if (find().dataset.status === "confirmed" && isFirstTime()) celebrate();
}

function isFirstTime() {
  const name = `torn-${id}`;
  try {
    if (localStorage.getItem(name)) return false;
    localStorage.setItem(name, "1");
    return true;
  } catch {
    return false; // where nothing can be remembered it would tear at every look
  }
}

function celebrate() {
  for (const ticket of find().querySelectorAll(".ticket.torn")) {
    if (calm.matches) ticket.animate({ opacity: [0, 1] }, FADE_MS);
    else ticket.classList.add("tearing");
  }
}

/** Counts the seconds that the bank takes, from where the server began to. */
function countWait() {
  const began = performance.now() - 1000 * (find().querySelector("[data-waited]")?.dataset.waited ?? 0);
  const timer = setInterval(() => {
    const shown = find().querySelector("[data-waited]");
    if (!shown) return clearInterval(timer);
    const seconds = Math.floor((performance.now() - began) / 1000);
    shown.textContent = seconds;
    find().querySelector("[data-slow]").hidden = seconds < SLOW_SECONDS;
  }, 1000);
}

async function look() {
  const { status, body } = await call("GET", `/api/bookings/${id}`);
  if (status === 200) await settle(body.status, body.refund);
}

dress();
if (isOpen()) {
  if (find().dataset.status === "processing") countWait();
  new Desk(event).on("booking", (frame) => String(frame.id) === id && look());
  poll = setInterval(look, POLL_MS);
}
