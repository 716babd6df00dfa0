// Which seats are free, held by somebody, or sold: the server's bitmaps, seat by seat.
import { Newest } from "./newest.js";

export const FREE = 0;
export const HELD = 1;
export const SOLD = 2;

export class SeatStates {
  #plan;
  #states;
  #newest = new Newest();
  #moment = "";
  #refused = new Set();

  constructor(plan) {
    this.#plan = plan;
    this.#states = new Uint8Array(plan.size).fill(SOLD);
  }

  of(seat) {
    return this.#states[seat];
  }

  /** Notes that a seat is not free, which a refusal told before any frame did. */
  taken(seat) {
    this.#states[seat] = HELD;
    this.#refused.add(seat);
  }

  /** Takes the server's view and gives the seats that changed; null if it is older than what is known. */
  take(view) {
    if (!this.#newest.accepts(view)) return null;
    // The same moment told again knows nothing of what was refused after it.
    const moment = `${view.epoch}.${view.version}`;
    if (moment !== this.#moment) this.#refused.clear();
    this.#moment = moment;
    const changed = [];
    for (const row of this.#plan.rows) {
      const free = bitsOf(view, "free", row.type.id);
      const held = bitsOf(view, "held", row.type.id);
      for (let seat = row.from; seat < row.to; seat++) {
        const unit = row.unit + seat - row.from;
        const state = bit(free, unit) && !this.#refused.has(seat) ? FREE : bit(held, unit) || this.#refused.has(seat) ? HELD : SOLD;
        if (state !== this.#states[seat]) changed.push(seat);
        this.#states[seat] = state;
      }
    }
    return changed;
  }

  /** How many seats of a row are free. */
  freeIn(row) {
    let free = 0;
    for (let seat = row.from; seat < row.to; seat++) free += this.#states[seat] === FREE;
    return free;
  }
}

// Decoded once a view, not once a row.
const decoded = new WeakMap();

function bitsOf(view, kind, typeId) {
  const known = decoded.get(view) ?? new Map();
  decoded.set(view, known);
  const name = `${kind} ${typeId}`;
  if (!known.has(name)) known.set(name, Uint8Array.from(atob(view[kind][typeId] ?? ""), (char) => char.charCodeAt(0)));
  return known.get(name);
}

function bit(bytes, unit) {
  return (bytes[unit >> 3] >> (7 - (unit & 7))) & 1;
}
