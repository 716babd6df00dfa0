// New mail appears by itself: the server draws the list, the page takes it from there.
import { localise, toast } from "./page.js";

const LOOK_MS = 2_000;
const letters = (root = document) => root.querySelector("[data-letters]");
const newest = (root) => letters(root).querySelector(".letter");
let last = newest()?.getAttribute("href");

async function look() {
  if (document.visibilityState !== "visible") return;
  const response = await fetch(location.href).catch(() => null);
  if (!response?.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  const letter = newest(fresh);
  if (!letter || letter.getAttribute("href") === last) return;
  last = letter.getAttribute("href");
  const subject = letter.querySelector("strong").textContent;
  letters().replaceChildren(...document.adoptNode(letters(fresh)).childNodes);
  localise(letters());
  toast(`New mail: ${subject}`);
}

setInterval(look, LOOK_MS);
