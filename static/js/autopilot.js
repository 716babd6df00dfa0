// The autopilot's panel on the organiser's desk: asked for bounds and targets while it is off; while it is on, what it
// does and why. Frames come from control-room.js, as events of the desk's element.
import { call } from "./desk.js";
import { count, exactClock, once } from "./page.js";

const WIDTH = 300;
const HEIGHT = 60;
const SHOWN = 180;
const OFF = "Keeps the rate between two bounds, so that bookings stay quick. You can take it back at any moment.";

const root = document.querySelector("[data-control]");
const panel = root.querySelector("[data-autopilot]");
const form = panel.querySelector("[data-autopilot-form]");
const part = (name) => panel.querySelector(`[data-autopilot-${name}]`);
const path = `/api/organiser/events/${root.dataset.control}/autopilot`;
const seconds = (ms) => `${(ms / 1000).toFixed(ms < 1000 ? 2 : 1)} s`;
const percent = (share) => `${Number((100 * share).toFixed(2))}%`;
const trace = [];
let rate = null;

function write(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

/** Shows it as it is told in a frame, or by an answer; null is no news. */
function show(told) {
  if (told === null || told === undefined) return;
  rate = told.rate_per_minute;
  panel.dataset.on = told.on ? "yes" : "no";
  write(part("state"), told.on ? "On" : "Off");
  write(part("why"), why(told));
  part("flight").hidden = !told.on;
  form.hidden = told.on;
  if (told.on) showFlight(told);
  else preview();
}

function why({ on, why: said, moved_at: at }) {
  if (!on) return said || OFF;
  return said ? `${said} Since ${exactClock(new Date(at))}.` : "On. It has not moved the rate yet.";
}

function showFlight(told) {
  const { low, high, target_p95_ms: target, target_error_rate: errors } = told;
  write(part("asked"), `Keeps between ${count(low)} and ${count(high)} a minute, so that 95% of bookings take ${seconds(target)} at most and ${percent(errors)} fail at most.`);
  write(part("p95"), fares(told));
  trace.push(told.p95_ms);
  if (trace.length > SHOWN) trace.shift();
  draw(target);
}

function fares({ p95_ms: p95, target_p95_ms: target, error_rate: failing, low, rate_per_minute: now }) {
  if (p95 === null) return "Too few book to say how long it takes.";
  const words = `95% of bookings take ${seconds(p95)} at most; target ${seconds(target)}.`;
  const failures = failing ? ` ${percent(failing)} fail.` : "";
  const end = p95 > target && now <= low ? " It may slow no further." : "";
  return words + failures + end;
}

/** The last three minutes: a gap where nothing was measured, and the target as a dashed line. */
function draw(target) {
  const top = 1.1 * Math.max(2 * target, ...trace.map((ms) => ms ?? 0));
  const y = (ms) => (HEIGHT - (HEIGHT * ms) / top).toFixed(1);
  const x = (i) => (WIDTH - ((trace.length - 1 - i) * WIDTH) / (SHOWN - 1)).toFixed(1);
  let d = "";
  trace.forEach((ms, i) => {
    if (ms !== null) d += `${d === "" || trace[i - 1] === null ? "M" : "L"}${x(i)} ${y(ms)}`;
  });
  part("trace").replaceChildren(line(`M0 ${y(target)}H${WIDTH}`, "target"), line(d, "took"));
}

function line(d, kind) {
  const shape = document.createElementNS("http://www.w3.org/2000/svg", "path");
  shape.setAttribute("d", d);
  shape.setAttribute("class", kind);
  return shape;
}

// Asking for it.

function fill({ low, high, target_p95_ms: target, target_error_rate: errors }) {
  const values = { low, high, target_p95: target / 1000, target_errors: Number((100 * errors).toFixed(2)) };
  for (const [name, value] of Object.entries(values)) form.elements[name].value = value;
}

const asked = () => ({
  low: form.elements.low.valueAsNumber,
  high: form.elements.high.valueAsNumber,
  target_p95_ms: Math.round(1000 * form.elements.target_p95.valueAsNumber),
  target_error_rate: Number((form.elements.target_errors.valueAsNumber / 100).toFixed(4)),
});

/** What switching on will do. */
function preview() {
  const { low, high } = asked();
  form.elements.high.setCustomValidity(low > high ? "At most must not be below at least." : "");
  if (rate === null || !(low <= high)) return write(part("preview"), "");
  const first = rate < low ? ` It first goes up to ${count(low)}.` : rate > high ? ` It first goes down to ${count(high)}.` : "";
  write(part("preview"), `The rate is ${count(rate)} a minute now.${first} It slows by half when a target is missed, and climbs in small steps while all is well.`);
}

function tell({ status, body }) {
  if (status === 200) return show(body);
  write(part("why"), body?.detail ?? "That was not done. The rate stays as it is.");
}

form.addEventListener("input", preview);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  once(form.querySelector("button"), async () => {
    trace.length = 0;
    tell(await call("PUT", path, asked()));
    if (!part("flight").hidden) part("back").focus();
  });
});
part("back").addEventListener("click", () =>
  once(part("back"), async () => {
    const answer = await call("DELETE", path);
    tell(answer.status === 204 ? await call("GET", path) : answer);
    if (!form.hidden) form.querySelector("button").focus();
  }),
);

root.addEventListener("frame", ({ detail: frame }) => {
  rate = frame.rate_per_minute;
  if (frame.autopilot) show(frame.autopilot);
  else if (!form.hidden) preview();
});
call("GET", path).then(({ status, body }) => {
  if (status !== 200) return;
  fill(body.suggested);
  show(body);
});
