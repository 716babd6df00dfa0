// Speaks to screen readers, sparingly: the same or too frequent news is left out unless it matters now.

const QUIET_MS = 30_000;
const region = document.querySelector("[data-say]");
let lastAt = -Infinity;
let lastText = "";

/** Says `text` when nothing was said for half a minute; `{ now: true }` says it at once. */
export function say(text, { now = false } = {}) {
  if (!region || text === lastText) return;
  if (!now && performance.now() - lastAt < QUIET_MS) return;
  lastAt = performance.now();
  lastText = text;
  region.textContent = text;
}
