// Charts of what happened over time: lines that differ in dash and mark as well as in colour, a time axis in local
// time, a cursor for pointer, finger and keys, gaps where nothing was recorded, and a table behind each.
import { clock, count, exactClock } from "./page.js";

// A sample that came a little late is no gap.
const LATE_SECONDS = 3;
const MOST_ROWS = 60;

/** What was recorded: times in whole seconds, oldest first, and for each name a value at each, null where there is none. */
export class Samples {
  /** Of an answer's columns; what is before anything was recorded is left out. */
  constructor({ step_seconds = 1, at = [], series = {} } = {}) {
    const begun = at.findIndex((_, i) => Object.values(series).some((values) => values[i] !== null));
    const from = begun < 0 ? at.length : begun;
    this.step = step_seconds;
    this.at = at.slice(from);
    this.series = Object.fromEntries(Object.entries(series).map(([name, values]) => [name, values.slice(from)]));
  }

  get last() {
    return this.at.at(-1) ?? -Infinity;
  }

  /** Takes the values of a moment. Those of the step that was the newest take its place; older ones change nothing. */
  add(seconds, values) {
    const at = Math.floor(seconds / this.step) * this.step;
    if (at < this.last) return;
    if (at > this.last) this.at.push(at);
    const index = this.at.length - 1;
    for (const name of new Set([...Object.keys(values), ...Object.keys(this.series)])) {
      const row = (this.series[name] ??= []);
      while (row.length < index) row.push(null);
      row[index] = values[name] ?? row[index] ?? null;
    }
  }

  /** The values of one moment, by name. */
  row(index) {
    return Object.fromEntries(Object.entries(this.series).map(([name, values]) => [name, values[index] ?? null]));
  }

  /** Forgets what is older than `seconds`. */
  forget(seconds) {
    const gone = this.at.findIndex((at) => at >= seconds);
    if (gone <= 0) return;
    for (const row of [this.at, ...Object.values(this.series)]) row.splice(0, gone);
  }

  /** The index of the moment nearest to `seconds`. */
  nearest(seconds) {
    let [low, high] = [0, this.at.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.at[middle] < seconds) low = middle + 1;
      else high = middle;
    }
    return low > 0 && seconds - this.at[low - 1] < this.at[low] - seconds ? low - 1 : low;
  }

  /** The runs of moments from `from` on in which `name` was recorded without a gap, each a list of [seconds, value]. */
  runs(name, from) {
    const row = this.series[name] ?? [];
    const found = [];
    let before = -Infinity;
    for (let i = Math.max(0, this.nearest(from)); i < this.at.length; i++) {
      const at = this.at[i];
      if (row[i] === null || row[i] === undefined || at < from) continue;
      if (at - before > Math.max(LATE_SECONDS, 1.5 * this.step)) found.push([]);
      found.at(-1).push([at, row[i]]);
      before = at;
    }
    return found;
  }
}

// Axes: round numbers, and times that are round where the reader is.

/** Round numbers from 0 to `top` or a little over it, `most` steps at the most and none smaller than `least`. */
export function ticks(top, most = 4, least = 1) {
  const rough = Math.max(top, least) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(least, power * [1, 2, 5, 10].find((n) => n * power >= rough * 0.999));
  return Array.from({ length: Math.max(1, Math.ceil(top / step)) + 1 }, (_, i) => i * step);
}

/** 49,906 as "49,906" or, where there is little room, 1,200,000 as "1.2M" and 50,000 as "50k". */
function short(number) {
  if (number >= 1e6) return `${count(number / 1e6)}M`;
  return number >= 1e4 ? `${count(number / 1e3)}k` : count(number);
}

const DAY = 86_400;
const STEPS = [10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, DAY, 2 * DAY, 7 * DAY, 28 * DAY];
const dayName = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric" });

/** Round moments between two, `most` at the most, as [seconds, words]. */
export function timeTicks(from, to, most = 5) {
  const step = STEPS.find((n) => (to - from) / n <= most) ?? to - from;
  const words = step < 60 ? exactClock : step < DAY ? clock : (date) => dayName.format(date);
  const ahead = new Date(from * 1000).getTimezoneOffset() * 60;
  const found = [];
  for (let at = Math.ceil((from - ahead) / step) * step + ahead; at <= to; at += step) found.push([at, words(new Date(at * 1000))]);
  return found;
}

// Shapes.

const EDGE = { top: 10, right: 8, bottom: 22, left: 46 };

function shape(name, attributes, words) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (words !== undefined) made.textContent = words;
  return made;
}

const MARKS = [
  (x, y) => `M${x - 3.5} ${y}a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0z`,
  (x, y) => `M${x - 3.2} ${y - 3.2}h6.4v6.4h-6.4z`,
  (x, y) => `M${x} ${y - 4.4}l4.4 7.6h-8.8z`,
];
const mark = (kind, x, y) => MARKS[kind % MARKS.length](Math.round(x * 10) / 10, Math.round(y * 10) / 10);

