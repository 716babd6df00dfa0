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
