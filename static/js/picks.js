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
