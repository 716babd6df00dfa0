// The door to the line: it joins by itself, at once after signing in, or when there is room for more.
import { countDown } from "./page.js";

// Those who wait at one address do not all come back in the same second.
const SPREAD_MS = 5_000;
const form = document.querySelector("[data-join-in]");

function joinAfter(seconds) {
  const face = document.querySelector("[data-join-clock]");
  countDown(new Date(Date.now() + seconds * 1000), (text, left) => {
    face.textContent = text;
    if (left === 0) setTimeout(() => form.requestSubmit(), Math.random() * SPREAD_MS);
  });
}

if (form) {
  const seconds = Number(form.dataset.joinIn);
  if (seconds) joinAfter(seconds);
  else form.requestSubmit();
}
