// Background work: the numbers once a second, and the lists anew from the server as they change.
import { clock, count, exactClock, localise } from "./page.js";
import "./here.js";

const EVERY_MS = 1_000;
const STALE_MS = 4_000;
const PARTS = ["orders", "money", "mail"];
const root = document.querySelector("[data-work]");
const part = (name, within = document) => within.querySelector(`[data-part="${name}"]`);
let lists = PARTS.map((name) => listOf(name, JSON.parse(root.querySelector("[data-first]").textContent)));
let lastAt = null;

/** As `span` in words.py. */
function span(seconds) {
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (minutes < 1) return `${seconds} s`;
  if (hours < 1) return `${minutes} min`;
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** A bar a minute, the newest last. As bars_of in web/mail_pages.py. */
function draw(name, minutes) {
  const top = Math.max(1, ...minutes.map(({ done }) => done));
  const bar = ({ done }, i) => (done ? `M${i * 5 + 2.5} 80V${(80 - (76 * done) / top).toFixed(1)}` : "");
  root.querySelector(`[data-chart="${name}"] path`).setAttribute("d", minutes.map(bar).join(""));
  const most = count(Math.max(...minutes.map(({ done }) => done)));
  root.querySelector(`[data-peak="${name}"]`).textContent = `last quarter of an hour, most ${most}`;
  const rows = [...root.querySelectorAll(`[data-minutes="${name}"] tr`)];
  minutes.toReversed().forEach(({ at, done }, i) => {
    const time = rows[i].querySelector("time");
    time.dateTime = at;
    time.textContent = clock(new Date(at));
    rows[i].lastElementChild.textContent = count(done);
  });
}

function show(numbers) {
  for (const name of PARTS) {
    const told = { ...numbers[name], ...(name === "money" && numbers.money.waiting) };
    for (const [key, value] of Object.entries(told)) {
      const metric = root.querySelector(`[data-metric="${name}-${key}"]`);
      if (!metric) continue;
      const words = key === "oldest_seconds" ? (value === null ? "–" : span(value)) : count(value);
      metric.querySelector("[data-value]").textContent = words;
      if (key === "failed" || key === "rejected") metric.dataset.off = value > 0 ? "yes" : "no";
    }
    draw(name, numbers[name].minutes);
  }
}

/** What a part's list is made of; while it is the same, the list is. */
function listOf(name, numbers) {
  const { orders, money, mail } = numbers;
  return JSON.stringify({
    orders: [orders.rejected, orders.workers.map(({ name: of }) => of)],
    money: money.payments.map(({ booking_id, attempts, due_at }) => attempts && [booking_id, attempts, due_at]).filter(Boolean),
    mail: [mail.failed, mail.reasons, mail.server.state],
  }[name]);
}

async function drawLists(changed) {
  const answer = await fetch(location.href).catch(() => null);
  if (!answer?.ok) return false;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const name of changed) put(part(name), document.adoptNode(part(name, fresh)));
  return true;
}

/** Puts `fresh` in the place of `old`; who stood on a button stands on the same one, if it is there still. */
function put(old, fresh) {
  const focused = old.contains(document.activeElement) && document.activeElement;
  const row = focused && focused.closest("[data-payment]")?.dataset.payment;
  old.replaceWith(fresh);
  localise(fresh);
  if (!focused) return;
  const where = row ? fresh.querySelector(`[data-payment="${row}"]`) : fresh;
  (where?.querySelector(`[data-test="${focused.dataset.test}"]`) ?? fresh.querySelector("button, a"))?.focus();
}

async function look() {
  if (document.visibilityState === "visible") {
    const event = root.dataset.work;
    const answer = await fetch(`/api/organiser/work${event && `?event_id=${event}`}`).catch(() => null);
    if (answer?.ok) {
      const numbers = await answer.json();
      lastAt = Date.now();
      show(numbers);
      const now = PARTS.map((name) => listOf(name, numbers));
      const changed = PARTS.filter((_, i) => now[i] !== lists[i]);
      if (changed.length && (await drawLists(changed))) lists = now;
    }
  }
  showFreshness();
  setTimeout(look, EVERY_MS);
}

function showFreshness() {
  const line = root.querySelector("[data-freshness]");
  const fresh = lastAt !== null && Date.now() - lastAt < STALE_MS;
  const before = root.dataset.fresh;
  root.dataset.fresh = line.dataset.fresh = fresh ? "yes" : "no";
  if (fresh && before !== "yes") line.textContent = "Live, a count a second";
  if (!fresh && lastAt) line.textContent = `No news since ${exactClock(new Date(lastAt))}. These numbers are old.`;
}

look();
