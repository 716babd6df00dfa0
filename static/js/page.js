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

const looks = new Set();

function keep(choice) {
  paint(choice);
  const { accountLook } = document.documentElement.dataset;
  try {
    if (choice === "system") localStorage.removeItem("theme");
    else localStorage.setItem("theme", choice);
    // For theme-boot.js: a page that was written before the account heard of it does not undo the choice.
    if (accountLook) localStorage.setItem("theme-told", Date.now());
    else localStorage.removeItem("theme-told");
  } catch {
    // Without storage the choice holds for this page.
  }
  if (accountLook) tellAccount(choice);
}

/** Who is signed in finds the look on their other devices. */
async function tellAccount(theme) {
  const sent = { method: "PATCH", keepalive: true, headers: { "Content-Type": "application/json" }, body: JSON.stringify({ theme }) };
  const answer = await fetch("/api/me", sent).catch(() => null);
  // Signed out meanwhile, in another tab: then there is nobody to keep it for.
  if (!answer?.ok && answer?.status !== 401) toast("Kept in this browser. Your account could not be told.", { kind: "problem" });
}

/** In step with theme-boot.js, which does the same before the first paint. */
function paint(choice) {
  const root = document.documentElement;
  if (choice === "system") delete root.dataset.theme;
  else root.dataset.theme = choice;
  root.style.colorScheme = choice === "system" ? "" : choice;
  for (const sky of document.querySelectorAll("meta[data-sky]")) {
    const own = `(prefers-color-scheme: ${sky.dataset.sky})`;
    sky.media = choice === "system" ? own : sky.dataset.sky === choice ? "all" : "not all";
  }
  for (const show of looks) show();
}

/** Makes a button go round the three looks and say which one it shows. */
export function themeButton(button) {
  const show = () => {
    button.dataset.choice = kept();
    button.setAttribute("aria-label", `Look: ${WORDS[kept()]}. Change to ${WORDS[next(kept())]}`);
  };
  button.addEventListener("click", () => keep(next(kept())));
  looks.add(show);
  show();
}

/** Three radio buttons for the same choice. */
function themeChoice(fieldset) {
  const show = () => (fieldset.querySelector(`[value="${kept()}"]`).checked = true);
  fieldset.addEventListener("change", (event) => keep(event.target.value));
  looks.add(show);
  show();
}

// Another tab has chosen.
addEventListener("storage", ({ key, newValue }) => key === "theme" && paint(newValue ?? "system"));

// Times, numbers and money as the reader writes them. Words stay English: the pages' language.

function usable(tag) {
  try {
    return Intl.getCanonicalLocales(tag).length > 0;
  } catch {
    return false;
  }
}

const READER = [...navigator.languages.filter(usable), "en-GB"];
const ENGLISH = READER.find((tag) => /^en\b/i.test(tag));
const { hourCycle } = new Intl.DateTimeFormat(READER, { hour: "numeric" }).resolvedOptions();
const dates = (options) => new Intl.DateTimeFormat(ENGLISH, { ...options, ...(options.hour && { hourCycle }) });

const HOUR = { hour: "2-digit", minute: "2-digit" };
const CLOCK = dates(HOUR);
const SHAPES = {
  clock: { ...HOUR, timeZoneName: "short" },
  exact: { ...HOUR, second: "2-digit" },
  day: { weekday: "short", day: "numeric", month: "long", year: "numeric" },
  both: { weekday: "short", day: "numeric", month: "long", ...HOUR, timeZoneName: "short" },
};
const made = {};
// By the reader's clocks; an event's own times by those where it is.
const shaped = (shape, timeZone) => (made[shape + timeZone] ??= dates({ ...SHAPES[shape], timeZone }));
const AGO = new Intl.RelativeTimeFormat(ENGLISH, { numeric: "auto" });

function tell(shape, date, timeZone) {
  if (shape === "ago") return ago(date);
  // "Sat 12 December", as the server writes it, not "Sat, 12 December": text that stays does not jump.
  return shaped(shape, timeZone).format(date).replace(/^(\w+),/, "$1");
}

function ago(date) {
  const minutes = Math.round((date - Date.now()) / 60_000);
  if (Math.abs(minutes) < 1) return "just now";
  if (Math.abs(minutes) < 60) return AGO.format(minutes, "minute");
  return Math.abs(minutes) < 1440 ? AGO.format(Math.round(minutes / 60), "hour") : tell("both", date);
}

/** Writes every <time data-local="clock|exact|day|both|ago">, <data data-money> and <data data-count> under `root` the reader's way. */
export function localise(root = document) {
  for (const element of root.querySelectorAll("time[data-local]")) {
    const text = tell(element.dataset.local, new Date(element.dateTime), element.dataset.at);
    if (element.textContent !== text) element.textContent = text;
  }
  for (const element of root.querySelectorAll("data[data-money]")) {
    const text = money(Number(element.value), element.dataset.money);
    if (element.textContent !== text) element.textContent = text;
  }
  for (const element of root.querySelectorAll("data[data-count]")) element.textContent = count(Number(element.value));
}

/** The time of day; a Date that is none would throw, and take the page's script with it. */
export function clock(date) {
  return Number.isNaN(date.getTime()) ? "–:––" : CLOCK.format(date);
}

