// A socket that comes back: jittered exponential back-off, and at once when the network or the reader returns.

const FIRST_DELAY_MS = 400;
const LONGEST_DELAY_MS = 10_000;
const CONNECT_LIMIT_MS = 8_000;

/**
 * Calls `frame(object)` for each message and `change(live, failures)` when the connection comes, goes or fails.
 * It has come when it says something, which the server does at once: some proxies open a socket only to shut it.
 */
export class LiveSocket {
  #path;
  #frame;
  #change;
  #socket = null;
  #failures = 0;
  #timer;

  constructor(path, { frame, change = () => {} }) {
    this.#path = path;
    this.#frame = frame;
    this.#change = change;
    addEventListener("online", () => this.#now());
    addEventListener("pageshow", () => this.#now());
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
    const impatience = setTimeout(() => socket.close(), CONNECT_LIMIT_MS);
    let silent = true;
    socket.onmessage = (event) => {
      if (silent) {
        silent = false;
        clearTimeout(impatience);
        this.#failures = 0;
        this.#change(true, 0);
      }
      this.#frame(JSON.parse(event.data));
    };
    socket.onclose = () => {
      clearTimeout(impatience);
      if (socket === this.#socket) this.#lost();
    };
  }

  #lost() {
    this.#failures += 1;
    this.#change(false, this.#failures);
    const ceiling = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#failures);
    this.#timer = setTimeout(() => this.#connect(), ceiling * (0.5 + Math.random() / 2));
  }

  #now() {
    if (this.#socket.readyState !== WebSocket.CLOSED) return;
    clearTimeout(this.#timer);
    this.#connect();
  }
}
