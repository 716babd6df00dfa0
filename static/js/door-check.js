// The door: each code is sent as soon as it is read, and the field is free for the next. The server draws what
// came of it; the page takes the verdict and the counter from there. Codes are checked one after the other.
import { canBeSent, localise } from "./page.js";

const LOOK_MS = 200;
const SAME_MS = 5_000;
const BUZZ = { valid: 60, ready: 0 };
const form = document.querySelector("[data-check]");
const field = form.elements.code;
const find = (part, root = document) => root.querySelector(`[data-part="${part}"]`);
const calm = matchMedia("(prefers-reduced-motion: reduce)");
let last = Promise.resolve();

form.addEventListener("submit", (event) => {
  event.preventDefault();
  // Taken out at once: a scanner types the next one while this is asked.
  const body = new URLSearchParams(new FormData(form));
  field.value = "";
  last = last.then(() => check(body));
});
// page.js lets a form be sent once; this one is sent as often as somebody comes.
document.addEventListener("submit", () => canBeSent(form));

async function check(body) {
  try {
    const answer = await fetch(form.action, { method: "POST", body });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!find("verdict", fresh)) return answer.redirected ? location.assign(location.href) : unreached(fresh.querySelector(".fault-what")?.textContent);
    for (const part of ["verdict", "inside"]) take(part, fresh);
  } catch {
    unreached();
  }
  field.focus({ preventScroll: true });
  // A small phone stays where the button was pressed, and the verdict would lie above its edge.
  const { top, bottom } = find("verdict").getBoundingClientRect();
  if (top < 0 || bottom > innerHeight) {
    find("verdict").scrollIntoView({ block: "start", behavior: calm.matches ? "instant" : "smooth" });
  }
}

function take(part, fresh) {
  const here = find(part);
  const taken = find(part, fresh);
  // What readers listen to stays the same element; what it says is new.
  here.dataset.verdict = taken.dataset.verdict ?? "";
  here.replaceChildren(...document.adoptNode(taken).childNodes);
  localise(here);
  if (part === "verdict") tell(here);
}

function tell(shown) {
  shown.classList.remove("fresh");
  void shown.offsetWidth;
  shown.classList.add("fresh");
  navigator.vibrate?.(BUZZ[shown.dataset.verdict] ?? [120, 80, 120]);
}

function unreached(why) {
  const shown = find("verdict");
  shown.dataset.verdict = "unreached";
  shown.querySelector("[data-verdict-word]").textContent = "No answer";
  const words = document.createElement("p");
  words.textContent = `${why ?? "The desk could not be reached."} Check this ticket again. If it was used a moment ago at this very door, that was this try.`;
  shown.querySelector("[data-verdict-more]").replaceChildren(words);
  tell(shown);
}

// A scanner types wherever the focus is: a press beside the fields brings it back.
document.addEventListener("click", ({ target }) => target.closest("a, button, input, label, video, dialog") ?? field.focus());

// The camera, where the browser reads codes by itself.

const camera = document.querySelector("[data-camera]");
const view = camera.querySelector("[data-camera-view]");
const button = camera.querySelector("[data-camera-button]");
let stream = null;
let awake = null;
let seen = { code: "", at: 0 };

async function offerCamera() {
  if (!("BarcodeDetector" in window) || !navigator.mediaDevices) return;
  const formats = await BarcodeDetector.getSupportedFormats().catch(() => []);
  camera.hidden = !formats.includes("qr_code");
}

async function begin() {
  const note = camera.querySelector("[data-camera-note]");
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch {
    note.textContent = "The camera cannot be used. Your browser may ask for leave in its address bar. Typing goes on.";
    return;
  }
  note.textContent = "";
  awake = await navigator.wakeLock?.request("screen").catch(() => null);
  view.srcObject = stream;
  view.hidden = false;
  view.play().catch(() => {}); // a camera that is stopped before its first picture
  watch(new BarcodeDetector({ formats: ["qr_code"] }), stream);
}

async function watch(detector, mine) {
  while (stream === mine) {
    const [code] = await detector.detect(view).catch(() => []);
    if (code) scanned(code.rawValue);
    await new Promise((resume) => setTimeout(resume, LOOK_MS));
  }
}

/** A ticket is held before the camera for a while: it is checked once. */
function scanned(code) {
  const again = code === seen.code && performance.now() - seen.at < SAME_MS;
  seen = { code, at: performance.now() };
  if (again) return;
  field.value = code.slice(0, field.maxLength);
  form.requestSubmit();
}

function end() {
  stream.getTracks().forEach((track) => track.stop());
  awake?.release();
  stream = null;
  view.srcObject = null;
  view.hidden = true;
}

button.addEventListener("click", async () => {
  if (stream) end();
  else await begin();
  button.setAttribute("aria-pressed", String(Boolean(stream)));
  button.textContent = stream ? "Stop the camera" : "Use the camera";
});

offerCamera();
