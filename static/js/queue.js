// The queue page: shows each new standing, and does what the fan decides.
import { showConnection } from "./connection.js";
import { Desk } from "./desk.js";
import { roll } from "./digits.js";
import { Pace, Walk } from "./line.js";
import { say } from "./say.js";
import { BestShown } from "./shown.js";
import { prepareStock, showStock } from "./stock.js";
import { clock, countDown } from "./times.js";
import { tellSlower, tellWait } from "./wait.js";

const room = document.querySelector("[data-room]");
const part = (name) => room.querySelector(`[data-${name}]`);
const { eventPath, name: eventName } = room.dataset;
const desk = new Desk(room.dataset.room);
const walk = new Walk(part("walk"));
const pace = new Pace(part("pace"));
const best = new BestShown(room.dataset.room, room.dataset.mark);
let shown = null;
// The doors alone have turned, and nobody's turn has come.
const STANDING_BY = new Set(["lobby", "closed"]);
let claimBy = null;
let stopClaimClock = () => {};

function show(standing) {
  const changed = room.dataset.state !== standing.state;
  room.dataset.state = standing.state;
  if (standing.state === "waiting") showPlace(standing);
  else if (!STANDING_BY.has(standing.state)) best.forget();
  if (standing.state === "lobby") showLobby(standing);
  if (standing.state === "called") showClaim(standing.claim_by);
  if (standing.state === "missed" && standing.expires_at) {
    part("missed-until").textContent = `until ${clock(new Date(standing.expires_at))}`;
  }
  part("waiting").textContent = standing.waiting;
  part("message-box").hidden = !standing.message;
  part("message").textContent = standing.message ?? "";
  document.title = titleFor(standing);
  if (changed) announce(standing);
}

function showPlace({ place, ahead, waiting, wait_seconds, slower, rate_per_minute }) {
  // The server tells places from samples, and others come back ahead; what was shown once never rises again.
  shown = best.with(place);
  const before = shown === null ? (ahead ?? 0) : shown - 1;
  roll(part("place"), shown);
  part("ahead").textContent = before;
  part("behind").textContent = Math.max(0, waiting - before - 1);
  walk.show(before, waiting);
  pace.saw(before);
  const [lead, minutes] = tellWait(wait_seconds);
  part("turn").textContent = lead;
  part("turn-minutes").textContent = minutes;
  const reason = tellSlower(slower, wait_seconds);
  part("slower").textContent = reason;
  part("rate").textContent = wait_seconds ? `About ${rate_per_minute} people a minute are let in` : "Nobody is let in at the moment";
  say(`Your place is ${shown}. ${lead}. ${reason}`.trim());
}

function showLobby({ opened, opens_at }) {
  part("on-time").hidden = !opens_at;
  part("by-hand").hidden = Boolean(opens_at);
  part("drawn").hidden = opened;
  part("not-drawn").hidden = !opened;
}

function showClaim(until) {
  if (!until || until === claimBy) return;
  claimBy = until;
  stopClaimClock();
  const end = new Date(until);
  stopClaimClock = countDown(end, (text) => (part("claim-clock").textContent = text));
  const keptUntil = clock(new Date(end.getTime() + room.dataset.keepSeconds * 1000));
  part("kept-until").textContent = `Come in by ${clock(end)}. If you miss it, your place is still kept until ${keptUntil}.`;
}

function titleFor({ state }) {
  if (state === "waiting" && shown !== null) return `Place ${shown}: ${eventName}`;
  if (state === "called") return `Your turn: ${eventName}`;
  return `Your place: ${eventName}`;
}

function announce({ state }) {
  scrollTo({ top: 0 });
  const news = {
    called: "It is your turn. Press Come in.", missed: "Your turn has passed. Your place is kept, you can take it back.",
    waiting: "You are in the line.", closed: "The sale is closed.", active: "You are in. Choose your tickets.",
  };
  if (news[state]) say(news[state], { now: true });
}

/** Does a command while its button rests; a refusal is told in the server's words. */
async function act(form, command, then) {
  const button = form.querySelector("button");
  button.setAttribute("aria-disabled", "true");
  const { status, body } = await desk.command(command);
  button.removeAttribute("aria-disabled");
  const problem = part("problem");
  problem.hidden = status >= 200 && status < 300;
  if (problem.hidden) then(body);
  else problem.textContent = body?.detail ?? "That did not work. Your place is not touched. Try again.";
}

function onSubmit(form, action) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!form.querySelector("[aria-disabled]")) action(form);
  });
}

for (const form of room.querySelectorAll("[data-join]")) onSubmit(form, () => form.submit());
onSubmit(part("claim"), (form) => act(form, "claim", () => location.assign(`${eventPath}/book`)));
// A plain button, so that a press before this script runs does not give the place up unasked.
part("leave-ask").addEventListener("click", () => part("leave-dialog").showModal());
part("leave-dialog").addEventListener("close", ({ target }) => {
  if (target.returnValue === "leave") act(part("leave"), "leave", () => location.assign(eventPath));
  target.returnValue = "";
});

// First of all to be heard: whatever is wrong with what the page came with, the next frame puts it right.
desk.on("place", show)
  .on("stock", (frame) => showStock(frame, room))
  .on("connection", (state) => showConnection(state, "Your place is kept."));
const figure = Number(part("place").textContent);
if (figure) roll(part("place"), (shown = best.with(figure)));
prepareStock(room);
if (room.dataset.wait !== "null") [part("turn").textContent, part("turn-minutes").textContent] = tellWait(parsed(room.dataset.wait));
showClaim(room.dataset.claimBy);

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return NaN;
  }
}
