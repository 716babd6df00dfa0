// The line to the server: calls by HTTP, sockets that come back, and the desk that uses whichever works.
import { roll } from "./page.js";

// The HTTP door: each desk command has a call of the same meaning.

const CALLS = {
  join: (event) => ["POST", `/api/events/${event}/queue`],
  look: (event) => ["GET", `/api/events/${event}/queue`],
  leave: (event) => ["DELETE", `/api/events/${event}/queue`],
  claim: (event) => ["POST", `/api/events/${event}/queue/claim`],
  seats: (event) => ["GET", `/api/events/${event}/seats/state`],
  hold: (event, fields) => ["POST", `/api/events/${event}/holds`, fields],
  held: (event, { hold_id }) => ["GET", `/api/holds/${hold_id}`],
  extend: (event, { hold_id }) => ["POST", `/api/holds/${hold_id}/extend`],
  release: (event, { hold_id }) => ["DELETE", `/api/holds/${hold_id}`],
  book: (event, { key, ...fields }) => ["POST", "/api/bookings", fields, { "Idempotency-Key": key }],
};

const UNREACHED = { detail: "We could not reach the desk. Nothing was changed. Try again in a moment." };

/** Calls `path` and gives `{ status, body, headers }`; status 0 when the server could not be reached. */
export async function call(method, path, fields, headers = {}) {
  const sent = { method, headers: { Accept: "application/json", ...headers } };
  if (fields !== undefined) {
    sent.body = JSON.stringify(fields);
    sent.headers["Content-Type"] = "application/json";
  }
  try {
    const response = await fetch(path, sent);
    const text = await response.text();
    return { status: response.status, body: text ? JSON.parse(text) : null, headers: response.headers };
  } catch {
    return { status: 0, body: UNREACHED };
  }
}

/** Does the desk command `name` for the event by HTTP. */
export function callDesk(eventId, name, fields = {}) {
  return call(...CALLS[name](eventId, fields));
}

// A random key for one attempt. A phone that comes over plain http on a home network has no crypto.randomUUID.

export function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// Frames can arrive late after a reconnect; only the newest state is worth showing.

export class Newest {
  #epoch = -1;
  #version = -1;

