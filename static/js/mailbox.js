// New mail appears by itself: the server draws the list, the page takes it from there.
import { localise } from "./page.js";

const LOOK_MS = 2_000;
const letters = () => document.querySelector("[data-letters]");
let last = letters().innerHTML;

async function look() {
  if (document.visibilityState !== "visible") return;
  const response = await fetch(location.href).catch(() => null);
  if (!response?.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("[data-letters]");
  if (fresh.innerHTML === last) return;
  last = fresh.innerHTML;
  letters().replaceChildren(...document.adoptNode(fresh).childNodes);
  localise(letters());
}

setInterval(look, LOOK_MS);
