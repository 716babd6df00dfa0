// What every page needs: the look, times, money, rolling figures, and what is said to screen readers.

// The reader's look: the system's, light or dark, kept in localStorage.

const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const WORDS = { system: "as the system", light: "light", dark: "dark" };

function kept() {
  return document.documentElement.dataset.theme ?? "system";
}

/** From the system's look the first press always changes something: it goes to the opposite. */
function next(choice) {
  const [opposite, same] = prefersDark.matches ? ["light", "dark"] : ["dark", "light"];
  return { system: opposite, [opposite]: same, [same]: "system" }[choice];
}

function keep(choice) {
  if (choice === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = choice;
  try {
    if (choice === "system") localStorage.removeItem("theme");
    else localStorage.setItem("theme", choice);
  } catch {
    // Without storage the choice holds for this page.
  }
}

/** Makes a button go round the three looks and say which one it shows. */
export function themeButton(button) {
  const show = () => {
    button.dataset.choice = kept();
    button.setAttribute("aria-label", `Look: ${WORDS[kept()]}. Change to ${WORDS[next(kept())]}`);
  };
  button.addEventListener("click", () => {
    keep(next(kept()));
    show();
  });
  show();
}

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

const CLOCK_MS = 500;

/**
 * By how many milliseconds the server's clock is ahead of this device's, which may be minutes wrong. `said` is the
 * server's time (ISO) as it stands in the page; in a page out of a cache it is old, so the server is asked.
 */
export async function clockAhead(said) {
  const [page] = performance.getEntriesByType("navigation");
  if (page && page.transferSize > 0) return new Date(said) - (Date.now() - performance.now() + page.responseStart);
  const answer = await fetch("/healthz", { method: "HEAD", cache: "no-store" }).catch(() => null);
  const date = answer?.headers.get("Date");
  // A Date header is told to the second: on average it is half of one later.
  return date ? new Date(date) - Date.now() + CLOCK_MS : 0;
}

// Money in minor units, written the reader's way.

/** Currencies that have other than two digits after the point, as the server counts them. */
const DIGITS = JSON.parse(document.querySelector('meta[name="currency-digits"]').content);

/** "₹2,500.00" for (250000, "INR"). */
export function money(minor, currency) {
  const digits = DIGITS[currency] ?? 2;
  const format = new Intl.NumberFormat("en-GB", {
    style: "currency",
    currency,
    currencyDisplay: "narrowSymbol",
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return format.format(minor / 10 ** digits);
}

// Whole numbers as rolling figures.

const reels = new WeakMap();
const calm = matchMedia("(prefers-reduced-motion: reduce)");

function makeReel(element) {
  const reel = document.createElement("span");
  reel.className = "reel";
  reel.setAttribute("aria-hidden", "true");
  element.after(reel);
  element.classList.add("unseen");
  reels.set(element, reel);
  return reel;
}

/** Columns are kept from the right, so that ones stay ones when a number loses its first figure. */
function fit(reel, count) {
  while (reel.childElementCount > count) reel.firstElementChild.remove();
  while (reel.childElementCount < count) {
    const figure = document.createElement("span");
    figure.className = "figure";
    reel.prepend(figure);
  }
}

/**
 * Shows `value` (a whole number, or null for "no number") in `element`: the element keeps the plain digits for
 * readers, an aria-hidden sibling shows them rolling. `[data-digits]` around it learns how many there are.
 */
export function roll(element, value) {
  const text = value === null ? "–" : String(Math.trunc(value));
  const reel = reels.get(element) ?? makeReel(element);
  if (element.textContent === text && reel.childElementCount) return;
  element.textContent = text;
  const holder = element.closest("[data-digits]");
  if (holder) holder.dataset.digits = text.length;
  if (value === null) {
    reel.replaceChildren("–");
    return;
  }
  if (!reel.firstElementChild) reel.replaceChildren();
  fit(reel, text.length);
  [...reel.children].forEach((figure, i) => figure.style.setProperty("--digit", text[i]));
  if (calm.matches) reel.animate({ opacity: [0.2, 1] }, 250);
}

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

// What every page needs: the look, local times, and countdowns that need no other script.

for (const button of document.querySelectorAll("[data-theme-button]")) themeButton(button);
localise();
for (const element of document.querySelectorAll("[data-countdown]")) {
  countDown(new Date(element.dataset.countdown), (text) => (element.textContent = text));
}
