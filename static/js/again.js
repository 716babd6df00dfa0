// A page that says "not now" asks again by itself, each time after a longer while.
import { countDown } from "./page.js";

const fault = document.querySelector("[data-again-in]");
const face = fault.querySelector("[data-again]");
const tries = history.state?.tries ?? 0;
const until = new Date(Date.now() + fault.dataset.againIn * 1000 * 2 ** Math.min(tries, 3));

countDown(until, (text, left) => {
  face.textContent = text;
  if (left > 0) return;
  history.replaceState({ tries: tries + 1 }, "");
  location.reload();
});
