// The organiser's desk: a frame a second, shown as figures and charts; colour only where something deviates.
import "./autopilot.js";
import { Chart, Samples } from "./chart.js";
import { call, LiveSocket, prepareStock, showStock, span } from "./desk.js";
import { Levers } from "./levers.js";
import { clock, count, DIGITS, exactClock, money } from "./page.js";

const STALE_MS = 3_000;
const MINUTE = 60;
const LATE = { mail: 60, ledger: 15, process: 10 };

// The last minute, from frame to frame: how many joined in it, and whether it could have let in what was set.

class LastMinute {
  #rows = [];

  add({ at, mode, waiting, rate_per_minute, joins_total }) {
    const now = Date.parse(at) / 1000;
    this.#rows.push({ at: now, waiting, rate: mode === "open" ? rate_per_minute : 0, joins: joins_total });
    while (this.#rows[0].at < now - MINUTE) this.#rows.shift();
  }

  /** From what was recorded, before the page was there to see it. */
  seed({ at, series }) {
    const oldest = this.#rows[0];
    if (!oldest) return;
    let joins = oldest.joins;
    for (let i = at.length - 1; i >= 0 && at[i] > this.#rows.at(-1).at - MINUTE; i--) {
      if (at[i] >= oldest.at) continue;
      this.#rows.unshift({ at: at[i], waiting: series.waiting[i], rate: series.target_per_minute[i], joins });
      joins -= series.joins[i] ?? 0;
    }
  }

  get #whole() {
    return this.#rows.length > 1 && this.#rows.at(-1).at - this.#rows[0].at > MINUTE - LATE.process;
  }

