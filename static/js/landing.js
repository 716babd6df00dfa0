// Keeps the posters' numbers true while somebody looks at them.
import { call, prepareStock, showStock, stockOf } from "./desk.js";

const REFRESH_MS = 15_000;
const posters = new Map([...document.querySelectorAll("[data-event]")].map((poster) => [poster.dataset.event, poster]));

async function refresh() {
  if (document.visibilityState !== "visible") return;
  const { status, body } = await call("GET", "/api/events");
  if (status !== 200) return;
  for (const event of Array.isArray(body) ? body : body.events) {
    const poster = posters.get(String(event.id));
    if (poster) show(poster, event);
  }
}

function show(poster, event) {
  showStock(stockOf(event), poster);
  poster.querySelector("[data-sale-date]").hidden = !["scheduled", "lobby"].includes(event.sale_state);
}

prepareStock();
if (posters.size) {
  setInterval(refresh, REFRESH_MS);
  document.addEventListener("visibilitychange", refresh);
}
