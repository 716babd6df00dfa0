// My tickets: a booking that is still open updates itself; its codes are shown large by bright.js.
import "./bright.js";
import { call } from "./desk.js";
import { localise, say } from "./page.js";

const POLL_MS = 3_000;
const tickets = () => document.querySelector("[data-tickets]");
// What is being paid, or paid back, is looked up until it is done.

const open = () => [...tickets().querySelectorAll('[data-status="processing"][data-booking], [data-refund="on_its_way"]')];

async function look() {
  for (const slip of open()) {
    const { status, body } = await call("GET", `/api/bookings/${slip.dataset.booking}`);
    if (status !== 200) continue;
    if (body.status !== slip.dataset.status || (body.refund ?? "") !== slip.dataset.refund) return renew();
  }
}

/** The server writes the tickets; the page takes them from there. */
async function renew() {
  const answer = await fetch(location.pathname).catch(() => null);
  if (!answer?.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-tickets]");
  if (!fresh) return;
  tickets().replaceWith(document.adoptNode(fresh));
  localise(tickets());
  say("Your tickets have changed.", { now: true });
  if (!open().length) clearInterval(poll);
}

const poll = open().length ? setInterval(look, POLL_MS) : undefined;
