// The hall for who does not choose by picture: a grid for keyboards and screen readers, and a plain list.
import { FREE, HELD } from "./seat-hall.js";

// The hall for keyboards and screen readers: a grid of which the row at hand is there, lying over the picture.

export class SeatGrid {
  #grid;
  #plan;
  #camera;
  #words;
  #chosen;
  #line;
  #row = null;
  #seat = 0;

  /**
   * `words(seat)` is what a reader says of a seat; `isChosen(seat)`; `choose(seat)` is Enter or Space;
   * `focused(seat, byKeys)` when the focus comes to a seat.
   */
  constructor(grid, plan, camera, { words, isChosen, choose, focused }) {
    this.#grid = grid;
    this.#plan = plan;
    this.#camera = camera;
    this.#words = words;
    this.#chosen = isChosen;
    grid.setAttribute("aria-rowcount", plan.rows.length);
    grid.setAttribute("aria-colcount", Math.max(...plan.rows.map(({ numbers }) => numbers.length)));
    this.#line = document.createElement("div");
    this.#line.setAttribute("role", "row");
    grid.replaceChildren(this.#line);
    grid.addEventListener("keydown", (event) => this.#key(event, choose));
    grid.addEventListener("focusin", ({ target }) => focused(Number(target.dataset.seat), target.matches(":focus-visible")));
    this.#show(0);
  }

  get hasFocus() {
    return this.#grid.contains(document.activeElement);
  }

  /** Brings the cursor to a seat, and the focus with it if it is in the grid already. */
  go(seat) {
    const had = this.hasFocus;
    this.#show(seat);
    if (had) this.#cell(seat).focus({ preventScroll: true });
  }

  /** The states of seats have changed. */
  refresh() {
    for (const cell of this.#line.children) this.#describe(cell);
  }

  /** Lays the row over its seats in the picture. */
  lay() {
    const size = this.#camera.scale * 0.8;
    for (const cell of this.#line.children) {
      const seat = Number(cell.dataset.seat);
      const [x, y] = this.#camera.toPicture(this.#plan.x[seat], this.#plan.y[seat]);
      cell.style.translate = `${(x - size / 2).toFixed(1)}px ${(y - size / 2).toFixed(1)}px`;
      cell.style.inlineSize = cell.style.blockSize = `${size.toFixed(1)}px`;
    }
  }

  #show(seat) {
    const row = this.#plan.row(seat);
    if (row !== this.#row) {
      this.#row = row;
      this.#line.setAttribute("aria-rowindex", row.index + 1);
      this.#line.replaceChildren(...row.numbers.map((_, i) => this.#make(row.from + i, i)));
      this.lay();
    }
    this.#cell(this.#seat)?.setAttribute("tabindex", "-1");
    this.#seat = seat;
    this.#cell(seat).setAttribute("tabindex", "0");
  }

  #make(seat, column) {
    const cell = document.createElement("div");
    cell.className = "hall-seat";
    cell.setAttribute("role", "gridcell");
    cell.setAttribute("aria-colindex", column + 1);
    cell.dataset.seat = seat;
    cell.tabIndex = -1;
    this.#describe(cell);
    return cell;
  }

  #describe(cell) {
    const seat = Number(cell.dataset.seat);
    const { text, free } = this.#words(seat);
    cell.setAttribute("aria-label", text);
    cell.setAttribute("aria-selected", String(this.#chosen(seat)));
    cell.setAttribute("aria-disabled", String(!free));
  }

  #cell(seat) {
    return this.#line.children[seat - this.#row.from];
  }

  #key(event, choose) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Enter" || event.key === " ") choose(this.#seat);
    else {
      const next = this.#next(event.key);
      if (next === undefined) return;
      this.#show(next);
      this.#cell(next).focus({ preventScroll: true });
    }
    event.preventDefault();
  }

  /** Where a key leads; undefined for a key that leads nowhere. */
  #next(key) {
    const { from, to, index, section } = this.#row;
    switch (key) {
      case "ArrowLeft": return Math.max(from, this.#seat - 1);
      case "ArrowRight": return Math.min(to - 1, this.#seat + 1);
      case "ArrowUp": return this.#across(this.#plan.rows[index - 1]);
      case "ArrowDown": return this.#across(this.#plan.rows[index + 1]);
      case "Home": return from;
      case "End": return to - 1;
      case "PageUp": return this.#across(this.#row === section.rows[0] ? this.#sectionBy(section, -1)?.rows[0] : section.rows[0]);
      case "PageDown": return this.#across(this.#sectionBy(section, 1)?.rows[0] ?? section.rows.at(-1));
    }
  }

  #across(row) {
    return row ? this.#plan.nearest(row, this.#plan.x[this.#seat]) : this.#seat;
  }

  #sectionBy(section, step) {
    return this.#plan.sections[this.#plan.sections.indexOf(section) + step];
  }
}

/** "free", "held by somebody" or "sold". */
export function stateWords(state) {
  return state === FREE ? "free" : state === HELD ? "held by somebody" : "sold";
}

// The hall as a plain list: a row from a menu, its seats as boxes to tick. Made when it is first opened.

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
    // What the server wrote here is for pages without scripts.
    this.#menu.replaceChildren();
    for (const box of details.querySelectorAll(".seat-box, [data-others]")) box.remove();
    details.querySelector("[data-row-field]").hidden = false;
    details.addEventListener("toggle", () => details.open && this.#open());
    if (details.open) this.#open();
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
