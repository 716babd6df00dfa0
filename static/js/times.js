// Times in the reader's own zone and language.

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const SHAPES = {
  clock: CLOCK,
  exact: new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" }),
  day: new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "long", year: "numeric" }),
  both: new Intl.DateTimeFormat("en-GB", {
    weekday: "short", day: "numeric", month: "long", hour: "2-digit", minute: "2-digit", timeZoneName: "short",
  }),
};

/** Writes every <time data-local="clock|exact|day|both"> under `root` in the reader's zone. */
export function localise(root = document) {
  for (const element of root.querySelectorAll("time[data-local]")) {
    // "Sat 12 December", as the server writes it, not "Sat, 12 December": text that stays does not jump.
    element.textContent = SHAPES[element.dataset.local].format(new Date(element.dateTime)).replace(/^(\w+),/, "$1");
  }
}

/** The time of day; a Date that is none would throw, and take the page's script with it. */
export function clock(date) {
  return Number.isNaN(date.getTime()) ? "–:––" : CLOCK.format(date);
}

export function exactClock(date) {
  return SHAPES.exact.format(date);
}

/** Milliseconds as "4:09", "1:02:30" or "3 d 04:10:09"; never below zero. */
export function spell(milliseconds) {
  const total = Math.max(0, Math.ceil(milliseconds / 1000)) || 0;
  const two = (n) => String(n).padStart(2, "0");
  const [days, hours, minutes, seconds] = [
    Math.floor(total / 86400), Math.floor(total / 3600) % 24, Math.floor(total / 60) % 60, total % 60,
  ];
  if (days) return `${days} d ${two(hours)}:${two(minutes)}:${two(seconds)}`;
  return hours ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
}

/**
 * Counts down to `until` (a Date): calls `show(text, millisecondsLeft)` now and on each full second.
 * Returns a function that stops it; it stops by itself at zero.
 */
export function countDown(until, show) {
  let timer;
  const tick = () => {
    const left = until - Date.now();
    show(spell(left), Math.max(0, left));
    if (left > 0) timer = setTimeout(tick, left % 1000 || 1000);
  };
  tick();
  return () => clearTimeout(timer);
}
