// The seat map of the booking page: gestures, what is drawn, what is chosen, what is told at the seat.
import { call } from "./desk.js";
import { say } from "./page.js";
import { FREE, Picks, SeatPlan, SeatStates } from "./seat-hall.js";
import { SeatGrid, SeatList, stateWords } from "./seat-reading.js";
import { Camera, Painter } from "./seat-view.js";

// Fingers, mouse and wheel over the hall: drag, pinch, zoom, tap.

const DRAG_PX = 7;
const WHEEL_STEP = 0.0022;
const PINCH_WHEEL_STEP = 0.012;
const ONE_SCROLL_MS = 250;

/** Moves `camera` by what is done to `picture`; calls `tap(x, y, isTouch)` and `hover(x, y)` (or nothing, when it left). */
export function listen(picture, camera, { tap, hover }) {
  const hall = picture.parentElement;
  const fingers = new Map();

  const place = (event) => {
    const box = picture.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const end = (event) => {
    fingers.delete(event.pointerId);
    if (!fingers.size) delete hall.dataset.dragged;
  };

  picture.addEventListener("pointerdown", (event) => {
    if (event.button > 0) return;
    picture.setPointerCapture(event.pointerId);
    // The first finger on the glass: whatever was missed of an earlier one, it is gone.
    if (event.isPrimary) fingers.clear();
    fingers.set(event.pointerId, { ...place(event), start: place(event), dragged: false });
    hover();
  });

  picture.addEventListener("pointermove", (event) => {
    const finger = fingers.get(event.pointerId);
    const now = place(event);
    if (!finger) return event.pointerType === "mouse" && hover(now.x, now.y);
    if (fingers.size === 1) {
      finger.dragged ||= Math.hypot(now.x - finger.start.x, now.y - finger.start.y) > DRAG_PX;
      if (finger.dragged) camera.pan(now.x - finger.x, now.y - finger.y);
    } else {
      for (const one of fingers.values()) one.dragged = true;
      pinch(camera, fingers, event.pointerId, now);
    }
    // Until it is a drag the finger counts as where it came down: nothing of the way is lost.
    if (!finger.dragged) return;
    hall.dataset.dragged = "";
    Object.assign(finger, now);
  });

  picture.addEventListener("pointerup", (event) => {
    const finger = fingers.get(event.pointerId);
    end(event);
    // Each finger for itself: one that flicks and is not off the glass yet takes nothing from one that taps.
    if (finger && !finger.dragged) tap(finger.x, finger.y, event.pointerType === "touch");
  });
  // Two fingers are ours alone. Were they the browser's too, it would take them for a fling when they leave in
  // motion, and the next tap, wherever it is, for the end of that.
  for (const kind of ["touchstart", "touchmove"]) {
    picture.addEventListener(kind, (event) => event.touches.length > 1 && event.cancelable && event.preventDefault(), { passive: false });
  }
  picture.addEventListener("pointercancel", end);
  picture.addEventListener("pointerleave", () => hover());
  listenToWheel(picture, camera, place);
}

function pinch(camera, fingers, moving, now) {
  const [other] = [...fingers].filter(([id]) => id !== moving).map(([, finger]) => finger);
  const before = fingers.get(moving);
  const far = (finger) => Math.max(1, Math.hypot(finger.x - other.x, finger.y - other.y));
  camera.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
  camera.zoom(far(now) / far(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
}

/** Who scrolls the page over the map goes on scrolling; who stops and turns the wheel there zooms. */
function listenToWheel(picture, camera, place) {
  let scrolledAt = -Infinity;
  addEventListener("wheel", (event) => {
    if (event.target !== picture) scrolledAt = event.timeStamp;
  }, { passive: true });
  picture.addEventListener("wheel", (event) => {
    const smaller = event.deltaY > 0;
    const passing = event.timeStamp - scrolledAt < ONE_SCROLL_MS;
    if (!event.ctrlKey && (passing || (smaller ? camera.isWhole : camera.isLargest))) {
      scrolledAt = event.timeStamp;
      return;
    }
    event.preventDefault();
    const step = event.ctrlKey ? PINCH_WHEEL_STEP : WHEEL_STEP * (event.deltaMode === 1 ? 20 : 1);
    const { x, y } = place(event);
    camera.zoom(Math.exp(-event.deltaY * step), x, y);
  }, { passive: false });
}

// The seat map of the booking page: what is drawn, what is chosen, and what is told at the seat.

// A finger needs more room than a mouse: where seats are smaller, a tap comes nearer first.
const FINGER_PX = 28;
const MOUSE_PX = 10;
const NEAR_PX = 44;
const NOTE_MS = 9_000;
const ZOOM_STEP = 1.6;
// Who presses in this time after a chosen seat was lost has not seen that the button means other seats now.
const STARTLED_MS = 2_500;
// How long the news that seats came back may take; what comes back later is somebody else's.
const WISH_MS = 3_000;

/** The map under `root`, ready to use; throws when the hall cannot be had. */
const CROSS = '<svg viewBox="0 0 10 10" aria-hidden="true"><path d="M1 1l8 8M9 1l-8 8" stroke="currentColor" stroke-width="1.600"/></svg>';

export async function openSeatMap(root, facts, desk) {
  const { status, body } = await call("GET", `/api/events/${facts.event}/seats/plan`);
  if (status !== 200) throw new Error(body?.detail);
  return new SeatMap(root, facts, desk, body);
}

class SeatMap {
  #hall;
  #plan;
  #states;
  #camera;
  #painter;
  #grid;
  #list;
  #desk;
  #noteTimer;
  #notedAt = null;
  #known = false;
  #lostAt = -Infinity;
  #asking = false;
  /** Seats that were chosen before, on the way over sign-in or a hold, and until when they are waited for. */
  #wishes = [];
  #wishedUntil = 0;
  /** What the fan has chosen. */
  picks;

  constructor(root, facts, desk, plan) {
    this.#hall = root.querySelector("[data-hall]");
    this.#desk = desk;
    const picture = root.querySelector("[data-picture]");
    this.#plan = new SeatPlan(plan, facts, { width: picture.clientWidth, height: picture.clientHeight });
    this.#states = new SeatStates(this.#plan);
    this.picks = new Picks(this.#plan, facts.limit);
    this.#camera = new Camera(this.#plan, () => this.#moved());
    const parts = { plan: this.#plan, states: this.#states, picks: this.picks, camera: this.#camera };
    this.#painter = new Painter(picture, root, parts);
    this.#list = new SeatList(root.querySelector("[data-list]"), { ...parts, choose: (seat) => this.#choose(seat) });
    this.#grid = new SeatGrid(root.querySelector("[data-grid]"), this.#plan, this.#camera, {
      words: (seat) => this.#words(seat),
      isChosen: (seat) => this.picks.has(seat),
      choose: (seat) => this.#choose(seat),
      focused: (seat, byKeys) => byKeys && this.#follow(seat),
    });
    this.picks.onChange(() => this.#refresh());
    listen(picture, this.#camera, { tap: (...at) => this.#tap(...at), hover: (...at) => this.#hover(...at) });
    this.#buttons(root);
    new ResizeObserver(([{ contentRect: { width, height } }]) => width && this.#camera.resize(width, height)).observe(picture);
    this.#wishes = (facts.units ?? []).map((unit) => this.#plan.find(facts.chosen, unit));
    desk.on("seats", (view) => this.#take(view)).on("connection", (state) => this.#connected(state));
    this.#ask();
  }

  /** Whether a chosen seat went to somebody else this very moment, and the button has changed under the finger. */
  get justLost() {
    return performance.now() - this.#lostAt < STARTLED_MS;
  }

  /** Shows where seats of a type are. */
  showType(typeId) {
    const section = this.#plan.sections.find(({ type }) => type.id === typeId);
    if (section && !this.#camera.isWhole) this.#camera.see(section.middle, section.top + section.height / 2);
  }

  /** The desk is asked to hold what is chosen, and has answered. */
  set asking(now) {
    this.#asking = now;
    this.#miss();
  }

  /** The desk has refused to hold a seat: it is told at the seat, and the other seats stay chosen. */
  refused(typeId, unit) {
    const seat = this.#plan.find(typeId, unit);
    if (seat < 0) return;
    this.#states.taken(seat);
    this.#painter.pulse([seat]);
    this.#lost([seat]);
    this.#refresh();
  }

  /** Chooses these units of a type once they are free: they are on their way back from a hold. */
  choose(typeId, units) {
    this.picks.clear();
    this.#wishes = units.map((unit) => this.#plan.find(typeId, unit));
    this.#wishedUntil = performance.now() + WISH_MS;
    this.#takeUp();
  }

  /** Whether these units stand side by side in one row. */
  together(typeId, units) {
    const seats = units.map((unit) => this.#plan.find(typeId, unit)).sort((a, b) => a - b);
    return this.#plan.row(seats[0]) === this.#plan.row(seats.at(-1)) && seats.at(-1) - seats[0] === seats.length - 1;
  }

  /** A chosen seat in few words, for its button. */
  shortName(seat) {
    const row = this.#plan.row(seat);
    return { brief: `${row.name} ${this.#plan.number(seat)}`, name: `${row.section.name}, ${this.#plan.name(seat)}` };
  }

  /** Writes the chosen seats into `list`, each a button that puts it back; `rest` has the focus after the last. */
  writePicked(list, rest) {
    list.replaceChildren(...this.picks.seats.map((seat) => {
      const { brief, name } = this.shortName(seat);
      const item = document.createElement("li");
      item.innerHTML = `<button type="button" class="picked-seat">${CROSS}</button>`;
      const button = item.firstElementChild;
      button.prepend(brief);
      button.setAttribute("aria-label", `${brief}: put back ${name}`);
      button.addEventListener("click", () => this.#putBack(list, item, seat, rest));
      return item;
    }));
  }

  /** The button goes with its seat; the focus goes on to its neighbour's. */
  #putBack(list, item, seat, rest) {
    const place = [...list.children].indexOf(item);
    this.picks.remove([seat]);
    const left = [...list.querySelectorAll("button")];
    (left[Math.min(place, left.length - 1)] ?? rest()).focus();
  }

  async #ask() {
    const { status, body } = await this.#desk.command("seats");
    if (status === 200) this.#take(body);
  }

  #connected({ live, polling }) {
    if (live || polling) this.#ask();
  }

  #take(view) {
    const changed = this.#states.take(view);
    if (!changed) return;
    if (this.#known) this.#painter.pulse(changed);
    this.#known = true;
    this.#hall.querySelector("[data-wait]").hidden = true;
    this.#takeUp();
    this.#miss();
    this.#refresh();
  }

  /** Chooses the seats that were chosen before, as far as they are free. */
  #takeUp() {
    const wishes = this.#wishes;
    this.#wishes = [];
    for (const seat of wishes) {
      if (seat < 0 || this.picks.has(seat)) continue;
      if (this.#states.of(seat) === FREE) this.picks.toggle(seat);
      else if (performance.now() < this.#wishedUntil) this.#wishes.push(seat);
    }
  }

  /** Lets go of chosen seats that are not free any more. While the desk is asked for them, they may be our own. */
  #miss() {
    const lost = this.#asking ? [] : this.picks.seats.filter((seat) => this.#states.of(seat) !== FREE);
    if (lost.length) this.#lostAt = performance.now();
    this.#lost(lost);
  }

  #lost(seats) {
    if (!seats.length) return;
    const names = seats.map((seat) => this.#plan.name(seat)).join(" and ").replace(/^R/, "r");
    this.picks.remove(seats);
    const rest = this.picks.size ? " Your other seats are still chosen." : " Choose another: nothing was charged.";
    this.#note(`Somebody was a moment faster with ${names}.${rest}`, seats[0]);
  }

  #tap(x, y, isTouch) {
    const [hallX, hallY] = this.#camera.toHall(x, y);
    if (this.#camera.scale < (isTouch ? FINGER_PX : MOUSE_PX)) return this.#camera.glide(NEAR_PX / this.#camera.scale, x, y);
    const seat = this.#plan.at(hallX, hallY);
    if (seat < 0) return this.#note("");
    this.#grid.go(seat);
    this.#choose(seat);
  }

  #choose(seat) {
    this.#tryToChoose(seat);
    // A box was ticked before it was known whether it may be.
    this.#list.refresh();
  }

  #tryToChoose(seat) {
    const state = this.#states.of(seat);
    if (!this.#known) return;
    if (state !== FREE) {
      const hope = stateWords(state) === "sold" ? "" : " It may come back.";
      return this.#note(`${this.#plan.name(seat)} is ${stateWords(state)}.${hope}`, seat);
    }
    const before = this.picks.type;
    const outcome = this.picks.toggle(seat);
    if (outcome === "full") return this.#note(`${this.picks.size} a person is the limit. Put one back first.`, seat);
    if (outcome === "instead") return this.#note(`One kind at a time: your ${before.name} seats were put back.`, seat);
    this.#note("");
    this.#lostAt = -Infinity; // who chooses anew is not startled any more
    const { name } = this.shortName(seat);
    say(outcome === "back" ? `${name} put back.` : `${name} chosen, ${this.#plan.type(seat).words}.`, { now: true });
  }

  #hover(x, y) {
    const seat = x === undefined || this.#camera.scale < MOUSE_PX ? -1 : this.#plan.at(...this.#camera.toHall(x, y));
    this.#hall.dataset.over = seat >= 0 && this.#states.of(seat) === FREE ? "seat" : "";
    const tip = this.#hall.querySelector("[data-tip]");
    tip.hidden = seat < 0 || this.#notedAt !== null;
    if (tip.hidden) return;
    tip.textContent = `${this.#plan.name(seat)} · ${this.#known && this.#states.of(seat) !== FREE ? stateWords(this.#states.of(seat)) : this.#plan.type(seat).words}`;
    this.#putAt(tip, seat);
  }

  /** Tells something at a seat, for readers too; "" takes it away. */
  #note(text, seat) {
    const note = this.#hall.querySelector("[data-note]");
    clearTimeout(this.#noteTimer);
    this.#notedAt = text ? seat : null;
    note.hidden = !text;
    note.textContent = text;
    if (!text) return;
    this.#hall.querySelector("[data-tip]").hidden = true;
    this.#camera.see(this.#plan.x[seat], this.#plan.y[seat]);
    this.#putAt(note, seat);
    this.#noteTimer = setTimeout(() => this.#note(""), NOTE_MS);
  }

  /** Above the seat, or below it where there is no room; never outside the hall. */
  #putAt(element, seat) {
    const [x, y] = this.#camera.toPicture(this.#plan.x[seat], this.#plan.y[seat]);
    const away = Math.max(this.#camera.scale, 14) * 0.6 + 6;
    const { offsetWidth: width, offsetHeight: height } = element;
    const left = Math.min(this.#hall.clientWidth - width - 8, Math.max(8, x - width / 2));
    const above = y - away - height;
    element.style.translate = `${left}px ${above > 8 ? above : Math.min(this.#hall.clientHeight - height - 8, y + away)}px`;
  }

  /** Keys have moved the focus: the seat is brought into the picture, and the picture onto the screen. */
  #follow(seat) {
    this.#camera.see(this.#plan.x[seat], this.#plan.y[seat], FINGER_PX);
    this.#hall.scrollIntoView({ block: "nearest" });
  }

  #words(seat) {
    const state = this.#states.of(seat);
    const words = this.picks.has(seat) ? "chosen by you" : stateWords(state);
    const type = this.#plan.type(seat);
    return { text: `${this.#plan.name(seat)}, ${this.#plan.row(seat).section.title}, ${type.words}, ${words}`, free: state === FREE };
  }

  #buttons(root) {
    const steps = { in: ZOOM_STEP, out: 1 / ZOOM_STEP };
    const press = (way) => (way === "all" ? this.#camera.seeAll() : this.#camera.glide(steps[way]));
    for (const button of root.querySelectorAll("[data-zoom]")) button.addEventListener("click", () => press(button.dataset.zoom));
    const keys = { "+": "in", "=": "in", "-": "out", 0: "all" };
    root.querySelector("[data-grid]").addEventListener("keydown", ({ key }) => keys[key] && press(keys[key]));
  }

  #moved() {
    this.#hall.toggleAttribute("data-near", !this.#camera.isWhole);
    for (const [way, off] of [["in", this.#camera.isLargest], ["out", this.#camera.isWhole], ["all", this.#camera.isWhole]]) {
      this.#hall.querySelector(`[data-zoom="${way}"]`).setAttribute("aria-disabled", String(off));
    }
    this.#grid.lay();
    if (this.#notedAt !== null) this.#putAt(this.#hall.querySelector("[data-note]"), this.#notedAt);
    this.#hall.querySelector("[data-tip]").hidden = true;
    this.#painter.ask();
  }

  #refresh() {
    this.#grid.refresh();
    this.#list.refresh();
    this.#painter.ask();
  }
}
