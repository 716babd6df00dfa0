// A wait told as an interval, in clock times and in minutes.
import { clock } from "./times.js";

const ROUGHLY = "8 times out of 10 it is within this time";

const UNKNOWN = ["We cannot say yet when your turn is", "Your place is kept."];

const SLOWER = {
  paused: "The line was paused for a while.",
  rate_lowered: "Fewer people a minute are let in than before.",
  recovering: "The line was put together again after a fault.",
  desk_full: "The desk is full: one comes in as one goes out.",
  late: "It goes more slowly than we told you.",
};

/** Why the wait is longer than it was, or "" if it is not. In step with the macro `slower` of _parts.html. */
export function tellSlower(slower, seconds) {
  if (slower === "paused" && !seconds) return "The organiser has paused the line.";
  return SLOWER[slower] ?? "";
}

/**
 * Two sentences for `[low, high]` seconds (or null: nothing moves) counted from `from` (a Date).
 * It never throws: what is no interval, or ends beyond what a Date can say, is told as not known.
 */
export function tellWait(seconds, from = new Date()) {
  if (seconds === null || seconds === undefined) return ["The line stands still at the moment", "Your place does not change while it does."];
  if (!isInterval(seconds, from)) return UNKNOWN;
  const [low, high] = seconds;
  if (high <= 60) return ["Your turn within a minute", "Stay on this page if you can."];
  // To the whole minute on the safe side at both ends, as the minutes are.
  const start = clock(new Date(from.getTime() + low * 1000));
  const end = clock(new Date(from.getTime() + high * 1000 + 59_999));
  const [fewest, most] = [Math.floor(low / 60), Math.ceil(high / 60)];
  const minutes = fewest === 0 ? `Within ${most}` : fewest === most ? `About ${most}` : `In ${fewest} to ${most}`;
  const lead = start === end ? `Your turn at about ${start}` : `Your turn between ${start} and ${end}`;
  return [lead, `${minutes} minutes. ${ROUGHLY}.`];
}

function isInterval(seconds, from) {
  if (!Array.isArray(seconds) || seconds.length !== 2 || !seconds.every(Number.isFinite)) return false;
  const [low, high] = seconds;
  return low >= 0 && low <= high && !Number.isNaN(new Date(from.getTime() + high * 1000 + 59_999).getTime());
}