/** A run with more points than there are pixels keeps of each pixel its lowest and its highest. */
function thin(run, pixels) {
  if (run.length <= 2 * pixels) return run;
  const size = run.length / pixels;
  const kept = [];
  for (let i = 0; i < pixels; i++) {
    const bucket = run.slice(Math.floor(i * size), Math.floor((i + 1) * size));
    const low = bucket.reduce((a, b) => (b[1] < a[1] ? b : a));
    const high = bucket.reduce((a, b) => (b[1] > a[1] ? b : a));
    kept.push(...(low[0] < high[0] ? [low, high] : [high, low]));
  }
  return kept;
}

/**
 * One chart in `figure`, made by the macro `chart` of desk.html. `draw` it with samples and a span of time;
 * `point` it to a moment, or to null for the newest. `moved(seconds|null)` is called when its own cursor moves.
 */
export class Chart {
  #plot;
  #svg;
  #format;
  #unit;
  #names;
  #samples = new Samples();
  #from = 0;
  #to = 0;
  #pointed = null;
  #moved;

  /** `format` writes a value; `unit` is what the axis counts in: 100 where values are cents. */
  constructor(figure, { format = count, unit = 1, moved = () => {} } = {}) {
    this.figure = figure;
    this.#plot = figure.querySelector("[data-plot]");
    this.#svg = figure.querySelector("[data-plot] svg");
    [this.#format, this.#unit, this.#moved] = [format, unit, moved];
    this.#names = [...figure.querySelectorAll("[data-series]")].map((button, kind) => this.#series(button, kind));
    this.#hears();
    figure.querySelector("details").addEventListener("toggle", () => this.#table());
    new ResizeObserver(() => this.#paint()).observe(this.#plot);
  }

  draw(samples, from, to) {
    const anew = this.#samples !== samples || this.#to - this.#from !== to - from;
    [this.#samples, this.#from, this.#to] = [samples, from, to];
    if (this.#pointed < from) this.#pointed = null;
    this.#paint();
    if (anew) this.#table();
  }

  point(seconds) {
    this.#pointed = seconds;
    this.#paint();
  }

  #series(button, kind) {
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
      this.#paint();
      this.#table();
    });
    return { name: button.dataset.series, kind: Number(button.dataset.kind ?? kind), button, value: button.querySelector("[data-value]"), label: button.querySelector("[data-label]").textContent };
  }

  get #shown() {
    return this.#names.filter(({ button }) => button.getAttribute("aria-pressed") === "true");
  }

  #paint() {
    const [width, height] = [this.#plot.clientWidth, this.#plot.clientHeight];
    if (!width || this.#to <= this.#from) return;
    const runs = this.#shown.map((series) => ({ ...series, runs: this.#samples.runs(series.name, this.#from) }));
    const top = runs.flatMap(({ runs }) => runs.flat()).reduce((most, [, value]) => Math.max(most, value), 0);
    const steps = ticks(top, height < 150 ? 3 : 4, this.#unit);
    const x = (at) => EDGE.left + ((at - this.#from) / (this.#to - this.#from)) * (width - EDGE.left - EDGE.right);
    const y = (value) => height - EDGE.bottom - (value / steps.at(-1)) * (height - EDGE.top - EDGE.bottom);
    const times = timeTicks(this.#from, this.#to, Math.max(2, Math.floor(width / 90)));
    this.#svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.#svg.replaceChildren(
      ...steps.flatMap((step) => [
        shape("path", { class: "rule", d: `M${EDGE.left} ${y(step)}H${width - EDGE.right}` }),
        shape("text", { x: EDGE.left - 8, y: y(step) + 4, "text-anchor": "end" }, short(step / this.#unit)),
      ]),
      ...times.flatMap(([at, words]) => this.#time(x(at), height, width, words)),
      ...runs.flatMap((series) => this.#line(series, x, y, times)),
      ...this.#cursor(x, y, height),
    );
    this.#tell();
  }

  #time(x, height, width, words) {
    const side = x < EDGE.left + 24 ? "start" : x > width - EDGE.right - 24 ? "end" : "middle";
    return [
      shape("path", { class: "rule", d: `M${x} ${height - EDGE.bottom}v5` }),
      shape("text", { x, y: height - 4, "text-anchor": side }, words),
    ];
  }

  /** The line with its gaps; its mark stands where the time axis has a tick, at its end, and where it is but a point. */
  #line({ kind, runs }, x, y, times) {
    const pixels = this.#plot.clientWidth;
    const lines = runs.map((run) => `M${thin(run, pixels).map(([at, value]) => `${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join("L")}`);
    const near = this.#samples.step / 2 + 1;
    const marked = runs.flatMap((run) => [
      ...times.map(([tick]) => run.find(([at]) => Math.abs(at - tick) <= near)).filter(Boolean),
      ...(run.length === 1 ? run : []),
    ]);
    const newest = runs.at(-1)?.at(-1);
    if (newest) marked.push(newest);
    return [
      shape("path", { class: `line line-${kind}`, d: lines.join("") }),
      shape("path", { class: `mark mark-${kind}`, d: marked.map(([at, value]) => mark(kind, x(at), y(value))).join("") }),
    ];
  }

  #cursor(x, y, height) {
    if (this.#pointed === null) return [];
    const index = this.#samples.nearest(this.#pointed);
    const at = this.#samples.at[index];
    if (at === undefined || at < this.#from) return [];
    const values = this.#shown.map(({ name, kind }) => [kind, this.#samples.series[name]?.[index] ?? null]);
    return [
      shape("path", { class: "cursor", d: `M${x(at)} ${EDGE.top}V${height - EDGE.bottom}` }),
      ...values.filter(([, value]) => value !== null).map(([kind, value]) => shape("path", { class: `mark mark-${kind}`, d: mark(kind, x(at), y(value)) })),
    ];
  }

  /** The values at the cursor, or the newest, beside the names; and the moment they are of. */
  #tell() {
    const index = this.#pointed === null ? this.#samples.at.length - 1 : this.#samples.nearest(this.#pointed);
    for (const { name, value } of this.#names) value.textContent = this.#spell(this.#samples.series[name]?.[index]);
    const when = this.figure.querySelector("[data-when]");
    when.textContent = this.#pointed === null ? "" : `at ${this.#moment(this.#samples.at[index])}`;
    this.#plot.setAttribute("aria-valuemax", String(Math.max(0, this.#samples.at.length - 1)));
    this.#plot.setAttribute("aria-valuenow", String(Math.max(0, index)));
  }

  #spell(value) {
    return value === null || value === undefined ? "–" : this.#format(value);
  }

  #moment(seconds) {
    return seconds === undefined ? "–" : (this.#samples.step < 60 ? exactClock : clock)(new Date(seconds * 1000));
  }

  /** The same in words, for who hears the chart; said as the cursor is moved, not as time goes on. */
  #say() {
    const index = this.#pointed === null ? this.#samples.at.length - 1 : this.#samples.nearest(this.#pointed);
    const words = this.#shown.map(({ name, label }) => `${label} ${this.#spell(this.#samples.series[name]?.[index])}`);
    this.#plot.setAttribute("aria-valuetext", `${this.#moment(this.#samples.at[index])}: ${words.join(", ")}`);
  }

  #hears() {
    const plot = this.#plot;
    const at = ({ clientX }) => {
      const box = plot.getBoundingClientRect();
      const part = (clientX - box.left - EDGE.left) / (box.width - EDGE.left - EDGE.right);
      this.#moved(this.#from + Math.min(1, Math.max(0, part)) * (this.#to - this.#from));
    };
    plot.addEventListener("pointerdown", at);
    plot.addEventListener("pointermove", at);
    // A finger covers what it points to: what it read stays until it touches something else.
    plot.addEventListener("pointerleave", ({ pointerType }) => pointerType !== "touch" && this.#moved(null));
    plot.addEventListener("keydown", (event) => this.#key(event));
    plot.addEventListener("focus", () => this.#say());
    plot.addEventListener("blur", () => this.#moved(null));
  }

  #key(event) {
    const { at } = this.#samples;
    const [first, last] = [this.#samples.nearest(this.#from), at.length - 1];
    const now = this.#pointed === null ? last : this.#samples.nearest(this.#pointed);
    const leap = Math.max(1, Math.round((last - first) / 10));
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -leap, PageUp: leap, Home: first - now, End: last - now };
    if (event.key === "Escape") this.#moved(null);
    else if (event.key in steps) this.#moved(at[Math.min(last, Math.max(first, now + steps[event.key]))] ?? null);
    else return;
    event.preventDefault();
    this.#say();
  }

  /** Written when it is opened and when another span is chosen: a table that moves cannot be read. */
  #table() {
    if (!this.figure.querySelector("details").open) return;
    const { at, series } = this.#samples;
    const first = at.findIndex((seconds) => seconds >= this.#from);
    const length = first < 0 ? 0 : at.length - first;
    const every = Math.max(1, Math.ceil(length / MOST_ROWS));
    const rows = Array.from({ length: Math.ceil(length / every) }, (_, i) => at.length - 1 - i * every);
    const cell = (kind, words, scope) => Object.assign(document.createElement(kind), { textContent: words, ...(scope && { scope }) });
    const row = (...cells) => {
      const made = document.createElement("tr");
      made.append(...cells);
      return made;
    };
    const table = this.figure.querySelector("table");
    table.tHead.replaceChildren(row(cell("th", "Time", "col"), ...this.#names.map(({ label }) => cell("th", label, "col"))));
    table.tBodies[0].replaceChildren(
      ...rows.map((i) => row(cell("th", this.#moment(at[i]), "row"), ...this.#names.map(({ name }) => cell("td", this.#spell(series[name]?.[i]))))),
    );
    table.caption.textContent = length ? `${this.figure.dataset.title}, the newest first, as of ${this.#moment(this.#samples.last)}. Open it again for newer.` : "Nothing was recorded yet.";
  }
}
