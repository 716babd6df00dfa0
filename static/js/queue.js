// The queue page: the wait, the place, the line, and what the fan decides.
import { Desk, prepareStock, showConnection, showStock } from "./desk.js";
import { clock, count, countDown, DeskClock, roll, say, toast } from "./page.js";
import { callFan, prepareSigns, title } from "./signs.js";

// A wait told as an interval, in clock times and in minutes.

const ROUGHLY = "8 times out of 10 it is within this time";

const UNKNOWN = ["We cannot say yet when your turn is", "Your place is kept."];

const SLOWER = {
  paused: "The line was paused for a while.",
  draining: "Nobody was let in until those inside had finished.",
  rate_lowered: "Fewer people a minute are let in than before.",
  recovering: "The line was put together again after a fault.",
  desk_full: "The desk is full: one comes in as one goes out.",
  late: "It goes more slowly than we told you.",
};

/** Why the wait is longer than it was, or "" if it is not. In step with the macro `slower` of _parts.html. */
export function tellSlower(slower, seconds) {
  if (slower === "paused" && !seconds) return "The organiser has paused the line.";
  if (slower === "draining" && !seconds) return "Nobody new is let in for now: those inside finish first.";
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
  if (high <= 60) return ["Your turn within a minute", `${ROUGHLY}.`];
  // To the whole minute on the safe side at both ends, as the minutes are.
  const start = moment(new Date(from.getTime() + low * 1000), from);
  const end = moment(new Date(from.getTime() + high * 1000 + 59_999), from);
  const [fewest, most] = [Math.floor(low / 60), Math.ceil(high / 60)];
  const minutes = fewest === 0 ? `Within ${most}` : fewest === most ? `About ${most}` : `In ${fewest} to ${most}`;
  const lead = start === end ? `Your turn at about ${start}` : `Your turn between ${start} and ${end}`;
  return [lead, `${minutes} minutes. ${ROUGHLY}.`];
}

const ANOTHER_DAY = new Intl.DateTimeFormat(undefined, { weekday: "short", hour: "2-digit", minute: "2-digit", timeZoneName: "short" });

/** The time of day where the reader is; on another day than `from` also which day, and by whose clock. */
function moment(date, from) {
  return date.toDateString() === from.toDateString() ? clock(date) : ANOTHER_DAY.format(date);
}

function isInterval(seconds, from) {
  if (!Array.isArray(seconds) || seconds.length !== 2 || !seconds.every(Number.isFinite)) return false;
  const [low, high] = seconds;
  return low >= 0 && low <= high && !Number.isNaN(new Date(from.getTime() + high * 1000 + 59_999).getTime());
}

// The best place this browser was shown, and the first, in a cookie that outlives the page. In step with waiting_room/shown.py.

const KEPT_SECONDS = 86_400;
const NONE = { best: Infinity, first: 0 };

/** Knows the best and the first place shown for one place in the line, which `mark` stands for. */
export class BestShown {
  #name;
  #mark;
  #shown = NONE;

  constructor(roomId, mark) {
    this.#name = `queue_${roomId}_shown`;
    this.#mark = mark;
  }

  /** The best of `place` (null: not known) and of what was shown before, also by another page; null if there is none. */
  with(place) {
    const kept = this.#kept();
    const best = Math.min(this.#shown.best, kept.best, isPlace(place) ? place : Infinity);
    if (!Number.isFinite(best)) return null;
    this.#shown = { best, first: Math.max(this.#shown.first, kept.first, best) };
    if (best < kept.best) this.#write(`${this.#mark}.${best}.${this.#shown.first}`, KEPT_SECONDS);
    return best;
  }

  /** Percent of the way done since the first place shown; who is next has all of it behind them. In step with web/waiting.py. */
  get done() {
    const { best, first } = this.#shown;
    return best <= 1 ? 100 : Math.floor((100 * (first - best)) / (first - 1)) || 0;
  }

  /** The turn has come, or the place was given up: what was shown before it says nothing of a wait after it. */
  forget() {
    if (this.#kept() !== NONE) this.#write("", 0);
    this.#shown = NONE;
  }

  #kept() {
    const start = `${this.#name}=${this.#mark}.`;
    const text = document.cookie.split("; ").find((cookie) => cookie.startsWith(start))?.slice(start.length) ?? "";
    const [, best, first] = /^([1-9]\d{0,9})(?:\.([1-9]\d{0,9}))?$/.exec(text) ?? [];
    return best ? { best: Number(best), first: Number(first ?? best) } : NONE;
  }

  #write(value, seconds) {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `${this.#name}=${value}; Path=/; Max-Age=${seconds}; SameSite=Lax${secure}`;
  }
}

