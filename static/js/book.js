// The checkout: choose, hold, pay. Two steps on one page.
import { Desk, newKey, prepareStock, showConnection, showStock } from "./desk.js";
import { countDown, money, say } from "./page.js";
import { openSeatMap } from "./seat-map.js";

// Step one of the checkout: which kind, how many or which seats, for how much.

const CROSS = '<svg viewBox="0 0 10 10" aria-hidden="true"><path d="M1 1l8 8M9 1l-8 8" stroke="currentColor" stroke-width="1.600"/></svg>';

export class Choosing {
  #form;
  #facts;
  #map = null;

  constructor(form, facts) {
    this.#form = form;
    this.#facts = facts;
    form.addEventListener("input", ({ target }) => this.#input(target));
    for (const button of form.querySelectorAll("[data-step-by]")) {
      button.addEventListener("click", () => this.#step(Number(button.dataset.stepBy)));
    }
    this.#show();
  }

  /** From now on seats can be chosen on `map`, too. */
  useMap(map) {
    this.#map = map;
    map.picks.onChange(() => this.#picked());
    this.#form.querySelector("[data-clear]").addEventListener("click", () => {
      map.picks.clear();
      this.#form.querySelector('[name="type"]:checked').focus();
    });
    this.#picked();
  }

  get type() {
    const id = Number(new FormData(this.#form).get("type"));
    return this.#facts.types.find((type) => type.id === id);
  }

  get quantity() {
    const wanted = Math.trunc(Number(this.#form.elements.quantity.value)) || 1;
    return this.units.length || Math.min(this.#facts.limit, Math.max(1, wanted));
  }

  /** The units of the seats that were chosen one by one; [] when the desk is to choose. */
  get units() {
    return this.#map?.picks.units ?? [];
  }

  /** The sign-in page that leads back to this very choice. */
  get signInPath() {
    const units = this.units.length ? `&units=${this.units}` : "";
    const back = `/events/${this.#facts.slug}/book?type=${this.type.id}&quantity=${this.quantity}${units}`;
    return `/signin?next=${encodeURIComponent(back)}`;
  }

  #input(target) {
    if (target.name === "type") {
      if (this.#map?.picks.type !== this.type) this.#map?.picks.clear();
      this.#map?.showType(this.type.id);
    }
    this.#show();
  }

  #step(by) {
    this.#form.elements.quantity.value = Math.min(this.#facts.limit, Math.max(1, this.quantity + by));
    this.#show();
  }

  /** Seats were chosen or put back: what they are says which kind, and how many. */
  #picked() {
    const { picks } = this.#map;
    if (picks.size) this.#form.querySelector(`[name="type"][value="${picks.type.id}"]`).checked = true;
    this.#form.classList.toggle("picking", picks.size > 0);
    this.#form.querySelector("[data-picks]").hidden = !picks.size;
    this.#form.querySelector("[data-counting]").hidden = picks.size > 0;
    this.#form.querySelector("[data-picked]").replaceChildren(...picks.seats.map((seat) => this.#pickedSeat(seat)));
    this.#show();
  }

  #pickedSeat(seat) {
    const { brief, name } = this.#map.shortName(seat);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "picked-seat";
    button.setAttribute("aria-label", `${brief}: put back ${name}`);
    button.append(brief);
    button.insertAdjacentHTML("beforeend", CROSS);
    button.addEventListener("click", () => this.#putBack(button, seat));
    const item = document.createElement("li");
    item.append(button);
    return item;
  }

  /** The button goes with its seat; the focus goes on to its neighbour's. */
  #putBack(button, seat) {
    const place = [...button.closest("ul").children].indexOf(button.parentElement);
    this.#map.picks.remove([seat]);
    const left = [...this.#form.querySelectorAll("[data-picked] button")];
    (left[Math.min(place, left.length - 1)] ?? this.#form.querySelector('[name="type"]:checked')).focus();
  }

  #show() {
    const { type, quantity } = this;
    this.#form.querySelector("[data-total]").textContent = money((type.price + type.fee) * quantity, this.#facts.currency);
    this.#form.querySelector("[data-total-fee]").hidden = !type.fee;
    this.#form.querySelector("[data-hold]").textContent = this.#words(type, quantity);
    for (const button of this.#form.querySelectorAll("[data-step-by]")) {
      const next = quantity + Number(button.dataset.stepBy);
      button.setAttribute("aria-disabled", String(next < 1 || next > this.#facts.limit));
    }
  }

  #words(type, quantity) {
    if (!type.seated) return this.#facts.signedIn ? "Hold these for me" : "Sign in to hold these";
    const one = quantity === 1;
    const chosen = one ? "this seat" : `these ${quantity} seats`;
    const which = this.units.length ? chosen : one ? "the best seat" : `the best ${quantity} together`;
    return this.#facts.signedIn ? `Hold ${which}` : `Sign in to hold ${which}`;
  }
}

// Step two of the checkout: the ticket being written, and the clock that holds it.

export class Held {
  #page;
  #stopClock = () => {};
  hold = null;

  constructor(page) {
    this.#page = page;
  }

  get payWords() {
    return `Pay ${money(this.hold.amount, this.hold.currency)}`;
  }

  /** Writes `hold` on the ticket and runs its clock; calls `ended()` when the clock is out. */
  write(hold, ended) {
    this.hold = hold;
    this.#fill("type", hold.ticket_type);
    this.#fill("quantity", hold.quantity);
    this.#fill("amount", money(hold.amount, hold.currency));
    this.#fill("price", money(hold.amount - hold.fee, hold.currency));
    this.#fill("fee", money(hold.fee, hold.currency));
    this.#page.querySelector("[data-held-fee]").hidden = !hold.fee;
    this.#fill("seats", (hold.seats ?? []).join("\n"));
    this.#page.querySelector("[data-held-seats]").hidden = !hold.seats?.length;
    this.#page.querySelector("[data-held-apart]").hidden = !hold.apart;
    this.#page.querySelector("[data-pay]").textContent = this.payWords;
    this.#run(new Date(hold.expires_at), ended);
  }

  clear() {
    this.#stopClock();
    this.hold = null;
  }

  #fill(name, value) {
    this.#page.querySelector(`[data-held="${name}"]`).textContent = value;
  }

  #run(end, ended) {
    this.#stopClock();
    const clock = this.#page.querySelector("[data-hold-clock]");
    const perforation = this.#page.querySelector("[data-perforation]");
    const whole = Math.max(1, end - Date.now());
    this.#stopClock = countDown(end, (text, left) => {
      clock.textContent = text;
      perforation.style.setProperty("--left", (left / whole).toFixed(4));
      if (left === 0) ended();
    });
  }
}

// The checkout: choose, hold, pay. Two steps on one page.

const page = document.querySelector("[data-checkout]");
const facts = JSON.parse(page.querySelector("[data-facts]").textContent);
const problem = page.querySelector("[data-problem]");
const payButton = page.querySelector("[data-pay]");
const desk = new Desk(facts.event);
const choosing = new Choosing(page.querySelector("[data-choose]"), facts);
const held = new Held(page);
let map = null;
// One key an attempt: a retry of the same attempt must not be a second booking, a new attempt must be one.
let attempt = newKey();

function tell(text) {
  problem.hidden = !text;
  problem.textContent = text;
  // The button that was pressed may be far below: the answer comes to where the fan looks.
  if (text) problem.scrollIntoView({ block: "center" });
}

/** Shows a step; focus goes along, because the button that was pressed is not there any more. */
function go(step) {
  page.dataset.step = step;
  page.querySelector(`[data-when="${step}"] h2`).focus({ preventScroll: true });
  scrollTo({ top: 0 });
}

/** The turn can end, or come, while the page is open; what is held is paid for all the same. */
function admit(admitted) {
  const step = admitted ? "choose" : "outside";
  if (page.dataset.step !== "pay" && page.dataset.step !== step) go(step);
}

/** Runs `work` once at a time, its button resting meanwhile. */
async function once(button, work) {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  try {
    await work();
  } finally {
    button.removeAttribute("aria-disabled");
  }
}

async function hold() {
  if (!facts.signedIn) return location.assign(choosing.signInPath);
  if (map?.justLost) return;
  const { type, quantity, units } = choosing;
  const wanted = units.length ? { units } : { quantity };
  if (map) map.asking = true;
  const { status, body } = await desk.command("hold", { ticket_type_id: type.id, ...wanted });
  if (status === 201) taken({ ticket_type: type.name, quantity, apart: areApart(type, units, body), ...body });
  else notHeld(status, body, type, units);
  if (map) map.asking = false;
}

/** Whether the desk chose seats that are not side by side. */
function areApart(type, chosen, { units }) {
  return map !== null && type.seated && !chosen.length && !map.together(type.id, units);
}

function taken(hold) {
  tell("");
  attempt = newKey();
  map?.picks.clear();
  held.write(hold, clockRanOut);
  go("pay");
  say(`Held for you: ${hold.quantity} times ${hold.ticket_type}.`, { now: true });
}

function notHeld(status, body, type, units) {
  if (status === 401) return location.assign(choosing.signInPath);
  if (status === 403 && body?.code === "not_admitted") go("outside");
  const atSeat = map && units.length && body?.code === "unit_taken";
  tell(atSeat ? "" : (body?.detail ?? "These could not be held. Nothing was charged. Try again."));
  if (atSeat) map.refused(type.id, body.unit);
}

/** What is being paid for does not run out: the answer to the payment decides. */
function clockRanOut() {
  if (payButton.getAttribute("aria-disabled") !== "true") holdEnded();
}

function holdEnded() {
  held.clear();
  go("choose");
  tell("The time to pay has passed, so these tickets went back. Nothing was charged. Choose again.");
}

async function pay() {
  const method = new FormData(page.querySelector("[data-pay-form]")).get("method");
  tell("");
  payButton.textContent = "Paying";
  const { status, body } = await desk.command("book", { hold_id: held.hold.id, payment: { method }, key: attempt });
  payButton.textContent = held.payWords;
  if (status === 200 || status === 201 || status === 202) return location.assign(`/bookings/${body.id}`);
  if (status === 410) return holdEnded();
  if (body && "hold_kept" in body) return refused(body);
  tell(body?.detail ?? "The payment did not reach us. Nothing was charged and your tickets are still held. Try again.");
}

/** The payment or the booking was refused: a new try is a new attempt. */
function refused({ detail, hold_kept }) {
  attempt = newKey();
  if (hold_kept) return tell(`${detail} Your tickets are still held: try again, or pay another way.`);
  held.clear();
  go("choose");
  tell(`${detail} The tickets went back. You can choose again.`);
}

async function giveBack() {
  const { status, body } = await desk.command("release", { hold_id: held.hold.id });
  if (status !== 204 && status !== 200 && status !== 404 && status !== 410) return tell(body?.detail ?? "That did not work. Try again.");
  held.clear();
  go("choose");
  tell("");
  say("The tickets went back.", { now: true });
}

function onSubmit(form, button, work) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    once(button, work);
  });
}

onSubmit(page.querySelector("[data-choose]"), page.querySelector("[data-hold]"), hold);
onSubmit(page.querySelector("[data-pay-form]"), payButton, pay);
page.querySelector("[data-give-back]").addEventListener("click", ({ currentTarget }) => once(currentTarget, giveBack));

async function openMap() {
  const root = page.querySelector("[data-seats]");
  if (!root) return;
  try {
    map = await openSeatMap(root, facts, desk);
    choosing.useMap(map);
  } catch {
    root.querySelector("[data-wait]").textContent = "The map did not come. The best seats can be held all the same.";
  }
}

prepareStock(page);
openMap();
if (facts.hold) held.write(facts.hold, clockRanOut);
desk.on("stock", (frame) => showStock(frame, page))
  .on("place", ({ state }) => admit(state === "active"))
  .on("connection", (state) => showConnection(state, "What you hold stays held."));