  get joined() {
    const [first, last] = [this.#rows[0]?.joins, this.#rows.at(-1)?.joins];
    return this.#whole && first !== null && last !== null ? last - first : null;
  }

  /** Whether there was always somebody to let in, at no less than `rate`. */
  waited(rate) {
    return rate > 0 && this.#whole && this.#rows.every((row) => row.waiting > 0 && row.rate >= rate);
  }
}

const root = document.querySelector("[data-control]");
const event = root.dataset.control;
const first = JSON.parse(root.querySelector("[data-first]").textContent);
const levers = new Levers(root, event, first.desk, first.policy);
const lastMinute = new LastMinute();
let lastAt = null;

// What each figure says: a value, a note, and whether it deviates from what was set or what is well. A figure that
// could not be had is null, and shown as a dash.

const { currency } = first.desk;
const cash = (minor) => (minor === null ? "–" : money(minor, currency, { whole: true }));
const many = (number, one, more) => `${figure(number)} ${number === 1 ? one : more}`;
const figure = (number) => (number === null || number === undefined ? "–" : count(number));

const MODES = { open: "Open", paused: "Paused", draining: "Draining", lobby: "Lobby", closed: "Closed" };
const SALES = {
  scheduled: "not on sale yet", lobby: "people gather for the draw", on_sale: "on sale", paused: "nobody new is let in",
  sold_out: "sold out", closed: "nobody joins any more",
};
const LEAST_JUDGED = 20;

function theLine(frame) {
  const { mode, waiting, called, active, max_active, admitted_last_minute, rate_per_minute: rate } = frame;
  const full = called + active >= max_active;
  const slow = !full && lastMinute.waited(rate) && admitted_last_minute < 0.8 * rate;
  return {
    mode: [MODES[mode ?? first.policy.mode], SALES[frame.sale_state]],
    waiting: [count(waiting), `${count(called)} called, ${count(active)} inside`],
    admitted_last_minute: [count(admitted_last_minute), slow ? `under the ${count(rate)} set` : `set: ${count(rate)}`, slow],
    called: [figure(called)],
    active: [count(active), full ? `full at ${count(max_active)}` : `of ${count(max_active)}`, full && waiting > 0],
    admitted_total: [figure(frame.admitted_total)],
    joins_total: [figure(frame.joins_total)],
    left_total: [figure(frame.left_total)],
    missed_total: [figure(frame.missed_total)],
    waited: waited(frame.waits_real.admitted),
    gave_up: waited(frame.waits_real.left),
    told: record(frame.waits),
  };
}

function waited({ p50, p90, count: people }) {
  return people ? [span(Math.round(p50)), `half of ${count(people)}; nine in ten under ${span(Math.round(p90))}`] : ["–", people === 0 ? "nobody yet" : ""];
}

/** How many of the intervals that fans were told held: "82%", of so many; 80% is the aim. */
function record({ told, right, withdrawn }) {
  const replaced = withdrawn ? `, ${count(withdrawn)} replaced by hand` : "";
  if (!told) return ["–", `none has come to its end yet${replaced}`];
  return [`${Math.round((100 * right) / told)}%`, `${count(right)} of ${count(told)}, the aim is 80%${replaced}`, told >= LEAST_JUDGED && right < 0.7 * told];
}

function theStock(frame) {
  const { free, held, sold, funnel, payment_failures: failed } = frame;
  const failing = failed >= LEAST_JUDGED && failed > funnel.paid / 4;
  return {
    sold: [count(sold), free > 0 ? `${count(free)} free of ${count(free + held + sold)}` : held > 0 ? `none free, ${count(held)} held` : "all of them"],
    revenue: [cash(frame.revenue), many(funnel.paid, "has paid", "have paid")],
    free: [count(free), free === 0 ? (held > 0 ? "all held or sold" : "sold out") : ""],
    held: [figure(held)],
    paying: [figure(frame.paying)],
    refused: [figure(frame.refused)],
    payment_failures: [figure(failed), failing ? "more than one in five" : "", failing],
  };
}

const UNKNOWN = { redis: null, database: null, workers: [], web: [] };

function theWorks({ mail, backlog, health: told }) {
  const health = told ?? UNKNOWN;
  const behind = (seconds, limit) => seconds !== null && seconds > limit;
  const age = (seconds) => (seconds === null || seconds < 1 ? "" : `the oldest for ${span(Math.round(seconds))}`);
  const server = (state) => {
    if (!state) return ["–"];
    return state.ok ? ["Answers", `in ${count(Math.max(1, Math.round(state.ms)))} ms`] : ["Does not answer", "", true];
  };
  const lost = [...health.workers, ...health.web].filter(silent);
  const figures = {
    mail: [figure(backlog.mail), age(backlog.mail_oldest_seconds), behind(backlog.mail_oldest_seconds, LATE.mail)],
    mail_sent: [figure(mail.sent)],
    mail_failed: [figure(mail.failed), "", mail.failed > 0],
    ledger: [figure(backlog.ledger), age(backlog.ledger_oldest_seconds), behind(backlog.ledger_oldest_seconds, LATE.ledger)],
    refunds: [figure(backlog.refunds)],
    redis: server(health.redis),
    database: server(health.database),
  };
  const names = { mail: "letters are late", mail_failed: "letters failed", ledger: "bookings are late", redis: "Redis does not answer", database: "the database does not answer" };
  const wrong = Object.entries(figures).filter(([, [, , off]]) => off).map(([name]) => names[name]);
  if (lost.length) wrong.push(lost.length > 1 ? `${lost.length} processes are silent` : `${lost[0].name} is silent`);
  if (!told) wrong.push("no word of the processes");
  else if (told.redis.ok && !told.workers.length) wrong.push("no worker");
  const processes = health.workers.length + health.web.length;
  return { ...figures, works: wrong.length ? [wrong.length > 1 ? `${wrong.length} faults` : "1 fault", wrong.join(", "), true] : ["All well", many(processes, "process", "processes")] };
}

const silent = ({ seen_seconds_ago }) => seen_seconds_ago > LATE.process;

// The frame, shown.

function show(frame) {
  const figures = { ...theLine(frame), ...theStock(frame), ...theWorks(frame) };
  for (const [name, [value, words = "", off = false]] of Object.entries(figures)) {
    const metric = root.querySelector(`[data-metric="${name}"]`);
    metric.dataset.off = off ? "yes" : "no";
    const shown = metric.querySelector("[data-value]");
    write(shown, value);
    shown.style.setProperty("--letters", String(value.length));
    write(metric.querySelector("[data-note]"), words);
  }
  write(root.querySelector("[data-forecast]"), forecast(frame));
  showStock(frame, root);
  showFunnel(frame.funnel);
  for (const kind of ["workers", "web"]) showProcesses(kind, (frame.health ?? UNKNOWN)[kind]);
}

function write(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

/** "The line is gone at about 11:42. Sold out at about 11:55." */
function forecast({ forecast: { line_gone_at, sold_out_at }, mode, waiting, free }) {
  const about = (iso) => {
    const when = new Date(iso);
    const day = when - Date.now() > 43_200_000 ? `${when.toLocaleDateString("en-GB", { weekday: "long", day: "numeric", month: "long" })}, ` : "";
    return `at about ${day}${clock(when)}`;
  };
  const stands = mode === "open" ? "No telling yet when the line is gone." : "The line stands still.";
  const line = line_gone_at ? `The line is gone ${about(line_gone_at)}.` : waiting ? stands : "Nobody is waiting.";
  return `${line} ${sold_out_at ? `Sold out ${about(sold_out_at)}.` : free ? "" : "Nothing is free."}`.trim();
}

function showFunnel(funnel) {
  let before = null;
  for (const step of root.querySelectorAll("[data-step]")) {
    const people = funnel[step.dataset.step];
    write(step.querySelector("[data-value]"), figure(people));
    write(step.querySelector("[data-share]"), before && people !== null ? `${Math.round((100 * people) / before)}% of those` : "");
    step.querySelector("rect").setAttribute("width", String((100 * people) / Math.max(1, funnel.admitted)));
    before = people;
  }
}

function showProcesses(kind, processes) {
  const list = root.querySelector(`[data-processes="${kind}"]`);
  while (list.childElementCount > Math.max(1, processes.length)) list.lastElementChild.remove();
  const lines = processes.map((one) => [
    `${one.name}${"sockets" in one ? `: ${many(one.sockets, "socket", "sockets")}` : ""}${silent(one) ? `, silent for ${span(Math.round(one.seen_seconds_ago))}` : ""}`,
    silent(one),
  ]);
  for (const [i, [words, off]] of (lines.length ? lines : [["None is seen", kind === "workers"]]).entries()) {
    const line = list.children[i] ?? list.appendChild(document.createElement("li"));
    line.dataset.off = off ? "yes" : "no";
    write(line, words);
  }
}

// The charts: what was recorded, then each frame as it comes; one span of time and one cursor for all of them.

const RANGES = { live: 3 * MINUTE, quarter: 15 * MINUTE, hour: 60 * MINUTE, sale: null };
const LONGEST_MINUTES = 7 * 24 * 60;
const choice = root.querySelector("[data-ranges]");
let samples = new Samples();

const charts = [...root.querySelectorAll("[data-chart]")].map((place) => {
  const kind = place.dataset.chart === "money" ? { format: cash, unit: 10 ** (DIGITS[currency] ?? 2) } : {};
  return new Chart(place, { ...kind, moved: (seconds) => charts.forEach((chart) => chart.point(seconds)) });
});

const range = () => choice.querySelector(":checked").value;

function draw() {
  const seconds = RANGES[range()];
  const to = samples.last;
  if (!Number.isFinite(to)) return;
  const from = seconds ? to - seconds : Math.min(samples.at[0], to - MINUTE);
  if (seconds) samples.forget(from - MINUTE);
  for (const chart of charts) chart.draw(samples, from, to);
}

/** What was recorded of the span that is chosen, and a minute more; frames that came meanwhile are kept. */
async function load() {
  const chosen = range();
  const minutes = RANGES[chosen] ? Math.min(MINUTE, RANGES[chosen] / MINUTE + 1) : sinceTheSale();
  const { status, body } = await call("GET", `/api/organiser/events/${event}/stats?minutes=${minutes}`);
  if (status !== 200 || chosen !== range()) return;
  if (body.step_seconds === 1) lastMinute.seed(body);
  const fresh = new Samples({ ...body, series: { ...body.series, joins_per_minute: joinsPerMinute(body) } });
  const newer = samples.at.findIndex((at) => at > fresh.last);
  for (let i = newer; i >= 0 && i < samples.at.length; i++) fresh.add(samples.at[i], samples.row(i));
  samples = fresh;
  draw();
}

/** Of joins in each step: how many there were in the minute until then. The minute at hand is left to the frames. */
function joinsPerMinute({ step_seconds: step, series: { joins } }) {
  if (step === MINUTE) return joins.with(-1, null);
  let sum = 0;
  return joins.map((more, i) => {
    sum += (more ?? 0) - (joins[i - MINUTE] ?? 0);
    return more === null || i < MINUTE - 1 ? null : sum;
  });
}

function sinceTheSale() {
  const minutes = Math.ceil((Date.now() - new Date(root.dataset.sale)) / 60_000) + MINUTE;
  return Math.min(LONGEST_MINUTES, Math.max(2 * MINUTE, minutes));
}

function chartFrame({ at, waiting, called, active, admitted_last_minute, target_per_minute, sold, held, free, revenue }) {
  const pace = { admitted_per_minute: admitted_last_minute, target_per_minute, joins_per_minute: lastMinute.joined };
  samples.add(Date.parse(at) / 1000, { waiting, called, active, ...pace, sold, held, free, revenue });
  draw();
}

choice.addEventListener("change", () => {
  try {
    sessionStorage.setItem("desk-range", range());
  } catch {
    // Without storage the choice holds for this page.
  }
  load();
});
try {
  const kept = choice.querySelector(`[value="${sessionStorage.getItem("desk-range")}"]`);
  if (kept) kept.checked = true;
} catch {
  // As above.
}

// How old what is shown is.

function showFreshness() {
  const line = root.querySelector("[data-freshness]");
  const fresh = lastAt !== null && Date.now() - lastAt < STALE_MS;
  const before = root.dataset.fresh;
  root.dataset.fresh = line.dataset.fresh = fresh ? "yes" : "no";
  if (fresh && before !== "yes") line.textContent = "Live, a frame a second";
  if (!fresh) write(line, lastAt ? `No news since ${exactClock(new Date(lastAt))}. These numbers are old.` : "No news yet");
}

prepareStock(root);
show(first.desk);
setInterval(showFreshness, 1_000);
new LiveSocket(`/ws/organiser/${event}`, {
  // At first and whenever the line comes back: what was missed meanwhile was recorded.
  change: (live) => live && load(),
  frame: (frame) => {
    if (frame.type !== "desk") return;
    lastAt = Date.now();
    lastMinute.add(frame);
    levers.see(frame);
    show(frame);
    chartFrame(frame);
    root.dispatchEvent(new CustomEvent("frame", { detail: frame }));
    showFreshness();
  },
});