const isPlace = (place) => Number.isSafeInteger(place) && place > 0;

// How the line has moved while the fan watched.

const BARS = 20;
const BAR_MS = 6_000;

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
      return bar({ x: i * width, y: 48 - height, width: width - 2, height, class: count ? "moved" : "still" });
    });
    this.#svg.replaceChildren(...bars);
  }
}

function bar(attributes) {
  const shape = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  for (const [key, value] of Object.entries(attributes)) shape.setAttribute(key, value);
  return shape;
}

// The queue page: shows each new standing, and does what the fan decides.

const NEAR_SECONDS = 60;
const room = document.querySelector("[data-room]");
const part = (name) => room.querySelector(`[data-${name}]`);
const parts = (name) => room.querySelectorAll(`[data-${name}]`);
const { eventPath, name: eventName } = room.dataset;
const desk = new Desk(room.dataset.room);
const pace = new Pace(part("pace"));
const best = new BestShown(room.dataset.room, room.dataset.mark);
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const CALLED_BACK = "Your turn was called back for now. The place you had is yours again, at the front of the line.";
let shown = null;
// The doors alone have turned, and nobody's turn has come.
const STANDING_BY = new Set(["lobby", "closed"]);
let deadline = null;
let stopClock = () => {};
let wait = null;
// Nothing is free: "held" by others, or "sold"; null as long as something is.
let taken = { held: "held", sold: "sold" }[room.dataset.now] ?? null;

function show(standing) {
  const { state, message } = standing;
  const before = room.dataset.state;
  const changed = before !== state;
  room.dataset.state = state;
  wait = standing.wait_seconds;
  if (state === "waiting") showPlace(standing);
  else if (!STANDING_BY.has(state)) best.forget();
  if (state === "lobby") showLobby(standing);
  if (state === "called") showClaim(standing.claim_by);
  if (state === "missed") showMissed(standing.expires_at);
  showNow();
  part("waiting").textContent = count(standing.waiting);
  part("message-box").hidden = !message;
  part("message").textContent = message ?? "";
  if (state !== "called") title(titleFor(state));
  else if (changed) callFan(room, eventName, true);
  if (changed && before === "called" && state === "waiting") toast(CALLED_BACK, { seconds: 30 });
  if (changed) announce(state);
}

function showPlace({ place, ahead, waiting, slower, rate_per_minute, left_at_turn }) {
  // The server tells places from samples, and others come back ahead; what was shown once never rises again.
  shown = best.with(place);
  const before = shown === null ? (ahead ?? 0) : shown - 1;
  roll(part("place"), shown);
  part("ahead").textContent = count(before);
  part("behind").textContent = count(Math.max(0, waiting - before - 1));
  if (shown !== null) showWay(best.done);
  pace.saw(before);
  const [lead, minutes] = tellWait(wait);
  part("turn").textContent = lead;
  part("turn-minutes").textContent = minutes;
  const reason = tellSlower(slower, wait);
  part("slower").textContent = reason;
  // What is set is a limit, and no promise. In step with the macro `rate` of _parts.html.
  const full = slower === "desk_full" ? "; now one comes in as one goes out" : "";
  part("rate").textContent = wait ? `Up to ${count(rate_per_minute)} people a minute are let in${full}` : "Nobody is let in at the moment";
  showOutlook(left_at_turn);
  say(`${shown === null ? "" : `Your place is ${count(shown)}. `}${lead}. ${reason}`.trim());
}

/** The walker steps on: everything behind it is drawn through. */
function showWay(percent) {
  part("way").setAttribute("aria-valuenow", percent);
  part("done").textContent = percent;
  part("way-done").style.width = `${percent}%`;
  for (const circle of parts("way-at")) circle.style.cx = `${percent}%`;
}

/** What will be left at the fan's turn, where something honest can be said of it. */
function showOutlook(left) {
  room.dataset.told = taken || !left ? "none" : left.sure ? "sure" : left.most ? "pace" : "gone";
  if (!left) return;
  for (const number of parts("least")) number.textContent = count(left.least);
  part("most").textContent = count(left.most);
}

function showLobby({ opened, opens_at }) {
  part("on-time").hidden = !opens_at;
  part("by-hand").hidden = Boolean(opens_at);
  part("drawn").hidden = opened;
  part("not-drawn").hidden = !opened;
}

// Moments the server names, by this device's clock.

const deskClock = new DeskClock(room.dataset.at);
const here = (iso) => deskClock.here(iso);

