// The organiser may give everybody inside more time: whoever holds tickets sees it on their clock.
import { exactClock, localise, say } from "./page.js";

const FIRST_MS = 300;
const SPREAD_MS = 1_500;

/** `ask()` looks anew at what `held` holds, when the turn has been made longer. Not all at once: a whole hall is told. */
export function onMoreTime(desk, held, ask) {
  let ends = null;
  const look = async () => {
    const before = held.hold && held.end;
    await ask();
    if (before && held.hold && held.end > before) say(`You have more time: held for you until ${exactClock(held.end)}.`, { now: true });
  };
  desk.on("place", ({ expires_at }) => {
    if (!expires_at) return;
    if (ends && expires_at > ends) setTimeout(look, FIRST_MS + Math.random() * SPREAD_MS);
    ends = expires_at;
    for (const line of document.querySelectorAll("[data-turn-ends]")) {
      line.querySelector("time").dateTime = expires_at;
      localise(line);
    }
  });
}
