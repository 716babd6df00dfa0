// The hall: where its seats stand, which are free, and which the fan has chosen.
import { Newest } from "./desk.js";
import { money } from "./page.js";

// Where the seats are drawn. Nobody gives coordinates: they follow from section, row and number.

const TITLE = 2.6;
// A name needs so many pixels, however small the seats are; a stage that says "Front" needs some more.
const TITLE_PX = 17;
const FRONT_PX = 30;
const MOST_TITLE = 14;
// What the picture keeps free at its sides, and above and below: in step with seat-view.js.
const SIDES = 28;
const ENDS = 82;
const GAP = 2.2;
const LABELS = 1.4;
// How much a row bends towards the front: the radius in widths of its section.
const RADIUS = 1.5;

/**
 * The hall in units of one seat's pitch: `x` and `y` of each seat's middle, seats of a row one after the other,
 * `rows` from the front to the back, `sections` as blocks with a title. Seats are known by their index here.
 */
export class SeatPlan {
  x;
  y;
  width = 0;
  height = 0;
  rows = [];
  sections = [];
  /** Room for the name of a section, and for the front of the hall. */
  title = TITLE;
  front = TITLE;
  #types;
  #starts = new Map();
  #rowOf;

  /** `plan` as the API gives it; `types` of the event; `picture` is as wide and high as it is in pixels. */
  constructor(plan, { types, currency }, picture) {
    this.#types = new Map(types.map((type) => [type.id, { ...type, words: priceWords(type, currency) }]));
    const count = plan.reduce((sum, { rows }) => sum + rows.reduce((seats, row) => seats + row.numbers.length, 0), 0);
    this.x = new Float32Array(count);
    this.y = new Float32Array(count);
    this.#rowOf = new Uint32Array(count);
    for (const { ticket_type_id, rows } of plan) this.#take(ticket_type_id, rows);
    this.#place(picture.width / picture.height || 1);
    // Where seats are drawn small, names want more room, which makes the seats smaller again: twice is near enough.
    for (let i = 0; i < 2 && picture.width; i++) this.#makeRoom(picture);
  }

  #makeRoom({ width, height }) {
    const scale = Math.max(1, Math.min((width - SIDES) / this.width, (height - ENDS) / this.height));
    this.title = Math.min(MOST_TITLE, Math.max(TITLE, TITLE_PX / scale));
    this.front = Math.min(2 * MOST_TITLE, Math.max(TITLE, FRONT_PX / scale));
    this.#place(width / height);
  }

  get size() {
    return this.x.length;
  }

  row(seat) {
    return this.rows[this.#rowOf[seat]];
  }

  type(seat) {
    return this.row(seat).type;
  }

  unit(seat) {
    const row = this.row(seat);
    return row.unit + seat - row.from;
  }

  number(seat) {
    const row = this.row(seat);
    return row.numbers[seat - row.from];
  }

  /** The seat of a type's unit, or -1. */
  find(typeId, unit) {
    const start = this.#starts.get(typeId);
    return start === undefined || unit >= start.count ? -1 : start.from + unit;
  }

  /** "Row C, seat 12". */
  name(seat) {
    return `Row ${this.row(seat).name}, seat ${this.number(seat)}`;
  }

  /** The seat whose middle is nearest to a point, if it is within reach, or -1. */
  at(x, y, reach = 0.62) {
    let best = -1;
    let least = reach * reach;
    for (const row of this.rows) {
      if (y < row.top - reach || y > row.bottom + reach) continue;
      for (let seat = row.from; seat < row.to; seat++) {
        const far = (this.x[seat] - x) ** 2 + (this.y[seat] - y) ** 2;
        if (far < least) [best, least] = [seat, far];
      }
    }
    return best;
  }

  /** The seat of `row` that is nearest to `x`. */
  nearest(row, x) {
    let best = row.from;
    for (let seat = row.from; seat < row.to; seat++) if (Math.abs(this.x[seat] - x) < Math.abs(this.x[best] - x)) best = seat;
    return best;
  }

  #take(typeId, rows) {
    const type = this.#types.get(typeId);
    const from = this.rows.at(-1)?.to ?? 0;
    let to = from;
    for (const { section, row: name, first, numbers } of rows) {
      const index = this.rows.length;
      const row = { index, type, section: this.#section(type, section), name, numbers, unit: first, from: to, to: to + numbers.length };
      this.#rowOf.fill(index, row.from, row.to);
      this.rows.push(row);
      row.section.rows.push(row);
      to = row.to;
    }
    this.#starts.set(typeId, { from, count: to - from });
  }

  #section(type, name) {
    const known = this.sections.find((section) => section.name === name && section.type === type);
    if (known) return known;
    const title = name === type.name ? name : `${name}, ${type.name}`;
    const section = { name, title, price: type.words, type, rows: [] };
    this.sections.push(section);
    return section;
  }

  /** Puts sections beside one another while they fit the shape, then below. */
  #place(shape) {
    for (const section of this.sections) measure(section, this.title);
    const area = this.sections.reduce((sum, { width, height }) => sum + (width + GAP) * (height + GAP), 0);
    const widest = Math.max(...this.sections.map(({ width }) => width));
    const limit = Math.max(widest, Math.sqrt(area * shape));
    const lines = [];
    for (const section of this.sections) {
      const line = lines.at(-1);
      if (line && line.width + GAP + section.width <= limit) {
        line.sections.push(section);
        line.width += GAP + section.width;
        line.height = Math.max(line.height, section.height);
      } else lines.push({ sections: [section], width: section.width, height: section.height });
    }
    this.width = Math.max(...lines.map(({ width }) => width));
    let top = this.front;
    for (const { sections, width, height } of lines) {
      let left = (this.width - width) / 2;
      for (const section of sections) {
        this.#set(section, left, top);
        left += section.width + GAP;
      }
      top += height + GAP;
    }
    this.height = top - GAP + 0.6;
  }

  #set(section, left, top) {
    Object.assign(section, { left, top, middle: left + section.width / 2 });
    section.rows.forEach((row, depth) => {
      const middle = section.middle - (row.numbers.length - 1) / 2;
      const base = top + this.title + section.lift + depth;
      for (let seat = row.from; seat < row.to; seat++) {
        this.x[seat] = middle + seat - row.from;
        this.y[seat] = base - (this.x[seat] - section.middle) ** 2 / (2 * section.radius);
      }
      row.top = this.y[row.from];
      row.bottom = base;
    });
  }
}

