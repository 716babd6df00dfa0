// The delivery desk: a frame a second as numbers and bars; the letters come anew from the server as they change.
import { LiveSocket, span } from "./desk.js";
import { clock, count, exactClock, localise } from "./page.js";
import "./here.js";

const STALE_MS = 3_000;
const LOOK_MS = 2_000;
const root = document.querySelector("[data-mail-desk]");
const part = (name, within = document) => within.querySelector(`[data-part="${name}"]`);
let shown = JSON.parse(root.querySelector("[data-first]").textContent);
let lastAt = null;
let lookedAt = 0;
let later;

/** A bar a minute, the newest last. In step with bars_of in web/mail_pages.py. */
export function drawBars(minutes) {
  const top = Math.max(1, ...minutes.map(({ sent }) => sent));
  const bar = ({ sent }, i) => (sent ? `M${i * 5 + 2.5} 80V${(80 - (76 * sent) / top).toFixed(1)}` : "");
  root.querySelector("[data-chart] path").setAttribute("d", minutes.map(bar).join(""));
  root.querySelector("[data-peak]").textContent = `last hour, most ${count(Math.max(...minutes.map(({ sent }) => sent)))}`;
}

function show(frame) {
  const { states, waiting, oldest_waiting_seconds: oldest, sent_last_minute, minutes } = frame;
  const values = {
    waiting: count(waiting),
    oldest: oldest === null ? "–" : span(oldest),
    sent_last_minute: count(sent_last_minute),
    sent: count(states.sent),
    failed: count(states.failed),
    withdrawn: count(states.withdrawn),
  };
  for (const [name, value] of Object.entries(values)) {
    root.querySelector(`[data-metric="${name}"] [data-value]`).textContent = value;
  }
  root.querySelector('[data-metric="failed"]').dataset.off = states.failed > 0 ? "yes" : "no";
  drawBars(minutes);
  const cells = [...root.querySelectorAll("[data-minutes] tr")];
  minutes.toReversed().forEach(({ at, sent }, i) => {
    const [when, letters] = cells[i].children;
    const time = when.querySelector("time");
    if (time.dateTime !== at) {
      time.dateTime = at;
      time.textContent = clock(new Date(at));
    }
    letters.textContent = count(sent);
  });
}

/** What the list and the reasons are made of; while it is the same, they are. */
const written = ({ states, reasons, server }) => JSON.stringify([states, reasons, server.state]);

function take(frame) {
  lastAt = Date.now();
  show(frame);
  if (written(frame) !== written(shown)) lookSoon();
  shown = frame;
  showFreshness();
}

/** At most every two seconds, and not under somebody's hands. */
function lookSoon() {
  later ??= setTimeout(look, Math.max(0, lookedAt + LOOK_MS - Date.now()));
}

async function look() {
  later = undefined;
  lookedAt = Date.now();
  const answer = await fetch(location.href).catch(() => null);
  if (!answer?.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  put(part("why"), part("why", fresh));
  put(part("letters").querySelector(":scope > :is(.mail-list, .mail-none)"), part("letters", fresh).querySelector(":scope > :is(.mail-list, .mail-none)"));
}

/** Puts `fresh` in the place of `old`; who stood on a button stands on the same one. */
function put(old, fresh) {
  if (!old || !fresh) return;
  const focused = old.contains(document.activeElement) && document.activeElement;
  const place = focused && [focused.closest("[data-letter]")?.dataset.letter, focused.dataset.test];
  fresh = document.adoptNode(fresh);
  old.replaceWith(fresh);
  localise(fresh);
  if (!place) return;
  const row = place[0] ? fresh.querySelector(`[data-letter="${place[0]}"]`) : fresh;
  (row?.querySelector(place[1] ? `[data-test="${place[1]}"]` : "a") ?? row?.querySelector("a"))?.focus();
}

function showFreshness() {
  const line = root.querySelector("[data-freshness]");
  const fresh = lastAt !== null && Date.now() - lastAt < STALE_MS;
  const before = root.dataset.fresh;
  root.dataset.fresh = line.dataset.fresh = fresh ? "yes" : "no";
  if (fresh && before !== "yes") line.textContent = "Live, a count a second";
  if (!fresh) line.textContent = lastAt ? `No news since ${exactClock(new Date(lastAt))}. These numbers are old.` : "No news yet";
}

show(shown);
setInterval(showFreshness, 1_000);
const event = root.dataset.mailDesk;
new LiveSocket(`/ws/organiser/mail${event && `?event=${event}`}`, {
  frame: (frame) => frame.type === "mail" && take(frame),
});
