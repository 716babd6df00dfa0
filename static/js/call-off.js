// An event that is being called off: how far it is, asked once a second until all is done. The page is drawn anew
// then, as it is without this script.
import { count } from "./page.js";

const EVERY_MS = 1_000;
const root = document.querySelector("[data-call-off]");

function show(far) {
  const all = far.bookings - far.left_alone;
  const said = { all, cancelled: far.cancelled, refunded: far.refunded, failed: far.failed };
  for (const place of root.querySelectorAll("[data-said]")) place.textContent = count(said[place.dataset.said]);
  for (const bar of root.querySelectorAll("[data-bar]")) {
    bar.max = all || 1;
    bar.value = all ? said[bar.dataset.bar] : 1;
  }
  root.querySelector("[data-failed]").hidden = far.failed === 0;
}

async function look() {
  const answer = await fetch(`/api/organiser/events/${root.dataset.callOff}/cancel`).catch(() => null);
  if (answer?.ok) {
    const far = await answer.json();
    if (far.state !== root.dataset.state) return location.reload();
    show(far);
  }
  setTimeout(look, EVERY_MS);
}

if (root.dataset.state === "running") setTimeout(look, EVERY_MS);
