// A code for the whole screen. A phone that darkens in the hand at the door helps nobody.

const bright = document.querySelector("[data-bright]");
const part = (name) => bright.querySelector(`[data-bright-${name}]`);
let codes = [];
let shown = 0;
let awake = null;

// Without this script a code is a picture, and no button that does nothing.
for (const still of document.querySelectorAll("div[data-code]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = still.className;
  Object.assign(button.dataset, still.dataset);
  button.setAttribute("aria-label", `Show the code ${still.dataset.code} large`);
  button.append(...still.childNodes);
  still.replaceWith(button);
}

function show(index) {
  shown = index;
  const { code, name, seat } = codes[index].dataset;
  part("name").textContent = name;
  part("seat").textContent = codes.length > 1 ? `${seat}, ${index + 1} of ${codes.length}` : seat;
  part("code").textContent = code;
  part("qr").setAttribute("aria-label", `Code to be read at the door: ${code}`);
  part("qr").replaceChildren(codes[index].querySelector("svg").cloneNode(true));
  for (const button of bright.querySelectorAll("[data-bright-step]")) {
    button.hidden = codes.length < 2;
    button.disabled = !codes[index + Number(button.dataset.brightStep)];
  }
}

async function stayAwake() {
  // Not every browser can, and a battery that runs low may refuse.
  awake = bright.open ? await navigator.wakeLock?.request("screen").catch(() => null) : null;
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-code]");
  if (!link || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  codes = [...link.closest("[data-codes]").querySelectorAll("[data-code]")];
  show(codes.indexOf(link));
  bright.showModal();
  stayAwake();
});

bright.addEventListener("click", (event) => {
  const step = event.target.closest("[data-bright-step]");
  if (step) show(shown + Number(step.dataset.brightStep));
});

bright.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (step && codes[shown + step]) show(shown + step);
});

bright.addEventListener("close", () => {
  awake?.release();
  codes[shown]?.focus();
});

// A page that was out of sight has lost its lock.
document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && stayAwake());
