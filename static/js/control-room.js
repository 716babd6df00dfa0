// The organiser's desk: charts, levers, and a frame a second.
import { LiveSocket, call, prepareStock, showStock } from "./desk.js";
import { count, exactClock } from "./page.js";

// A small line chart in an SVG of 300 by 80.

const WIDTH = 300;
const HEIGHT = 80;

/** Draws `values` (newest last, `room` of them fill the width); `set` is a level to compare with, or null. */
export function spark(svg, values, room, set = null) {
  const top = Math.max(1, set ?? 0, ...values) * 1.08;
  const x = (i) => WIDTH - ((values.length - 1 - i) * WIDTH) / (room - 1);
  const y = (value) => HEIGHT - (HEIGHT * value) / top;
  const points = values.map((value, i) => `${x(i).toFixed(1)} ${y(value).toFixed(1)}`);
  const shapes = [path(`M${points.join("L")}`, "")];
  if (set !== null) shapes.unshift(path(`M0 ${y(set).toFixed(1)}H${WIDTH}`, "set"));
  svg.replaceChildren(...shapes);
}

function path(d, kind) {
  const shape = document.createElementNS("http://www.w3.org/2000/svg", "path");
  shape.setAttribute("d", d);
  if (kind) shape.setAttribute("class", kind);
  return shape;
}

// How the waits that fans were told turned out, for the organiser.


/** "82% were right ..." for the `waits` of a desk frame. */
export function tellRecord({ told = 0, right = 0, withdrawn = 0 } = {}) {
  const replaced = withdrawn ? ` ${count(withdrawn)} more were replaced when the pace was changed by hand.` : "";
  if (!told) return `No wait told has come to its end yet.${replaced}`;
  return `Right ${Math.round((100 * right) / told)}% of the time (${count(right)} of ${count(told)}); 80% is the aim.${replaced}`;
}

// The organiser's levers: each says what it will do before it does it, and what was acknowledged after.

const MODE_EFFECTS = {
  open: "People are let in at the rate that is set.",
  paused: "Nobody new is let in. Places stay, those inside finish.",
  lobby: "People gather. When it opens they are drawn into one order.",
  closed: "Nobody joins and nobody is let in. Those inside finish.",
};
const REOPENED_LOBBY = "Nobody is let in. The draw is over: who comes now is first come, first served.";
const WORDS = { mode: "The room is", rate_per_minute: "Let in a minute:", max_active: "Most inside at once:", message: "Message:" };

/** "gone in about 4 min" for a line at a rate, both in people. */
export function lineGone(waiting, rate) {
  if (!waiting) return "Nobody is waiting now.";
  if (!rate) return `Nobody is let in; the line of ${waiting} stands still.`;
  const minutes = waiting / rate;
  const time = minutes < 1 ? "less than a minute" : minutes < 120 ? `about ${Math.ceil(minutes)} min` : `about ${Math.round(minutes / 60)} hours`;
  return `At ${rate} a minute the line of ${waiting} is gone in ${time}.`;
}

export class Levers {
  #root;
  #path;
  #frame;
  #set;
  #pending = null;

  constructor(root, eventId, frame, policy) {
    this.#root = root;
    this.#path = `/api/organiser/events/${eventId}/room`;
    this.#frame = frame;
    this.#set = policy;
    for (const button of root.querySelectorAll("[data-mode]")) this.#modeButton(button);
    for (const form of root.querySelectorAll("form[data-lever]")) this.#form(form);
    this.#showMode(policy.mode);
    this.#preview();
  }

  get rate() {
    return this.#set.rate_per_minute;
  }

  /** Takes a desk frame: previews follow the line, and a change is told as in force when the room shows it. */
  see(frame) {
    this.#frame = frame;
    for (const name of Object.keys(this.#set)) if (name in frame) this.#follow(name, frame[name]);
    this.#showMode(this.#set.mode);
    this.#preview();
    const [name, value] = this.#pending ?? [];
    if (name && frame[name] === value) {
      this.#tell(`${WORDS[name]} ${value || "none"}. In force since ${exactClock(new Date())}.`);
      this.#pending = null;
    }
  }

  /** Another organiser's change shows on the lever, unless somebody here is about to change it too. */
  #follow(name, value) {
    const before = String(this.#set[name]);
    this.#set[name] = value;
    for (const input of this.#root.querySelectorAll(`[data-lever="${name}"] input`)) {
      if (input.value === before && input !== document.activeElement) input.value = value;
    }
  }

  #modeButton(button) {
    const { mode } = button.dataset;
    const preview = () => this.#say("mode", this.#effect(mode));
    for (const type of ["pointerenter", "focus"]) button.addEventListener(type, preview);
    button.addEventListener("pointerleave", () => this.#showMode(this.#set.mode));
    button.addEventListener("click", () => this.#pull("mode", mode));
  }

  /** What a mode does. Whoever gathers after the first opening is drawn no more. */
  #effect(mode) {
    return mode === "lobby" && this.#frame.opened ? REOPENED_LOBBY : MODE_EFFECTS[mode];
  }

  #form(form) {
    const [number, slider] = [form.querySelector(".input"), form.querySelector("[data-slider]")];
    slider?.addEventListener("input", () => (number.value = slider.value));
    if (slider) number.addEventListener("input", () => (slider.value = number.value));
    form.addEventListener("input", () => this.#preview());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#pull(number.name, number.type === "number" ? Number(number.value) : number.value.trim());
    });
  }

  async #pull(name, value) {
    this.#tell("Sending");
    const { status, body } = await call("PATCH", this.#path, { [name]: value });
    if (status !== 200) return this.#tell(body?.detail ?? "Not set. The room runs on as before.", true);
    this.#pending = [name, value];
    this.#tell(`${WORDS[name]} ${value === "" ? "none" : value}. Taken at ${exactClock(new Date())}, acts on the next tick.`);
  }

  #preview() {
    const wanted = (name) => Number(this.#root.querySelector(`[name="${name}"]`).value);
    const { waiting, called, active } = this.#frame;
    this.#say("rate_per_minute", lineGone(waiting, wanted("rate_per_minute")));
    const room = wanted("max_active") - called - active;
    this.#say("max_active", room > 0 ? `Room for ${room} more at this moment.` : "Full: one comes in as one goes out.");
    const text = this.#root.querySelector('[name="message"]').value.trim();
    this.#say("message", text ? `Shown to the ${waiting} who wait, ${text.length} of 500 letters.` : "Nothing is shown.");
  }

  #showMode(mode) {
    for (const button of this.#root.querySelectorAll("[data-mode]")) {
      button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
    }
    if (!this.#root.querySelector("[data-mode]:is(:hover, :focus-visible)")) this.#say("mode", this.#effect(mode));
  }

  #say(name, text) {
    this.#root.querySelector(`[data-preview="${name}"]`).textContent = text;
  }

  #tell(text, bad = false) {
    const line = this.#root.querySelector("[data-acknowledged]");
    line.textContent = text;
    line.dataset.bad = bad ? "yes" : "no";
  }
}

// The organiser's desk: a frame a second, shown as numbers and two small charts.

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

prepareStock(root);
show(first.desk);
setInterval(showFreshness, 1_000);
new LiveSocket(`/ws/organiser/${root.dataset.control}`, {
  frame: (frame) => {
    if (frame.type !== "desk") return;
    lastAt = Date.now();
    levers.see(frame);
    show(frame);
    showFreshness();
  },
});
