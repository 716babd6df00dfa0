// The organiser's desk: a frame a second, shown as numbers and two small charts.
import { spark } from "./chart.js";
import { LiveSocket, prepareStock, showStock } from "./desk.js";
import { Levers } from "./levers.js";
import { count, exactClock } from "./page.js";

const STALE_MS = 3_000;
const SECONDS_SHOWN = 180;
const root = document.querySelector("[data-control]");
const first = JSON.parse(root.querySelector("[data-first]").textContent);
const levers = new Levers(root, root.dataset.control, first.desk, first.policy);
const seen = { waiting: [], admitted_last_minute: [] };
let lastAt = null;

function show(frame) {
  for (const metric of root.querySelectorAll("[data-metric]")) {
    metric.querySelector("[data-value]").textContent = count(frame[metric.dataset.metric] ?? 0);
  }
  compare(frame);
  for (const [name, values] of Object.entries(seen)) {
    values.push(frame[name]);
    if (values.length > SECONDS_SHOWN) values.shift();
    spark(root.querySelector(`[data-chart="${name}"]`), values, SECONDS_SHOWN, name === "waiting" ? null : levers.rate);
    root.querySelector(`[data-peak="${name}"]`).textContent = `last 3 min, most ${count(Math.max(...values))}`;
  }
  showStock(frame, root);
  showMail(frame.mail ?? {});
  root.querySelector("[data-waits]").textContent = tellRecord(frame.waits);
}

/** Colour only where something deviates from what was set. */
function compare(frame) {
  const { mode, waiting, called, active, max_active, admitted_last_minute } = frame;
  const full = called + active >= max_active;
  const slow = mode === "open" && waiting > 0 && !full && admitted_last_minute < 0.8 * levers.rate;
  note("admitted_last_minute", slow ? `under the ${count(levers.rate)} set` : `set: ${count(levers.rate)}`, slow);
  note("active", full ? `full at ${count(max_active)}` : `of ${count(max_active)}`, full && waiting > 0);
  note("free", frame.free === 0 ? "sold out or held" : "", false);
}

function note(name, text, off) {
  const metric = root.querySelector(`[data-metric="${name}"]`);
  metric.dataset.off = off ? "yes" : "no";
  metric.querySelector("[data-note]").textContent = text;
}

function showMail(mail) {
  const cells = Object.entries(mail).map(([name, letters]) => {
    const cell = document.createElement("div");
    const [term, value] = [document.createElement("dt"), document.createElement("dd")];
    cell.dataset.off = name === "failed" && letters > 0 ? "yes" : "no";
    term.textContent = name[0].toUpperCase() + name.slice(1);
    value.textContent = count(letters);
    cell.append(term, value);
    return cell;
  });
  root.querySelector("[data-mail]").replaceChildren(...cells);
}

function showFreshness() {
  const line = root.querySelector("[data-freshness]");
  const fresh = lastAt !== null && Date.now() - lastAt < STALE_MS;
  const before = root.dataset.fresh;
  root.dataset.fresh = line.dataset.fresh = fresh ? "yes" : "no";
  if (fresh && before !== "yes") line.textContent = "Live, a frame a second";
  if (!fresh) line.textContent = lastAt ? `No news since ${exactClock(new Date(lastAt))}. These numbers are old.` : "No news yet";
}

/** "82% were right ..." for the `waits` of a desk frame. */
export function tellRecord({ told = 0, right = 0, withdrawn = 0 } = {}) {
  const replaced = withdrawn ? ` ${count(withdrawn)} more were replaced when the pace was changed by hand.` : "";
  if (!told) return `No wait told has come to its end yet.${replaced}`;
  return `Right ${Math.round((100 * right) / told)}% of the time (${count(right)} of ${count(told)}); 80% is the aim.${replaced}`;
}

prepareStock(root);
show(first.desk);
setInterval(showFreshness, 1_000);
new LiveSocket(`/ws/organiser/${root.dataset.control}`, {
  frame: (frame) => {
    if (frame.type !== "desk") return;
    lastAt = Date.now();
    levers.see(frame);
    show(frame);
    root.dispatchEvent(new CustomEvent("frame", { detail: frame }));
    showFreshness();
  },
});
