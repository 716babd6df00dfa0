// The queue page: the wait, the place, the line, and what the fan decides.
import { Desk, prepareStock, showConnection, showStock } from "./desk.js";
import { clock, countDown, roll, say } from "./page.js";

// A wait told as an interval, in clock times and in minutes.

const ROUGHLY = "8 times out of 10 it is within this time";

const UNKNOWN = ["We cannot say yet when your turn is", "Your place is kept."];

const SLOWER = {
  paused: "The line was paused for a while.",
  rate_lowered: "Fewer people a minute are let in than before.",
  recovering: "The line was put together again after a fault.",
  desk_full: "The desk is full: one comes in as one goes out.",
  late: "It goes more slowly than we told you.",
};

/** Why the wait is longer than it was, or "" if it is not. In step with the macro `slower` of _parts.html. */
export function tellSlower(slower, seconds) {
  if (slower === "paused" && !seconds) return "The organiser has paused the line.";
  return SLOWER[slower] ?? "";
}

/**
 * Two sentences for `[low, high]` seconds (or null: nothing moves) counted from `from` (a Date).
 * It never throws: what is no interval, or ends beyond what a Date can say, is told as not known.
 */
export function tellWait(seconds, from = new Date()) {
  if (seconds === null || seconds === undefined) return ["The line stands still at the moment", "Your place does not change while it does."];
  if (!isInterval(seconds, from)) return UNKNOWN;
  const [low, high] = seconds;
  if (high <= 60) return ["Your turn within a minute", "Stay on this page if you can."];
  // To the whole minute on the safe side at both ends, as the minutes are.
  const start = clock(new Date(from.getTime() + low * 1000));
  const end = clock(new Date(from.getTime() + high * 1000 + 59_999));
  const [fewest, most] = [Math.floor(low / 60), Math.ceil(high / 60)];
  const minutes = fewest === 0 ? `Within ${most}` : fewest === most ? `About ${most}` : `In ${fewest} to ${most}`;
  const lead = start === end ? `Your turn at about ${start}` : `Your turn between ${start} and ${end}`;
  return [lead, `${minutes} minutes. ${ROUGHLY}.`];
}

function isInterval(seconds, from) {
  if (!Array.isArray(seconds) || seconds.length !== 2 || !seconds.every(Number.isFinite)) return false;
  const [low, high] = seconds;
  return low >= 0 && low <= high && !Number.isNaN(new Date(from.getTime() + high * 1000 + 59_999).getTime());
}

// The best place this browser was shown, in a cookie that outlives the page. In step with waiting_room/shown.py.

const KEPT_SECONDS = 86_400;

/** Knows the best place shown for one place in the line, which `mark` stands for. */
export class BestShown {
  #name;
  #mark;
  #best = Infinity;

  constructor(roomId, mark) {
    this.#name = `queue_${roomId}_shown`;
    this.#mark = mark;
  }

  /** The best of `place` (null: not known) and of what was shown before, also by another page; null if there is none. */
  with(place) {
    const kept = this.#kept();
    this.#best = Math.min(this.#best, kept, isPlace(place) ? place : Infinity);
    if (this.#best < kept) this.#write(`${this.#mark}.${this.#best}`, KEPT_SECONDS);
    return Number.isFinite(this.#best) ? this.#best : null;
  }

  /** The turn has come, or the place was given up: what was shown before it says nothing of a wait after it. */
  forget() {
    if (this.#kept() < Infinity) this.#write("", 0);
    this.#best = Infinity;
  }

  #kept() {
    const start = `${this.#name}=${this.#mark}.`;
    const text = document.cookie.split("; ").find((cookie) => cookie.startsWith(start))?.slice(start.length) ?? "";
    return /^[1-9]\d{0,9}$/.test(text) ? Number(text) : Infinity;
  }

  #write(value, seconds) {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `${this.#name}=${value}; Path=/; Max-Age=${seconds}; SameSite=Lax${secure}`;
  }
}

function isPlace(place) {
  return Number.isSafeInteger(place) && place > 0;
}

// Where the fan stands in the line, and how the line has moved while they watched.

const BARS = 20;
const BAR_MS = 6_000;

/** Walks the dot: each halving of those ahead is an equal step, so that it moves visibly to the very end. */
export class Walk {
  #element;
  #most = 1;

  constructor(element) {
    this.#element = element;
  }

  show(ahead, waiting) {
    this.#most = Math.max(this.#most, ahead, waiting);
    const done = 1 - Math.log2(1 + ahead) / Math.log2(1 + this.#most);
    this.#element.style.setProperty("--at", Math.min(0.97, Math.max(0.02, done)).toFixed(4));
  }
}

/** A bar for every six seconds: by how many places the line moved on. */
export class Pace {
  #svg;
  #bars = new Array(BARS).fill(0);
  #barStart = Date.now();
  #lastAhead = null;

  constructor(svg) {
    this.#svg = svg;
    this.#draw();
  }

  saw(ahead) {
    const passed = this.#lastAhead === null ? 0 : Math.max(0, this.#lastAhead - ahead);
    this.#lastAhead = ahead;
    this.#turnOver();
    this.#bars[this.#bars.length - 1] += passed;
    this.#draw();
  }

  #turnOver() {
    const steps = Math.floor((Date.now() - this.#barStart) / BAR_MS);
    for (let i = 0; i < Math.min(steps, BARS); i++) this.#bars.push(0);
    this.#barStart += steps * BAR_MS;
    this.#bars = this.#bars.slice(-BARS);
  }

  #draw() {
    const most = Math.max(1, ...this.#bars);
    const width = 240 / BARS;
    const bars = this.#bars.map((count, i) => {
      const height = count ? Math.max(4, (48 * count) / most) : 2;
      return draw("rect", { x: i * width, y: 48 - height, width: width - 2, height, class: count ? "moved" : "still" });
    });
    this.#svg.replaceChildren(...bars);
  }
}

function draw(name, attributes) {
  const shape = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) shape.setAttribute(key, value);
  return shape;
}