export function exactClock(date) {
  return shaped("exact").format(date);
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

const SLIGHT_MS = 2_000;

/** The server's moments by this device's clock, which may be minutes wrong: what is left is right all the same. */
export class DeskClock {
  #fast = 0;

  /** `at` is the server's time (ISO) in a page that comes from no cache. */
  constructor(at) {
    const [visit] = performance.getEntriesByType("navigation");
    if (visit) this.#hear(performance.timeOrigin + visit.responseStart - Date.parse(at));
  }

  /** Learns from an answer that has just come: the clock may have been set since. */
  hear(headers) {
    this.#hear(Date.now() - Date.parse(headers.get("Date")));
  }

  here(iso) {
    return new Date(Date.parse(iso) + this.#fast);
  }

  #hear(fast) {
    if (Math.abs(fast - this.#fast) > SLIGHT_MS) this.#fast = fast;
  }
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

/** Runs `work` once at a time, its button resting meanwhile. */
export async function once(button, work) {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  try {
    await work();
  } finally {
    button.removeAttribute("aria-disabled");
  }
}

// Counts, and money in minor units.

const COUNTS = new Intl.NumberFormat(READER);

/** "49,906" for 49906, or "49.906". */
export function count(number) {
  return COUNTS.format(number);
}

/** Currencies that have other than two digits after the point, as the server counts them. */
export const DIGITS = JSON.parse(document.querySelector('meta[name="currency-digits"]').content);

/** "₹2,500.00" for (250000, "INR"), or "2.500,00 ₹"; `whole`, where a sum is watched, without what is after the point. */
export function money(minor, currency, { whole = false } = {}) {
  const digits = DIGITS[currency] ?? 2;
  const shown = whole ? 0 : digits;
  const format = new Intl.NumberFormat(READER, {
    style: "currency",
    currency,
    currencyDisplay: "narrowSymbol",
    minimumFractionDigits: shown,
    maximumFractionDigits: shown,
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

// Words in passing, in a corner of the page.

const MOST_TOASTS = 3;
const tray = document.querySelector("[data-toasts]");

/**
 * Shows `text` in a corner for some seconds, longer while a pointer or the focus is on it; readers hear it too.
 * `kind` is "news" or "problem"; `action` is { label, href } or { label, press }. Gives a function that takes it away.
 * For what may be missed: an error stands in its own place on the page, whatever a toast says.
 */
export function toast(text, { kind = "news", action, seconds = 6 } = {}) {
  const box = document.createElement("div");
  box.className = "toast";
  box.dataset.kind = kind;
  box.append(Object.assign(document.createElement("p"), { textContent: text }));
  let timer;
  const away = () => {
    clearTimeout(timer);
    box.classList.add("going");
    Promise.allSettled(box.getAnimations().map((animation) => animation.finished)).then(() => box.remove());
  };
  const wait = () => Number.isFinite(seconds) && (timer = setTimeout(away, seconds * 1000));
  if (action) box.append(actionOf(action, away));
  box.append(press("×", away, "Dismiss"));
  for (const come of ["pointerenter", "focusin"]) box.addEventListener(come, () => clearTimeout(timer));
  for (const go of ["pointerleave", "focusout"]) box.addEventListener(go, () => (clearTimeout(timer), wait()));
  while (tray.childElementCount >= MOST_TOASTS) tray.firstElementChild.remove();
  tray.append(box);
  wait();
  return away;
}

function actionOf({ label, href, press: pressed }, away) {
  if (href) return Object.assign(document.createElement("a"), { href, textContent: label });
  return press(label, () => (pressed(), away()));
}

function press(words, pressed, label) {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: words });
  if (label) button.setAttribute("aria-label", label);
  button.addEventListener("click", pressed);
  return button;
}

// A form is sent once, however often its button is pressed; after a while, or a step back, it can be sent again.

const SENT_MS = 10_000;

document.addEventListener("submit", (event) => {
  const form = event.target;
  // "Keep it" in a dialog sends nothing, and the other button may still be pressed after it.
  const method = event.submitter?.formMethod || form.method;
  if (event.defaultPrevented || method !== "post") return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "yes";
  event.submitter?.setAttribute("data-pressed", "");
  setTimeout(canBeSent, SENT_MS, form);
});
addEventListener("pageshow", ({ persisted }) => persisted && [...document.forms].forEach(canBeSent));

/** Lets a form be sent again, after its answer has come. */
export function canBeSent(form) {
  delete form.dataset.sent;
  form.querySelector("[data-pressed]")?.removeAttribute("data-pressed");
}

// At last: what the page at hand has of all this.

for (const button of document.querySelectorAll("[data-theme-button]")) themeButton(button);
for (const fieldset of document.querySelectorAll("[data-looks]")) themeChoice(fieldset);
for (const name of document.querySelectorAll("[data-zone]")) name.textContent = CLOCK.resolvedOptions().timeZone.replaceAll("_", " ");
localise();
if (document.querySelector('[data-local="ago"]')) setInterval(localise, 60_000);
for (const element of document.querySelectorAll("[data-countdown]")) {
  countDown(new Date(element.dataset.countdown), (text) => (element.textContent = text));
}
if (document.querySelector("[data-again-in]")) import("./again.js");
if (document.querySelector("form .field-problem")) import("./form.js");
if (document.querySelector("form[data-here]")) import("./here.js");
try {
  // What form.js keeps is for the way through a form and its faults, no longer.
  if (!document.querySelector("[data-draft], [data-fault]")) sessionStorage.removeItem("drafts");
} catch {
  // Without storage there are none.
}

// Pages with a line to the server say in their own place that it is cut.
if (!document.querySelector("[data-connection]")) {
  let away = () => {};
  addEventListener("offline", () => {
    away = toast("You are offline. What you see stays as it is.", { kind: "problem", seconds: Infinity });
  });
  addEventListener("online", () => (away(), toast("You are online again.")));
}
