// The parts beside the levers: the key that pauses, the question before closing, what moved meanwhile, the last acts.
import { tellAct, tellChange, tellMode } from "./lever-words.js";
import { call } from "./desk.js";
import { exactClock } from "./page.js";

const KEY = "p";
const SWITCHED_OFF = "desk-pause-key";
/** Where a letter is a letter. */
const FIELDS = "input:not([type=range], [type=checkbox], [type=radio]), textarea, select, [contenteditable]";
const LAST_ACTS = 5;

/** One press of a button, or of P anywhere but in a field: `act()`. The key can be switched off. */
export function emergency(root, act) {
  const [button, box] = [root.querySelector("[data-pause]"), root.querySelector("[data-pause-key]")];
  box.checked = remembered() !== "off";
  box.addEventListener("change", () => remember(box.checked ? "on" : "off"));
  button.addEventListener("click", act);
  document.addEventListener("keydown", (event) => {
    const { key, repeat, ctrlKey, metaKey, altKey, target } = event;
    if (!box.checked || key.toLowerCase() !== KEY || repeat || ctrlKey || metaKey || altKey) return;
    if (target.matches(FIELDS) || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    act();
  });
}

function remembered() {
  try {
    return localStorage.getItem(SWITCHED_OFF);
  } catch {
    return null;
  }
}

function remember(state) {
  try {
    localStorage.setItem(SWITCHED_OFF, state);
  } catch {
    // Without storage it holds until the page is left.
  }
}

/** Asks before the sale is closed; `close(reason)` if it is meant. */
export class CloseDialog {
  #dialog;
  #reason;

  constructor(root, close) {
    this.#dialog = root.querySelector("[data-close-dialog]");
    this.#reason = root.querySelector("[data-reason]");
    this.#reason.addEventListener("input", () => this.#reason.setCustomValidity(this.#reason.value.trim() ? "" : "Say why, in some words."));
    this.#dialog.addEventListener("close", () => {
      const meant = this.#dialog.returnValue === "close";
      this.#dialog.returnValue = "";
      if (meant) close(this.#reason.value.trim());
    });
  }

  ask(frame) {
    this.#dialog.querySelector("[data-close-means]").textContent = `${tellMode("closed", frame)} You can open it again.`;
    this.#dialog.showModal();
    this.#reason.focus();
  }
}

/** What somebody else moved before a change of ours arrived, and what may be done about it. */
export class Stale {
  #box;
  #choice = null;

  constructor(root) {
    this.#box = root.querySelector("[data-stale]");
    this.#box.querySelector("[data-see-theirs]").addEventListener("click", () => this.#end("theirs"));
    this.#box.querySelector("[data-set-mine]").addEventListener("click", () => this.#end("mine"));
  }

  /** Shows a refusal; `mine` says what was to be set, `choice` is { theirs(), mine() }. */
  show({ by, at, changed = {} }, mine, choice) {
    this.#choice = choice;
    const part = (name) => this.#box.querySelector(`[data-stale-${name}]`);
    part("who").textContent = `${by ?? "Somebody"} moved levers${at ? ` at ${exactClock(new Date(at))}` : ""}, before yours came. Nothing of yours was set.`;
    part("changes").replaceChildren(...Object.entries(changed).map(([lever, change]) => item(tellChange(lever, change))));
    part("mine").textContent = `You were about to set: ${mine}.`;
    this.#box.hidden = false;
    this.#box.scrollIntoView({ block: "center" });
    this.#box.querySelector("[data-see-theirs]").focus();
  }

  #end(which) {
    this.#box.hidden = true;
    this.#choice?.[which]();
    this.#choice = null;
  }
}

/** The last acts on the sale, read anew when `refresh` says that there is one more. */
export class LastActs {
  #list;
  #path;

  constructor(root, eventId) {
    this.#list = root.querySelector("[data-acts]");
    this.#path = `/api/organiser/events/${eventId}/audit?limit=${LAST_ACTS}`;
  }

  async refresh() {
    const { status, body } = await call("GET", this.#path);
    if (status !== 200) return;
    const rows = body.audit.map((act) => item(`${exactClock(new Date(act.at))} ${act.actor.name}: ${tellAct(act)}`));
    this.#list.replaceChildren(...(rows.length ? rows : [item("Nothing yet.")]));
  }
}

const item = (text) => Object.assign(document.createElement("li"), { textContent: text });
