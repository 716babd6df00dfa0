// What the levers say: what a setting will mean, and what was done. Words only; nothing here touches the page.
import { count, exactClock } from "./page.js";

export const WORDS = { mode: "The room is", rate_per_minute: "Let in a minute:", max_active: "Most inside at once:", message: "Message:" };

/** What a mode does, by the last frame of the desk. */
export function tellMode(mode, { waiting = 0, called = 0, active = 0, opened = false, mode: now } = {}) {
  switch (mode) {
    case "open":
      return now === "closed" ? "People are let in at the rate that is set. The reason for closing is taken off the pages." : "People are let in at the rate that is set.";
    case "paused":
      return "Nobody new is let in. Places stay, those inside finish.";
    case "draining":
      return `Nobody new is let in. ${tellCalled(called)}${people(active)} inside ${active === 1 ? "finishes" : "finish"}.`;
    case "lobby":
      // Whoever gathers after the first opening is drawn no more.
      return opened ? "Nobody is let in. The draw is over: who comes now is first come, first served." : "People gather. When it opens they are drawn into one order.";
    default:
      return `Nobody joins and nobody is let in. The ${count(waiting)} who wait are told so, with your reason. Those inside finish.`;
  }
}

const tellCalled = (called) => (called ? `${count(called)} called and not in yet go back to the front of the line. ` : "");

/** "1 person", "214 people". */
export const people = (number) => (number === 1 ? "1 person" : `${count(number)} people`);

/** How far a drain is. */
export function tellDrain({ mode, active = 0 }, doneAt) {
  if (mode !== "draining") return "";
  if (active) return `Draining: ${people(active)} still inside.`;
  return doneAt ? `Drained at ${exactClock(doneAt)}: nobody is inside.` : "Drained: nobody is inside.";
}

/** "At 600 a minute the line of 2 is gone in about 4 min." for the room's own outlook; `seconds` is null where nothing moves. */
export function tellOutlook({ rate_per_minute: rate, waiting, line_gone_seconds: seconds, cap_per_minute: fits }, mode, now = new Date()) {
  if (!waiting) return "Nobody is waiting now.";
  if (!rate) return `Nobody is let in; the line of ${count(waiting)} stands still.`;
  const at = `${mode === "open" ? "At" : "Once open, at"} ${count(rate)} a minute the line of ${count(waiting)}`;
  if (!seconds) return `${at} does not move as things are.`;
  const full = fits < rate ? ` Only about ${count(fits)} a minute fit in: raise the cap too.` : "";
  if (seconds.likely < 60) return `${at} is gone in less than a minute.${full}`;
  const until = new Date(now.getTime() + seconds.likely * 1000);
  const clock = until.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });
  return `${at} is gone in ${span(seconds.likely)}, at about ${clock} (${span(seconds.low)} to ${span(seconds.high)}).${full}`;
}

function span(seconds) {
  const minutes = Math.max(1, Math.round(seconds / 60));
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} hours`;
}

// What was done, for the list beside the levers and for who is told of somebody else's change.

const NAMES = { mode: "room", rate_per_minute: "rate", max_active: "cap", message: "message", extended_by_minutes: "more minutes", inside: "people inside" };
const ACTS = { "event.create": "made the sale", "event.edit": "edited the sale", "booking.cancel": "cancelled a booking", "mail.retry_all": "sent failed letters again" };
const MOST_LETTERS = 60;

function value(given) {
  if (given === null || given === undefined || given === "") return "none";
  const text = typeof given === "number" ? count(given) : String(given);
  return text.length > MOST_LETTERS ? `${text.slice(0, MOST_LETTERS)}…` : text;
}

/** "rate 600 → 60". */
export const tellChange = (lever, { from, to }) => `${NAMES[lever] ?? lever} ${value(from)} → ${value(to)}`;

/** One act of the audit log, without who and when. */
export function tellAct({ action, before, after }) {
  if (action === "room.extend") return `gave ${people(after.inside ?? 0)} ${count(after.extended_by_minutes)} more minutes`;
  if (action !== "room.steer") return ACTS[action] ?? action;
  const changed = Object.keys(after).filter((lever) => lever !== "revision" && after[lever] !== before?.[lever]);
  return changed.map((lever) => tellChange(lever, { from: before?.[lever], to: after[lever] })).join(", ") || "set what was set already";
}
