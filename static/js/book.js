// The checkout: choose, hold, pay. Two steps on one page.
import { Choosing } from "./choosing.js";
import { showConnection } from "./connection.js";
import { Desk } from "./desk.js";
import { Held } from "./held.js";
import { newKey } from "./key.js";
import { say } from "./say.js";
import { openSeatMap } from "./seat-map.js";
import { prepareStock, showStock } from "./stock.js";

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