/** Counts down to a moment once, however often it is told; `show` as for `countDown`. */
function countTo(iso, show) {
  if (!iso || iso === deadline) return;
  deadline = iso;
  stopClock();
  stopClock = countDown(here(iso), show);
}

function showClaim(until) {
  const kept = clock(new Date(here(until).getTime() + room.dataset.keepSeconds * 1000));
  countTo(until, (text, left) => {
    part("claim-clock").textContent = text;
    part("kept-until").textContent = left
      ? `Come in by ${clock(here(until))}. If you miss it, your place is still kept until ${kept}.`
      : `That time is over. Your place is still kept until ${kept}.`;
  });
}

function showMissed(until) {
  part("missed-until").textContent = until ? `until ${clock(here(until))}` : "for a while";
  countTo(until, (_, left) => {
    const lapsed = room.toggleAttribute("data-lapsed", left === 0);
    part("back").textContent = lapsed ? "Join again" : "Take my place back";
  });
}

/** What there is to do now: one sentence of those in the page. */
function showNow() {
  const { state } = room.dataset;
  room.dataset.now = taken ?? (state !== "waiting" ? "calm" : !wait ? "still" : wait[1] <= NEAR_SECONDS ? "near" : "calm");
}

function showWhatIsLeft(frame) {
  showStock(frame, room);
  const [free, held] = [sum(frame.remaining), sum(frame.held)];
  const before = taken;
  taken = frame.sale_state === "sold_out" ? "sold" : free === 0 && held > 0 ? "held" : null;
  part("held").textContent = held;
  if (taken) room.dataset.told = "none";
  showNow();
  if (taken === before) return;
  if (taken === "sold") say("Every ticket is sold. Your place is kept.", { now: true });
  else if (before === "sold" && free) say(`Tickets are back: ${free} left.`, { now: true });
}

const sum = (numbers = {}) => Object.values(numbers).reduce((total, n) => total + n, 0);

// Out of touch, the page shows what it last knew, and from when that is.

const HICCUP_MS = 1_000;
let lostAt = null;
let staleTimer;

function showTouch(state) {
  showConnection(state, "Your place is kept.");
  if (state.live || (state.polling && state.reached)) {
    clearTimeout(staleTimer);
    lostAt = null;
    delete room.dataset.stale;
    part("as-of").textContent = "";
  } else if (!lostAt) {
    lostAt = new Date();
    staleTimer = setTimeout(showStale, navigator.onLine ? HICCUP_MS : 0);
  }
}

function showStale() {
  room.dataset.stale = "";
  part("as-of").textContent = `, as of ${clock(lostAt)}`;
}

const TITLES = { called: "Your turn", active: "You are in", lobby: "In the lobby", missed: "Your place is kept", closed: "The sale is closed" };

function titleFor(state) {
  if (state === "waiting") return shown === null ? `Your place: ${eventName}` : `Place ${shown}: ${eventName}`;
  return `${TITLES[state] ?? "The line"}: ${eventName}`;
}

const FADE = { opacity: [0, 1] };
const RISE = { ...FADE, translate: ["0 1.5rem", "0 0"] };

/** One view goes and the next one comes: nothing of it slides from where it stood in the one before. */
function turnOver() {
  const focused = document.activeElement;
  scrollTo({ top: 0 });
  if (document.hidden) return;
  document.body.classList.add("turning");
  requestAnimationFrame(() => requestAnimationFrame(() => {
    document.body.classList.remove("turning");
    for (const view of room.children) if (!view.matches(".strip")) view.animate(calm.matches ? FADE : RISE, { duration: 600, easing: "ease-out" });
    if (focused === document.body || !room.contains(focused)) return;
    focused.focus({ preventScroll: true });
    // What was in use is gone with its view; the next one is read from its heading on.
    if (document.activeElement !== focused) [...parts("heading")].find((heading) => heading.checkVisibility())?.focus({ preventScroll: true });
  }));
}

function announce(state) {
  turnOver();
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
desk.on("place", show).on("stock", showWhatIsLeft).on("connection", showTouch);
const figure = Number(part("place").textContent);
if (figure) roll(part("place"), (shown = best.with(figure)));
prepareStock(room);
prepareSigns(room, part("signs-note"));
if (room.dataset.wait) [part("turn").textContent, part("turn-minutes").textContent] = tellWait(room.dataset.wait.split(" ").map(Number));
if (room.dataset.claimBy) showClaim(room.dataset.claimBy);
if (room.dataset.missedEnd) showMissed(room.dataset.missedEnd);
if (room.dataset.state === "called") callFan(room, eventName, false);
