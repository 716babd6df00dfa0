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
