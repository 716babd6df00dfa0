// The desk of one event: frames come down, commands go up, and HTTP takes over where sockets fail.
import { callDesk, call } from "./api.js";
import { Newest } from "./newest.js";
import { LiveSocket } from "./socket.js";
import { stockOf } from "./stock.js";

const POLL_MS = 5_000;
const POLL_AFTER_FAILURES = 3;
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
  #poll;

  constructor(eventId) {
    this.#event = eventId;
    this.#socket = new LiveSocket(`/ws/desk/${eventId}`, {
      frame: (frame) => this.#take(frame),
      change: (live, failures) => this.#connection(live, failures),
    });
  }

  /** Listens to "place", "stock", "seats", "booking" frames and to "connection" ({ live, polling }). */
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
    else if (frame.type !== "stock" || this.#newest.accepts(frame)) this.#tell(frame.type, frame);
  }

  #tell(type, frame) {
    for (const listener of this.#listeners[type] ?? []) listener(frame);
  }

  #connection(live, failures) {
    if (!live) for (const settle of [...this.#unanswered.values()]) settle(null);
    const polling = !live && failures >= POLL_AFTER_FAILURES;
    if (polling) this.#poll ??= setInterval(() => this.#look(), POLL_MS);
    else if (live) this.#poll = clearInterval(this.#poll);
    this.#tell("connection", { live, polling });
  }

  async #look() {
    const [queue, event] = await Promise.all([
      callDesk(this.#event, "look"),
      call("GET", `/api/events/${this.#event}`),
    ]);
    if (this.#socket.live) return;
    if (queue.status === 200) this.#tell("place", queue.body);
    if (event.status === 200) this.#tell("stock", stockOf(event.body));
    this.#tell("connection", { live: false, polling: true, reached: queue.status !== 0 });
  }
}
