// The checkout: choose, hold, pay. Two steps on one page, each with an address of its own.
import { callDesk, Desk, newKey, prepareStock, showConnection, showStock } from "./desk.js";
import { onMoreTime } from "./more-time.js";
import { countDown, DeskClock, exactClock, money, once, say } from "./page.js";

// Step one of the checkout: which kind, how many or which seats, for how much.

export class Choosing {
  #form;
  #facts;
  #map = null;
  #left;

  constructor(form, facts) {
    this.#form = form;
    this.#facts = facts;
    this.#left = new Map(facts.types.map(({ id, remaining }) => [id, remaining]));
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
    return Math.min(this.#wanted, this.units.length || this.#most);
  }

  get #wanted() {
    const typed = Math.trunc(Number(this.#form.elements.quantity.value)) || 1;
    return this.units.length || Math.min(this.#facts.limit, Math.max(1, typed));
  }

  /** As many as one person may have, and as are left; one is always worth asking for. */
  get #most() {
    return Math.max(1, Math.min(this.#facts.limit, this.#left.get(this.type.id) ?? this.#facts.limit));
  }

  /** The address that leads back to this very choice. */
  get path() {
    const units = this.units.length ? `&units=${this.units}` : "";
    return `/events/${this.#facts.slug}/book?type=${this.type.id}&quantity=${this.#wanted}${units}`;
  }

  /** The units of the seats that were chosen one by one; [] when the desk is to choose. */
  get units() {
    return this.#map?.picks.units ?? [];
  }

  /** What is left has changed. */
  leave(remaining) {
    for (const [id, left] of Object.entries(remaining)) this.#left.set(Number(id), left);
    this.#show();
  }

  /** Makes the choice again that led to a hold which was given back. */
  again({ ticket_type_id, quantity, units, picked }) {
    this.#form.querySelector(`[name="type"][value="${ticket_type_id}"]`).checked = true;
    this.#form.elements.quantity.value = quantity;
    if (picked) this.#map?.choose(ticket_type_id, units);
    this.#show();
  }

  #input(target) {
    if (target.name === "type") {
      if (this.#map?.picks.type !== this.type) this.#map?.picks.clear();
      this.#map?.showType(this.type.id);
    }
    this.#show();
  }

  #step(by) {
    this.#form.elements.quantity.value = Math.min(this.#most, Math.max(1, this.quantity + by));
    this.#show();
  }

  /** Seats were chosen or put back: what they are says which kind, and how many. */
  #picked() {
    const { picks } = this.#map;
    if (picks.size) this.#form.querySelector(`[name="type"][value="${picks.type.id}"]`).checked = true;
    this.#form.classList.toggle("picking", picks.size > 0);
    this.#form.querySelector("[data-picks]").hidden = !picks.size;
    this.#form.querySelector("[data-counting]").hidden = picks.size > 0;
    this.#map.writePicked(this.#form.querySelector("[data-picked]"), () => this.#form.querySelector('[name="type"]:checked'));
    this.#show();
  }

  #show() {
    const { type, quantity } = this;
    this.#form.querySelector("[data-total]").textContent = money((type.price + type.fee) * quantity, this.#facts.currency);
    this.#form.querySelector("[data-total-fee]").hidden = !type.fee;
    this.#form.querySelector("[data-hold]").textContent = this.#words(type, quantity);
    for (const button of this.#form.querySelectorAll("[data-step-by]")) {
      const next = quantity + Number(button.dataset.stepBy);
      button.setAttribute("aria-disabled", String(next < 1 || next > this.#most));
    }
    this.#form.querySelector("[data-at-most]").textContent = this.#atMost();
  }

  #atMost() {
    const left = this.#left.get(this.type.id) ?? this.#facts.limit;
    if (left < 1) return "None are left; some may come back";
    if (left < this.#facts.limit) return left === 1 ? "only 1 is left" : `only ${left} are left`;
    return this.#facts.limit === 1 ? "1 a person" : `up to ${this.#facts.limit} a person`;
  }

  #words(type, quantity) {
    if (this.#left.get(type.id) === 0 && !this.units.length) return "None left right now";
    const which = this.#which(type, quantity);
    return this.#facts.signedIn ? `Hold ${which}` : `Sign in to hold ${which}`;
  }

  #which(type, quantity) {
    const one = quantity === 1;
    if (this.units.length) return one ? "this seat" : `these ${quantity} seats`;
    if (this.#left.get(type.id) === quantity) return one ? "the last one" : `the last ${quantity}`;
    if (!type.seated) return one ? "this for me" : "these for me";
    return one ? "the best seat" : `the best ${quantity} together`;
  }
}

// Step two of the checkout: the ticket being written, and the clock that holds it.

export class Held {
  #page;
  #facts;
  #stopClock = () => {};
  hold = null;

  constructor(page, facts) {
    this.#page = page;
    this.#facts = facts;
  }

  get payWords() {
    return `Pay ${money(this.hold.amount, this.hold.currency)}`;
  }

  /** Writes `hold` on the ticket and runs its clock; calls `ended()` when the clock is out. */
  write(hold, ended) {
    this.hold = hold;
    const { quantity, currency, amount, fee } = hold;
    const price = amount - fee;
    this.#fill("type", hold.ticket_type);
    this.#fill("quantity", quantity);
    this.#fill("what", `${quantity} × ${hold.ticket_type}`);
    this.#fill("count", `${quantity} × ${money(price / quantity, currency)}`);
    this.#fill("price", money(price, currency));
    this.#fill("fee", money(fee, currency));
    this.#fill("amount", money(amount, currency));
    this.#fill("seats", (hold.seats ?? []).join("\n"));
    const shown = { "held-fee": fee, "held-seats": hold.seats?.length, "held-apart": hold.apart, "extend-form": !hold.extended, extended: hold.extended };
    for (const [name, there] of Object.entries(shown)) this.#page.querySelector(`[data-${name}]`).hidden = !there;
    this.#page.querySelector("[data-pay]").textContent = this.payWords;
    this.#run(this.end, ended);
  }

  /** When the hold ends, by this device's clock: the fan may be looking at it. */
  get end() {
    return deskClock.here(this.hold.expires_at);
  }

  clear() {
    this.#stopClock();
    this.hold = null;
  }

  #fill(name, value) {
    for (const element of this.#page.querySelectorAll(`[data-held="${name}"]`)) element.textContent = value;
  }

  /** The holes of the perforation close as the time of this hold goes, whenever the page was opened. */
  #run(end, ended) {
    this.#stopClock();
    this.#fill("until", exactClock(end));
    const clock = this.#page.querySelector("[data-hold-clock]");
    const perforation = this.#page.querySelector("[data-perforation]");
    const whole = (this.#facts.holdSeconds + (this.hold.extended ? this.#facts.moreSeconds : 0)) * 1000;
    this.#stopClock = countDown(end, (text, left) => {
      clock.textContent = text;
      perforation.style.setProperty("--left", Math.min(1, left / whole).toFixed(4));
      if (left <= 60_000 && left > 59_000) say("One minute is left to pay.", { now: true });
      if (left === 0) ended();
    });
  }
}

// Both steps, and the ways between them.

const page = document.querySelector("[data-checkout]");
const facts = JSON.parse(page.querySelector("[data-facts]").textContent);
const problem = page.querySelector("[data-problem]");
const payForm = page.querySelector("[data-pay-form]");
const payButton = page.querySelector("[data-pay]");
const paths = { choose: `/events/${facts.slug}/book`, pay: `/events/${facts.slug}/checkout` };
const deskClock = new DeskClock(facts.at);
const desk = new Desk(facts.event);
const choosing = new Choosing(page.querySelector("[data-choose]"), facts);
const held = new Held(page, facts);
let map = null;
let admitted = page.dataset.step !== "outside";

function tell(text, tone = "") {
  Object.assign(problem, { hidden: !text, textContent: text }).dataset.tone = tone;
  page.querySelector("[data-fine]")?.remove();
  // The button that was pressed may be far below: the answer comes to where the fan looks.
  if (text && !tone) problem.scrollIntoView({ block: "center" });
}

/** Shows a step; focus goes along, because the button that was pressed is not there any more. */
function go(step) {
  page.dataset.step = step;
  openMap();
  page.querySelector(`[data-when="${step}"] h2`).focus({ preventScroll: true });
  scrollTo({ top: 0 });
}

/** The turn can end, or come, while the page is open; what is held is paid for all the same. */
function admit(now) {
  admitted = now;
  const step = admitted ? "choose" : "outside";
  if (!held.hold && page.dataset.step !== step) go(step);
}

/** To the sign-in form, and from there back to this very choice. */
function signIn() {
  location.assign(`/signin?next=${encodeURIComponent(choosing.path)}`);
}

async function hold() {
  if (!facts.signedIn) return signIn();
  if (map?.justLost) return;
  const { type, quantity, units } = choosing;
  const wanted = units.length ? { units } : { quantity };
  if (map) map.asking = true;
  const { status, body } = await desk.command("hold", { ticket_type_id: type.id, ...wanted });
  const apart = status === 201 && map && !units.length && !map.together(type.id, body.units);
  if (status === 201) taken({ ticket_type: type.name, quantity, picked: units.length > 0, apart: type.seated && apart, ...body });
  else notHeld(status, body, type, units);
  if (map) map.asking = false;
}

function taken(hold) {
  tell("");
  payForm.elements.key.value = newKey();
  // The way back leads to this choice; the way forward, to what is held.
  history.replaceState(null, "", choosing.path);
  history.pushState(null, "", paths.pay);
  map?.picks.clear();
  held.write(hold, clockRanOut);
  go("pay");
  say(`Held for you: ${hold.quantity} times ${hold.ticket_type}.`, { now: true });
}

function notHeld(status, body, type, units) {
  if (status === 401) return signIn();
  if (status === 403 && body?.code === "not_admitted") go("outside");
  const atSeat = map && units.length && body?.code === "unit_taken";
  tell(atSeat ? "" : (body?.detail ?? "These could not be held. Nothing was charged. Try again."));
  if (atSeat) map.refused(type.id, body.unit);
}

const ASK_AGAIN_MS = 2_000;
const NO_ANSWER = "The time to pay seems to be over, but the desk does not answer. This page charges nothing meanwhile, and asks again by itself.";

/** At zero the desk says what became of it: it may have got more time in another tab, or a clock was set. */
async function clockRanOut() {
  const { hold } = held;
  // What is being paid for does not run out: the answer to the payment decides.
  const settled = () => !hold || held.hold !== hold || payButton.ariaDisabled === "true";
  if (settled()) return;
  const { status, body, headers } = await callDesk(facts.event, "held", { hold_id: hold.id });
  if (settled() || isOver(status, body)) return;
  if (status === 200) {
    if (problem.textContent === NO_ANSWER) tell("");
    deskClock.hear(headers);
    return held.write({ ...hold, ...body }, () => setTimeout(clockRanOut, ASK_AGAIN_MS));
  }
  if (status === 401) return signIn();
  if (held.end > Date.now()) return; // asked after a payment: the clock asks again
  tell(NO_ANSWER);
  setTimeout(clockRanOut, ASK_AGAIN_MS);
}

/** Whether an answer ends this step: paid, or being paid, in another tab, which is shown in place of this page; or gone. */
function isOver(status, body) {
  const booked = ["already_booked", "hold_in_use"].includes(body?.code) && body.booking_id;
  if (booked) location.replace(`/bookings/${booked}`);
  else if (status === 410) holdEnded();
  return Boolean(booked) || status === 410;
}

/** Nothing is held any more: back to choosing, with the same choice made. */
function chooseAgain(words) {
  choosing.again(held.hold);
  held.clear();
  history.replaceState(null, "", choosing.path);
  go(admitted ? "choose" : "outside");
  tell(words);
}

const holdEnded = () => chooseAgain("The time to pay has passed, so these tickets went back. Nothing was charged. Choose again.");

async function pay() {
  const { method, key } = Object.fromEntries(new FormData(payForm));
  // In the place where a refusal would stand: when it comes, seconds later, nothing moves.
  tell("Your bank is asked. Your tickets stay held meanwhile.", "calm");
  const began = performance.now();
  const tick = () => {
    const seconds = Math.round((performance.now() - began) / 1000);
    payButton.textContent = seconds < 2 ? "Asking your bank" : `Asking your bank, ${seconds} s`;
  };
  tick();
  const ticking = setInterval(tick, 1000);
  const { status, body } = await desk.command("book", { hold_id: held.hold.id, payment: { method }, key });
  clearInterval(ticking);
  payButton.textContent = held.payWords;
  // In place of this page: the way back from the ticket does not lead to paying once more.
  if (status === 200 || status === 201 || status === 202) return location.replace(`/bookings/${body.id}`);
  if (isOver(status, body)) return;
  // Once the button has come to rest: what is held may have got more time, or have ended meanwhile.
  setTimeout(clockRanOut);
  if (body && "hold_kept" in body) return refused(body);
  tell(body?.detail ?? "The payment did not reach us. Nothing was charged and your tickets are still held. Try again.");
}

/** The payment or the booking was refused. One key is one attempt: a new try is a new one. */
function refused({ detail, hold_kept }) {
  payForm.elements.key.value = newKey();
  if (hold_kept) return tell(`${detail} Your tickets are still held: try again, or pay another way.`);
  chooseAgain(`${detail} The tickets went back. You can choose again.`);
}

async function giveBack() {
  const { status, body } = await desk.command("release", { hold_id: held.hold.id });
  if (isOver(status, body)) return;
  if (status !== 204 && status !== 200 && status !== 404) return tell(body?.detail ?? "That did not work. Try again.");
  chooseAgain("");
  say("The tickets went back.", { now: true });
}

async function extend() {
  const { status, body } = await desk.command("extend", { hold_id: held.hold.id });
  if (isOver(status, body)) return;
  if (status !== 200) return tell(body?.detail ?? "That did not work. Your tickets are still held. Try again.");
  held.write({ ...held.hold, ...body }, clockRanOut);
  say(`Held for you until ${exactClock(held.end)}.`, { now: true });
}

const WORK = { choose: hold, payForm: pay, giveBackForm: giveBack, extendForm: extend };
page.addEventListener("submit", (event) => {
  event.preventDefault();
  const [, work] = Object.entries(WORK).find(([name]) => name in event.target.dataset);
  once(event.target.querySelector("button:not([type])"), work);
});
// The way back leads to choosing, and gives nothing away: what is held is told, and stays held.
addEventListener("popstate", () => {
  tell("");
  go(held.hold ? (location.pathname === paths.pay ? "pay" : "held") : admitted ? "choose" : "outside");
});
// A page out of the browser's memory knows nothing of what has happened since.
addEventListener("pageshow", ({ persisted }) => persisted && location.reload());

/** The map, the first time that seats can be chosen. */
async function openMap() {
  const root = page.querySelector('[data-step="choose"] [data-seats]:not([data-opened])');
  if (!root) return;
  root.dataset.opened = "";
  try {
    const { openSeatMap } = await import("./seats.js");
    map = await openSeatMap(root, facts, desk);
    choosing.useMap(map);
  } catch {
    root.querySelector("[data-wait]").textContent = "The map did not come. The best seats can be held all the same.";
  }
}

prepareStock(page);
openMap();
if (facts.hold) held.write(facts.hold, clockRanOut);
onMoreTime(desk, held, clockRanOut);
desk.on("stock", (frame) => showStock(frame, page)).on("stock", ({ remaining }) => choosing.leave(remaining))
  .on("place", ({ state }) => admit(state === "active"))
  .on("connection", (state) => showConnection(state, "What you hold stays held."));
