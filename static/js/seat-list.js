// The hall as a plain list: a row from a menu, its seats as boxes to tick. Made when it is first opened.
import { FREE } from "./seat-states.js";
import { stateWords } from "./seat-grid.js";

export class SeatList {
  #details;
  #menu;
  #boxes;
  #plan;
  #states;
  #picks;
  #choose;

  /** `choose(seat)` when a box is ticked or not any more. */
  constructor(details, { plan, states, picks, choose }) {
    this.#details = details;
    this.#menu = details.querySelector("[data-row]");
    this.#boxes = details.querySelector("[data-boxes]");
    [this.#plan, this.#states, this.#picks, this.#choose] = [plan, states, picks, choose];
    details.addEventListener("toggle", () => details.open && this.#open());
    this.#menu.addEventListener("change", () => this.#showRow());
  }

  refresh() {
    if (!this.#details.open || !this.#menu.options.length) return;
    for (const option of this.#menu.options) option.textContent = this.#rowWords(this.#plan.rows[option.value]);
    for (const label of this.#boxes.querySelectorAll("label")) this.#describe(label);
  }

  #open() {
    if (!this.#menu.options.length) {
      this.#menu.append(...this.#plan.sections.map((section) => this.#group(section)));
      const [mine] = this.#picks.seats;
      const first = mine === undefined ? this.#plan.rows.find((row) => this.#states.freeIn(row)) : this.#plan.row(mine);
      if (first) this.#menu.value = first.index;
      this.#showRow();
    }
    this.refresh();
  }

  #group(section) {
    const group = document.createElement("optgroup");
    group.label = `${section.title}, ${section.price}`;
    group.append(...section.rows.map((row) => new Option(this.#rowWords(row), row.index)));
    return group;
  }

  #rowWords(row) {
    return `${row.section.name}, row ${row.name}: ${this.#states.freeIn(row) || "none"} free`;
  }

  #showRow() {
    const row = this.#plan.rows[this.#menu.value];
    this.#boxes.replaceChildren(this.#boxes.firstElementChild, ...row.numbers.map((_, i) => this.#box(row.from + i)));
  }

  #box(seat) {
    const label = document.createElement("label");
    label.className = "seat-box";
    const box = Object.assign(document.createElement("input"), { type: "checkbox" });
    box.addEventListener("change", () => this.#choose(seat));
    label.append(box, document.createElement("span"));
    label.dataset.seat = seat;
    this.#describe(label);
    return label;
  }

  #describe(label) {
    const seat = Number(label.dataset.seat);
    const [box, words] = label.children;
    const state = this.#states.of(seat);
    box.checked = this.#picks.has(seat);
    box.disabled = state !== FREE && !box.checked;
    words.textContent = state === FREE ? `Seat ${this.#plan.number(seat)}` : `Seat ${this.#plan.number(seat)}, ${stateWords(state)}`;
  }
}