function measure(section, title) {
  const longest = Math.max(...section.rows.map(({ numbers }) => numbers.length));
  section.width = longest + 2 * LABELS;
  section.radius = Math.max(8, section.width * RADIUS);
  // The ends of a bent row reach higher than its middle: beside a name if that is short, never over one that is not.
  const beside = title > TITLE ? 0 : TITLE / 2;
  section.lift = Math.max(0, (longest / 2) ** 2 / (2 * section.radius) - beside);
  section.height = title + section.lift + section.rows.length - 0.5;
}

/** What one seat costs; a booking fee is named beside the price. */
function priceWords({ price, fee }, currency) {
  return fee ? `${money(price, currency)} + ${money(fee, currency)} fee` : money(price, currency);
}

// Which seats are free, held by somebody, or sold: the server's bitmaps, seat by seat.

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

// The seats a fan has chosen and not yet asked to be held: of one kind, and no more than one person may have.

export class Picks {
  #limit;
  #seats = [];
  #plan;
  #listeners = [];

  constructor(plan, limit) {
    this.#plan = plan;
    this.#limit = limit;
  }

  get seats() {
    return [...this.#seats];
  }

  get size() {
    return this.#seats.length;
  }

  get type() {
    return this.size ? this.#plan.type(this.#seats[0]) : null;
  }

  get units() {
    return this.#seats.map((seat) => this.#plan.unit(seat));
  }

  has(seat) {
    return this.#seats.includes(seat);
  }

  onChange(listener) {
    this.#listeners.push(listener);
  }

  /** Chooses a seat, or puts it back. Gives what came of it: "chosen", "back", "full", or "instead" of another kind. */
  toggle(seat) {
    if (this.has(seat)) {
      this.remove([seat]);
      return "back";
    }
    const other = this.size > 0 && this.type !== this.#plan.type(seat);
    if (!other && this.size >= this.#limit) return "full";
    this.#set(other ? [seat] : [...this.#seats, seat]);
    return other ? "instead" : "chosen";
  }

  remove(seats) {
    if (seats.some((seat) => this.has(seat))) this.#set(this.#seats.filter((seat) => !seats.includes(seat)));
  }

  clear() {
    if (this.size) this.#set([]);
  }

  #set(seats) {
    this.#seats = seats.sort((a, b) => a - b);
    for (const listener of this.#listeners) listener();
  }
}
