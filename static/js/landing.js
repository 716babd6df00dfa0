// Keeps the landing page true while somebody looks at it: stock, states, countdowns, and which events there are.
import { call, goneIn, prepareStock, showStock, stockOf } from "./desk.js";
import { clockAhead, countDown, localise } from "./page.js";

const REFRESH_MS = 15_000;
const NEAR = "300px";
const list = () => document.querySelector("[data-list]");
const cards = () => [...list().querySelectorAll("[data-event]")];
let stopClocks = [];

async function refresh() {
  if (document.visibilityState !== "visible") return;
  const { status, body } = await call("GET", "/api/events");
  if (status !== 200) return;
  const events = new Map(body.map((event) => [String(event.id), event]));
  const shown = cards();
  // A filtered page holds only what was found, until the words are gone.
  const other = !new URLSearchParams(location.search).has("q") && shown.length !== events.size;
  if (other || shown.some((card) => isElsewhere(card, events.get(card.dataset.event)))) return renew();
  for (const card of shown) if (card.dataset.state) show(card, events.get(card.dataset.event));
}

/** An event that is gone, or has closed, or is on again, stands in another place of the list. */
function isElsewhere(card, event) {
  if (!event) return true;
  if (card.dataset.state) return event.sale_state === "closed";
  return event.sale_state !== "closed" && new Date(event.starts_at) > Date.now();
}

function show(card, event) {
  const frame = stockOf(event);
  showStock(frame, card);
  card.dataset.state = event.sale_state;
  card.dataset.byHand = event.opens_by_hand ? "yes" : "no";
  const fast = event.ticket_types.find((type) => event.gone_in_minutes[type.id]);
  const words = fast ? goneIn(event.gone_in_minutes[fast.id], event.ticket_types.length > 1 ? fast.name : "") : "";
  const line = card.querySelector("[data-fast]");
  if (line.textContent !== words) line.textContent = words;
}

/** The server writes the list; the page takes it from there. What was typed stays. */
async function renew() {
  const answer = await fetch(location.pathname).catch(() => null);
  if (!answer?.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-list]");
  const typed = list().querySelector("[type=search]");
  const search = fresh.querySelector("form");
  if (typed && search) search.replaceWith(typed.form);
  list().replaceWith(document.adoptNode(fresh));
  localise(list());
  begin();
}

// Pictures come when they come near.

const near = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      target.src = target.dataset.src;
    }
  },
  { rootMargin: NEAR },
);

// Countdowns go by the server's clock.

async function count() {
  const ahead = await clockAhead(list().dataset.saidAt);
  for (const stop of stopClocks) stop();
  stopClocks = [...list().querySelectorAll("[data-opens]")].map((face) =>
    countDown(new Date(face.dataset.opens) - ahead, (text, left) => (face.textContent = left ? text : "Now")),
  );
}

// The search looks through what is there, letter by letter. In step with found_by in web/listing.py.

function filter(input) {
  const wanted = input.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const card of cards()) {
    const words = card.dataset.words.toLocaleLowerCase();
    card.hidden = !wanted.every((word) => words.includes(word));
    found += !card.hidden;
  }
  for (const section of list().querySelectorAll("section:has([data-event])"))
    section.hidden = !section.querySelector("[data-event]:not([hidden])");
  list().querySelector("[data-found]").textContent = wanted.length ? `${found} found` : "";
  list().querySelector("[data-nothing]").hidden = found > 0;
  // The first poster is larger than the rest, which looks odd among the few that were found.
  list().toggleAttribute("data-filtered", wanted.length > 0);
}

function startSearch(input) {
  const all = new URL(location);
  all.searchParams.delete("q");
  input.addEventListener("input", () => filter(input));
  input.form.addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-all]")) return;
    event.preventDefault();
    input.value = "";
    input.focus();
    filter(input);
  });
  if (location.search.includes("q=")) {
    // The server has left out what does not fit; from here on it is done here.
    history.replaceState(null, "", all);
    renew();
  }
}

function begin() {
  prepareStock(list());
  for (const picture of list().querySelectorAll("[data-src]")) near.observe(picture);
  count();
  const input = list().querySelector("[type=search]");
  if (!input) return;
  if (!input.dataset.ready) startSearch(input);
  input.dataset.ready = "yes";
  filter(input);
}

begin();
setInterval(refresh, REFRESH_MS);
document.addEventListener("visibilitychange", refresh);