  /** True when the frame is not older than one already accepted, by epoch and then version. */
  accepts({ epoch, version }) {
    if (epoch < this.#epoch || (epoch === this.#epoch && version < this.#version)) return false;
    this.#epoch = epoch;
    this.#version = version;
    return true;
  }
}

// What is left, per ticket type and in all, wherever the page shows it.

const FEW_SHARE = 0.1;
const SALE_WORDS = {
  scheduled: "Not on sale yet", lobby: "Lobby open", on_sale: "On sale", paused: "Paused for a moment",
  sold_out: "Sold out", closed: "Closed",
};

/** "none", "few" (a tenth or less) or "plenty". */
export function level(remaining, capacity) {
  if (remaining <= 0) return "none";
  return remaining <= capacity * FEW_SHARE ? "few" : "plenty";
}

const LEVEL_WORDS = { none: "None left", few: "Few left", plenty: "left" };

function showType(block, remaining) {
  const now = level(remaining, Number(block.dataset.capacity));
  block.dataset.level = now;
  roll(block.querySelector("[data-number]"), remaining);
  block.querySelector("[data-word]").textContent = LEVEL_WORDS[now];
  block.querySelector("rect").setAttribute("width", (100 * remaining) / Math.max(1, block.dataset.capacity));
}

/** "Selling fast" with the forecast that says so; nothing without one. In step with gone_in in _parts.html. */
export function goneIn(minutes, name = "") {
  return minutes ? `Selling fast: ${name && `${name} `}gone in about ${minutes} min at this pace` : "";
}

/** Shows a stock frame on every `[data-left]` block, `[data-gone-in]` line and `.state` chip under `root`. */
export function showStock({ sale_state, called_off, remaining, gone_in_minutes = {} }, root = document) {
  for (const line of root.querySelectorAll("[data-gone-in]")) {
    const words = goneIn(gone_in_minutes[line.dataset.goneIn]);
    if (line.textContent !== words) line.textContent = words;
  }
  for (const block of root.querySelectorAll("[data-left]")) {
    const count = block.dataset.left === "all" ? sum(remaining) : remaining[block.dataset.left];
    if (count !== undefined) showType(block, count);
  }
  for (const chip of root.querySelectorAll(".state")) {
    chip.dataset.state = sale_state;
    chip.textContent = called_off ? "Called off" : SALE_WORDS[sale_state];
  }
}

/** An event as the API tells it, in the shape of a stock frame. */
export function stockOf({ ticket_types, ...event }) {
  const each = (name) => Object.fromEntries(ticket_types.map((type) => [type.id, type[name]]));
  return { ...event, remaining: each("remaining"), held: each("held") };
}

function sum(remaining) {
  return Object.values(remaining).reduce((total, n) => total + n, 0);
}

/** Turns the server's numbers into reels without changing them. */
export function prepareStock(root = document) {
  for (const number of root.querySelectorAll("[data-left] [data-number]")) roll(number, Number(number.textContent));
}

// How long something lasts.

/** "40 s", "12 min", "3 h 5 min", "2 d 4 h". In step with `span` in words.py. */
export function span(seconds) {
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (minutes < 1) return `${seconds} s`;
  if (hours < 1) return `${minutes} min`;
  return hours < 24 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

// Says calmly when the page is out of touch; a short hiccup is not worth a word.

const HICCUP_MS = 2_000;
const line = document.querySelector("[data-connection]");
let timer;
let untold = "";

/** Shows the state of the connection; `comfort` is the sentence for "we are out of touch". */
export function showConnection({ live, expected = false, polling = false, reached = true, fresh = true }, comfort) {
  if (!line) return;
  if (live) tell(fresh ? "" : `What you see may be some seconds old. ${comfort}`);
  else if (polling && reached && navigator.onLine) tell("No live connection: looking every few seconds.");
  else {
    untold = `${expected ? "We are connecting you again." : "You are offline."} ${comfort}`;
    if (line.textContent) tell(untold);
    // Counted from when the line went: another try that fails makes the wait for the word no longer.
    else timer ??= setTimeout(() => tell(untold), HICCUP_MS);
  }
}

function tell(words) {
  clearTimeout(timer);
  timer = undefined;
  line.textContent = words;
}

// A socket that comes back: when the server says, or by jittered exponential back-off, and at once when the
// network or the reader returns.

const FIRST_DELAY_MS = 400;
const LONGEST_DELAY_MS = 10_000;
const CONNECT_LIMIT_MS = 8_000;
// The server says something every 20 s, twice that apart at the most: a line silent for so long is dead.
const SILENCE_MS = 50_000;

/**
 * Calls `frame(object)` for each message and `change(live, failures, expected)` when the connection comes, goes or fails.
 * It has come when it says something, which the server does at once: some proxies open a socket only to shut it.
 */
export class LiveSocket {
  #path;
  #frame;
  #change;
  #socket = null;
  #failures = 0;
  #timer;
  #silence;
  // What the server said of coming back: after so many seconds; null is when the page is used again.
  #told;

  constructor(path, { frame, change = () => {} }) {
    this.#path = path;
    this.#frame = frame;
    this.#change = change;
    // A socket over a network that is gone may look open for minutes more.
    addEventListener("offline", () => this.#leave());
    addEventListener("online", () => this.#now());
    addEventListener("pageshow", () => this.#now());
    addEventListener("focus", () => this.#now());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.#now());
    this.#connect();
  }

  get live() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Sends an object; returns false when there is no connection to send it on. */
  send(message) {
    if (!this.live) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  #connect() {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}${this.#path}`);
    this.#socket = socket;
    this.#hush(CONNECT_LIMIT_MS);
    let silent = true;
    socket.onmessage = (event) => {
      this.#hush(SILENCE_MS);
      if (silent) {
        silent = false;
        this.#failures = 0;
        this.#change(true, 0, false);
      }
      const frame = JSON.parse(event.data);
      if (frame.type === "reconnect") this.#told = frame.after;
      else if (frame.type !== "ping") this.#frame(frame);
    };
    socket.onclose = () => socket === this.#socket && this.#lost();
  }

  #hush(limit) {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#leave(), limit);
  }

  // A dead line does not answer to being closed either: it is left behind.
  #leave() {
    const socket = this.#socket;
    if (!socket) return;
    socket.onmessage = socket.onclose = null;
    socket.close();
    this.#lost();
  }

  #lost() {
    clearTimeout(this.#silence);
    const told = this.#told;
    this.#told = undefined;
    this.#failures += 1;
    this.#socket = null;
    if (told === null) {
      // Newer pages of the same account took its place: this one looks now and then until somebody looks at it.
      this.#change(false, Infinity, false);
      return;
    }
    this.#change(false, this.#failures, told !== undefined);
    const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#failures);
    this.#timer = setTimeout(() => this.#connect(), told === undefined ? ceiling * (0.5 + Math.random() / 2) : told * 1000);
  }

  #now() {
    if (this.#socket) return;
    clearTimeout(this.#timer);
    this.#connect();
  }
}

// Where no socket opens, the page looks now and then: as often as the server says, and it says how often with each answer.

const POLL_SECONDS = 5;
export const POLL_AFTER_FAILURES = 3;

export class Polling {
  #look;
  #known = new Map();
  #timer;

  /** Calls `look(ask)` at once and again and again, from `start` to `stop`; `ask(path)` gives `{ status, body }`. */
  constructor(look) {
    this.#look = look;
  }

  get on() {
    return this.#timer !== undefined;
  }

  start() {
    if (!this.on) this.#round();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async #round() {
    const round = (this.#timer = setTimeout(() => {}));
    let pause = POLL_SECONDS;
    await this.#look(async (path) => {
      const answer = await this.#ask(path);
      const said = answer.headers?.get("Poll-After") ?? answer.headers?.get("Retry-After");
      pause = Math.max(pause, Number(said) || 0);
      return answer;
    });
    // Those who lost their sockets together do not ask in the same moment for ever.
    if (this.#timer === round) this.#timer = setTimeout(() => this.#round(), pause * 1000 * (0.8 + Math.random() * 0.4));
  }

  // What has not changed is answered by 304 and not sent again.
  async #ask(path) {
    const known = this.#known.get(path);
    const answer = await call("GET", path, undefined, known ? { "If-None-Match": known.tag } : {});
    if (answer.status === 304) return { ...answer, status: 200, body: known.body };
    const tag = answer.headers?.get("ETag");
    if (answer.status === 200 && tag) this.#known.set(path, { tag, body: answer.body });
    return answer;
  }
}

// The desk of one event: frames come down, commands go up, and HTTP takes over where sockets fail.

const REPLY_LIMIT_MS = 20_000;
// Doing these twice is doing them once, so an unanswered one may be asked again by HTTP. A hold may not: it would hold twice.
const SAFE_TO_REPEAT = new Set(["join", "claim", "leave", "seats", "release", "book"]);
const UNSURE = { detail: "The connection broke before we heard back. Have a look at what you hold, then try again." };

export class Desk {
  #event;
  #socket;
  #listeners = {};
  #unanswered = new Map();
  #newest = new Newest();
  #lastId = 0;
  #polling = new Polling((ask) => this.#look(ask));

  constructor(eventId) {
    this.#event = eventId;
    this.#socket = new LiveSocket(`/ws/desk/${eventId}`, {
      frame: (frame) => this.#take(frame),
      change: (live, failures, expected) => this.#connection(live, failures, expected),
    });
  }

  /** Listens to "place", "stock", "seats", "booking" frames and to "connection" ({ live, expected, polling, reached, fresh }). */
  on(type, listener) {
    (this.#listeners[type] ??= []).push(listener);
    return this;
  }

  /** Does a command and gives `{ status, body }`, by socket if there is one, else by HTTP. */
  async command(name, fields = {}) {
    const id = ++this.#lastId;
    if (!this.#socket.send({ id, do: name, ...fields })) return callDesk(this.#event, name, fields);
    const reply = await new Promise((settle) => {
      const timer = setTimeout(settle, REPLY_LIMIT_MS, null);
      this.#unanswered.set(id, (answer) => (clearTimeout(timer), settle(answer)));
    });
    this.#unanswered.delete(id);
    if (reply) return { status: reply.status, body: reply.body };
    return SAFE_TO_REPEAT.has(name) ? callDesk(this.#event, name, fields) : { status: 0, body: UNSURE };
  }

  #take(frame) {
    if (frame.type === "reply") this.#unanswered.get(frame.id)?.(frame);
    else if (frame.type === "touch") this.#tell("connection", { live: true, fresh: frame.fresh });
    else if (frame.type !== "stock" || this.#newest.accepts(frame)) this.#tell(frame.type, frame);
  }

  #tell(type, frame) {
    for (const listener of this.#listeners[type] ?? []) listener(frame);
  }

  #connection(live, failures, expected) {
    if (!live) for (const settle of [...this.#unanswered.values()]) settle(null);
    const polling = !live && failures >= POLL_AFTER_FAILURES;
    if (live) this.#polling.stop();
    else if (polling) this.#polling.start();
    this.#tell("connection", { live, expected, polling });
  }

  async #look(ask) {
    const path = `/api/events/${this.#event}`;
    const [queue, event] = await Promise.all([ask(`${path}/queue`), ask(path)]);
    if (this.#socket.live) return;
    if (queue.status === 200) this.#tell("place", queue.body);
    if (event.status === 200) this.#tell("stock", stockOf(event.body));
    this.#tell("connection", { live: false, polling: true, reached: event.status !== 0 });
  }
}
