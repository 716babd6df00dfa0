// The organiser's levers: each says what it will do before it does it, and what was acknowledged after.
import { call } from "./desk.js";
import { exactClock } from "./page.js";

const MODE_EFFECTS = {
  open: "People are let in at the rate that is set.",
  paused: "Nobody new is let in. Places stay, those inside finish.",
  lobby: "People gather. When it opens they are drawn into one order.",
  closed: "Nobody joins and nobody is let in. Those inside finish.",
};
const REOPENED_LOBBY = "Nobody is let in. The draw is over: who comes now is first come, first served.";
const WORDS = { mode: "The room is", rate_per_minute: "Let in a minute:", max_active: "Most inside at once:", message: "Message:" };

/** "gone in about 4 min" for a line at a rate, both in people. */
export function lineGone(waiting, rate) {
  if (!waiting) return "Nobody is waiting now.";
  if (!rate) return `Nobody is let in; the line of ${waiting} stands still.`;
  const minutes = waiting / rate;
  const time = minutes < 1 ? "less than a minute" : minutes < 120 ? `about ${Math.ceil(minutes)} min` : `about ${Math.round(minutes / 60)} hours`;
  return `At ${rate} a minute the line of ${waiting} is gone in ${time}.`;
}

export class Levers {
  #root;
  #path;
  #frame;
  #set;
  #pending = null;

  constructor(root, eventId, frame, policy) {
    this.#root = root;
    this.#path = `/api/organiser/events/${eventId}/room`;
    this.#frame = frame;
    this.#set = policy;
    for (const button of root.querySelectorAll("[data-mode]")) this.#modeButton(button);
    for (const form of root.querySelectorAll("form[data-lever]")) this.#form(form);
    this.#showMode(policy.mode);
    this.#preview();
  }

  get rate() {
    return this.#set.rate_per_minute;
  }

  /** Takes a desk frame: previews follow the line, and a change is told as in force when the room shows it. */
  see(frame) {
    this.#frame = frame;
    for (const name of Object.keys(this.#set)) if (name in frame) this.#follow(name, frame[name]);
    this.#showMode(this.#set.mode);
    this.#preview();
    const [name, value] = this.#pending ?? [];
    if (name && frame[name] === value) {
      this.#tell(`${WORDS[name]} ${value || "none"}. In force since ${exactClock(new Date())}.`);
      this.#pending = null;
    }
  }

  /** Another organiser's change shows on the lever, unless somebody here is about to change it too. */
  #follow(name, value) {
    const before = String(this.#set[name]);
    this.#set[name] = value;
    for (const input of this.#root.querySelectorAll(`[data-lever="${name}"] input`)) {
      if (input.value === before && input !== document.activeElement) input.value = value;
    }
  }

  #modeButton(button) {
    const { mode } = button.dataset;
    const preview = () => this.#say("mode", this.#effect(mode));
    for (const type of ["pointerenter", "focus"]) button.addEventListener(type, preview);
    button.addEventListener("pointerleave", () => this.#showMode(this.#set.mode));
    button.addEventListener("click", () => this.#pull("mode", mode));
  }

  /** What a mode does. Whoever gathers after the first opening is drawn no more. */
  #effect(mode) {
    return mode === "lobby" && this.#frame.opened ? REOPENED_LOBBY : MODE_EFFECTS[mode];
  }

  #form(form) {
    const [number, slider] = [form.querySelector(".input"), form.querySelector("[data-slider]")];
    slider?.addEventListener("input", () => (number.value = slider.value));
    if (slider) number.addEventListener("input", () => (slider.value = number.value));
    form.addEventListener("input", () => this.#preview());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#pull(number.name, number.type === "number" ? Number(number.value) : number.value.trim());
    });
  }

  async #pull(name, value) {
    this.#tell("Sending");
    const { status, body } = await call("PATCH", this.#path, { [name]: value });
    if (status !== 200) return this.#tell(body?.detail ?? "Not set. The room runs on as before.", true);
    this.#pending = [name, value];
    this.#tell(`${WORDS[name]} ${value === "" ? "none" : value}. Taken at ${exactClock(new Date())}, acts on the next tick.`);
  }

  #preview() {
    const wanted = (name) => Number(this.#root.querySelector(`[name="${name}"]`).value);
    const { waiting, called, active } = this.#frame;
    this.#say("rate_per_minute", lineGone(waiting, wanted("rate_per_minute")));
    const room = wanted("max_active") - called - active;
    this.#say("max_active", room > 0 ? `Room for ${room} more at this moment.` : "Full: one comes in as one goes out.");
    const text = this.#root.querySelector('[name="message"]').value.trim();
    this.#say("message", text ? `Shown to the ${waiting} who wait, ${text.length} of 500 letters.` : "Nothing is shown.");
  }

  #showMode(mode) {
    for (const button of this.#root.querySelectorAll("[data-mode]")) {
      button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
    }
    if (!this.#root.querySelector("[data-mode]:is(:hover, :focus-visible)")) this.#say("mode", this.#effect(mode));
  }

  #say(name, text) {
    this.#root.querySelector(`[data-preview="${name}"]`).textContent = text;
  }

  #tell(text, bad = false) {
    const line = this.#root.querySelector("[data-acknowledged]");
    line.textContent = text;
    line.dataset.bad = bad ? "yes" : "no";
  }
}
