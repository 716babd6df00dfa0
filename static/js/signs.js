// How a page says that the turn has come to somebody who looks elsewhere: by its title, a sound, a notification.
import { say } from "./page.js";

// Choices last longer than the page, for all lines alike; without storage they hold for this page.

const KEY = "turn-signs";

function chosen() {
  try {
    return new Set((localStorage.getItem(KEY) ?? "").split(" "));
  } catch {
    return new Set();
  }
}

function choose(name, on) {
  const names = chosen();
  if (on) names.add(name);
  else names.delete(name);
  try {
    localStorage.setItem(KEY, [...names].join(" ").trim());
  } catch {
    // Nothing to be done: the switch still shows what holds here.
  }
}

// Three rising notes, soft at both ends. A browser lets no page sound that was not touched yet.

const NOTES = [[587.33, 0], [739.99, 0.18], [1174.66, 0.36]];
const NOTE_SECONDS = 1.1;

class Chime {
  #context = null;

  /** Whether it can sound now; else it can once the page has been touched. Throws where there is no sound. */
  get ready() {
    this.#context ??= new AudioContext();
    return this.#context.state === "running";
  }

  /** From within a press or a touch. */
  wake() {
    return this.ready ? Promise.resolve() : this.#context.resume();
  }

  play() {
    const { currentTime: now, destination } = this.#context;
    for (const [frequency, after] of NOTES) {
      const note = new OscillatorNode(this.#context, { type: "sine", frequency });
      const loudness = new GainNode(this.#context, { gain: 0 });
      loudness.gain.setValueAtTime(0, now + after);
      loudness.gain.linearRampToValueAtTime(0.22, now + after + 0.03);
      loudness.gain.exponentialRampToValueAtTime(0.0005, now + after + NOTE_SECONDS);
      note.connect(loudness).connect(destination);
      note.start(now + after);
      note.stop(now + after + NOTE_SECONDS);
    }
  }
}

const chime = new Chime();

// What each switch does when it is turned on: gives what to say of it, and whether it is on now.

const AGAIN = "This page must be open for it. Press anywhere in it once, so that the browser lets it sound.";

async function soundOn() {
  try {
    // A browser that will not sound does not say so: it never answers.
    chime.wake().then(() => chime.play(), () => {});
  } catch {
    return [false, "This browser cannot play a sound here. The title of this page still tells you."];
  }
  return [true, "That is how it sounds. The page must stay open for it."];
}

async function notificationOn() {
  if (!("Notification" in globalThis)) return [false, "This browser has no notifications here. The title of this page still tells you."];
  const answer = await Notification.requestPermission();
  if (answer === "denied") return [false, "The browser does not allow notifications here. You can change that in its settings for this site."];
  if (answer !== "granted") return [false, "Not allowed yet. Switch it on again whenever you like."];
  return notify("This is how we call you", "You will be told here when it is your turn.")
    ? [true, "It is on. The page must stay open for it."]
    : [false, "On this device a page cannot show notifications. A sound, and the title of this page, still tell you."];
}

/** Some phones have the permission and the constructor, and throw all the same. */
function notify(title, body) {
  try {
    const shown = new Notification(title, { body, tag: "ticketflow-turn" });
    shown.onclick = () => (focus(), shown.close());
    return true;
  } catch {
    return false;
  }
}

const TURN_ON = { sound: soundOn, notification: notificationOn };

/** Makes the switches under `root` work, as they were left; what they have to say goes into `note`. */
export function prepareSigns(root, note) {
  for (const box of root.querySelectorAll("[data-sign]")) {
    const name = box.dataset.sign;
    box.checked = chosen().has(name) && (name !== "notification" || globalThis.Notification?.permission === "granted");
    box.addEventListener("change", async () => {
      const [on, words] = box.checked ? await TURN_ON[name]() : [false, "It is off."];
      box.checked = on;
      choose(name, on);
      note.textContent = words;
      say(words, { now: true });
    });
    if (name === "sound" && box.checked) wakeAtATouch(box, note);
  }
}

function wakeAtATouch(box, note) {
  try {
    if (chime.ready) return;
  } catch {
    box.checked = false;
    return;
  }
  const before = note.textContent;
  note.textContent = AGAIN;
  for (const touch of ["pointerdown", "keydown"]) {
    addEventListener(touch, () => chime.wake().then(() => note.textContent === AGAIN && (note.textContent = before)), { once: true });
  }
}

// The title changes its mark slowly while nobody looks, and stays still when somebody does.

const TITLE_MS = 1_500;
let blinking;

function blink(words) {
  const marks = ["●", "○"];
  clearInterval(blinking);
  document.title = `● ${words}`;
  blinking = setInterval(() => {
    if (document.hidden) document.title = `${marks.reverse()[0]} ${words}`;
    else document.title = `● ${words}`;
  }, TITLE_MS);
}

/** The title, calm again. */
export function title(words) {
  clearInterval(blinking);
  if (document.title !== words) document.title = words;
}

/** Says that it is the fan's turn: by the title in any case; if it is `news`, by what they switched on as well. */
export function callFan(root, eventName, news) {
  blink(`Your turn: ${eventName}`);
  if (!news) return;
  const on = (name) => root.querySelector(`[data-sign="${name}"]`).checked;
  if (on("sound") && chime.ready) chime.play();
  if (on("notification") && !(document.hasFocus() && !document.hidden)) {
    notify("It is your turn", `${eventName}: come in, your place is waiting.`);
  }
}