// The queue page: shows each new standing, and does what the fan decides.

const room = document.querySelector("[data-room]");
const part = (name) => room.querySelector(`[data-${name}]`);
const { eventPath, name: eventName } = room.dataset;
const desk = new Desk(room.dataset.room);
const walk = new Walk(part("walk"));
const pace = new Pace(part("pace"));
const best = new BestShown(room.dataset.room, room.dataset.mark);
let shown = null;
// The doors alone have turned, and nobody's turn has come.
const STANDING_BY = new Set(["lobby", "closed"]);
let claimBy = null;
let stopClaimClock = () => {};

function show(standing) {
  const changed = room.dataset.state !== standing.state;
  room.dataset.state = standing.state;
  if (standing.state === "waiting") showPlace(standing);
  else if (!STANDING_BY.has(standing.state)) best.forget();
  if (standing.state === "lobby") showLobby(standing);
  if (standing.state === "called") showClaim(standing.claim_by);
  if (standing.state === "missed" && standing.expires_at) {
    part("missed-until").textContent = `until ${clock(new Date(standing.expires_at))}`;
  }
  part("waiting").textContent = standing.waiting;
  part("message-box").hidden = !standing.message;
  part("message").textContent = standing.message ?? "";
  document.title = titleFor(standing);
  if (changed) announce(standing);
}

function showPlace({ place, ahead, waiting, wait_seconds, slower, rate_per_minute }) {
  // The server tells places from samples, and others come back ahead; what was shown once never rises again.
  shown = best.with(place);
  const before = shown === null ? (ahead ?? 0) : shown - 1;
  roll(part("place"), shown);
  part("ahead").textContent = before;
  part("behind").textContent = Math.max(0, waiting - before - 1);
  walk.show(before, waiting);
  pace.saw(before);
  const [lead, minutes] = tellWait(wait_seconds);
  part("turn").textContent = lead;
  part("turn-minutes").textContent = minutes;
  const reason = tellSlower(slower, wait_seconds);
  part("slower").textContent = reason;
  part("rate").textContent = wait_seconds ? `About ${rate_per_minute} people a minute are let in` : "Nobody is let in at the moment";
  say(`Your place is ${shown}. ${lead}. ${reason}`.trim());
}

function showLobby({ opened, opens_at }) {
  part("on-time").hidden = !opens_at;
  part("by-hand").hidden = Boolean(opens_at);
  part("drawn").hidden = opened;
  part("not-drawn").hidden = !opened;
}

function showClaim(until) {
  if (!until || until === claimBy) return;
  claimBy = until;
  stopClaimClock();
  const end = new Date(until);
  stopClaimClock = countDown(end, (text) => (part("claim-clock").textContent = text));
  const keptUntil = clock(new Date(end.getTime() + room.dataset.keepSeconds * 1000));
  part("kept-until").textContent = `Come in by ${clock(end)}. If you miss it, your place is still kept until ${keptUntil}.`;
}

function titleFor({ state }) {
  if (state === "waiting" && shown !== null) return `Place ${shown}: ${eventName}`;
  if (state === "called") return `Your turn: ${eventName}`;
  return `Your place: ${eventName}`;
}

function announce({ state }) {
  scrollTo({ top: 0 });
  const news = {
    called: "It is your turn. Press Come in.", missed: "Your turn has passed. Your place is kept, you can take it back.",
    waiting: "You are in the line.", closed: "The sale is closed.", active: "You are in. Choose your tickets.",
  };
  if (news[state]) say(news[state], { now: true });
}

/** Does a command while its button rests; a refusal is told in the server's words. */
async function act(form, command, then) {
  const button = form.querySelector("button");
  button.setAttribute("aria-disabled", "true");
  const { status, body } = await desk.command(command);
  button.removeAttribute("aria-disabled");
  const problem = part("problem");
  problem.hidden = status >= 200 && status < 300;
  if (problem.hidden) then(body);
  else problem.textContent = body?.detail ?? "That did not work. Your place is not touched. Try again.";
}

function onSubmit(form, action) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!form.querySelector("[aria-disabled]")) action(form);
  });
}

for (const form of room.querySelectorAll("[data-join]")) onSubmit(form, () => form.submit());
onSubmit(part("claim"), (form) => act(form, "claim", () => location.assign(`${eventPath}/book`)));
// A plain button, so that a press before this script runs does not give the place up unasked.
part("leave-ask").addEventListener("click", () => part("leave-dialog").showModal());
part("leave-dialog").addEventListener("close", ({ target }) => {
  if (target.returnValue === "leave") act(part("leave"), "leave", () => location.assign(eventPath));
  target.returnValue = "";
});

// First of all to be heard: whatever is wrong with what the page came with, the next frame puts it right.
desk.on("place", show)
  .on("stock", (frame) => showStock(frame, room))
  .on("connection", (state) => showConnection(state, "Your place is kept."));
const figure = Number(part("place").textContent);
if (figure) roll(part("place"), (shown = best.with(figure)));
prepareStock(room);
if (room.dataset.wait !== "null") [part("turn").textContent, part("turn-minutes").textContent] = tellWait(parsed(room.dataset.wait));
showClaim(room.dataset.claimBy);

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return NaN;
  }
}
