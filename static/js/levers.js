// The organiser's levers: each says what it will do before it does it, what was acknowledged after, and what others moved.
import { call } from "./desk.js";
import { CloseDialog, emergency, LastActs, Stale } from "./lever-parts.js";
import { RateSlider } from "./lever-slider.js";
import { people, tellChange, tellDrain, tellMode, tellOutlook, WORDS } from "./lever-words.js";
import { count, exactClock, say } from "./page.js";

const LEVERS = Object.keys(WORDS);
const TYPED_MS = 200;
const OUTLOOK_MS = 5_000;
const FLASH_MS = 8_000;
const UNSET = "Not set. The room runs on as before.";

export class Levers {
  #root;
  #path;
  #frame;
  #set;
  #revision;
  // The revision that a lever was last seen at by who types into it: another's change since makes theirs stale.
  #bases = {};
  #sending = false;
  #pending = null;
  #beforePause = null;
  #drainedAt = null;
  #outlookAt = 0;
  #outlookTimer;
  #slider;
  #close;
  #stale;
  #acts;

  constructor(root, eventId, frame, policy) {
    this.#root = root.querySelector(".levers");
    this.#path = `/api/organiser/events/${eventId}/room`;
    this.#frame = frame;
    this.#set = Object.fromEntries(LEVERS.map((name) => [name, policy[name]]));
    this.#revision = policy.revision;
    this.#slider = new RateSlider(this.#part("[data-slider]"), (rate) => this.#type("rate_per_minute", rate));
    this.#close = new CloseDialog(this.#root, (reason) => this.#pull({ mode: "closed", message: reason }));
    this.#stale = new Stale(this.#root);
    this.#acts = new LastActs(this.#root, eventId);
    for (const button of this.#root.querySelectorAll("[data-mode]")) this.#modeButton(button);
    for (const form of this.#root.querySelectorAll("form[data-lever]")) this.#form(form);
    emergency(this.#root, () => this.#pauseOrResume());
    this.#acts.refresh();
    this.#show();
    this.#askOutlook();
  }

  get rate() {
    return this.#set.rate_per_minute;
  }

  /** Takes a desk frame: previews follow the line, others' changes show, and ours is told as in force when the room shows it. */
  see(frame) {
    this.#frame = frame;
    const { revision = this.#revision } = frame;
    // An older frame shows the levers as they were before a change of ours.
    if (!this.#sending && revision >= this.#revision) {
      const theirs = revision > this.#revision ? (frame.steered_by ?? "Somebody") : null;
      for (const name of LEVERS) if (name in frame && frame[name] !== this.#set[name]) this.#follow(name, frame[name], theirs);
      if (theirs) this.#acts.refresh();
      this.#revision = revision;
      this.#confirm();
    }
    this.#show();
    if (performance.now() - this.#outlookAt > OUTLOOK_MS) this.#askOutlook();
  }

  /** A change that is not ours shows on its lever, and says whose it is; what is being typed here stays, and is stale. */
  #follow(name, value, by) {
    const before = this.#set[name];
    const typed = this.#isTyped(name);
    this.#set[name] = value;
    if (name === "mode" && value === "paused") this.#beforePause = before;
    if (typed) this.#bases[name] ??= this.#revision;
    else this.#write(name, value);
    if (!by) return;
    const note = `${by} has set ${tellChange(name, { from: before, to: value })} at ${exactClock(new Date())}.`;
    this.#flash(name, typed ? `${note} What you have typed is not set.` : note);
    say(note, { now: true });
  }

  #flash(name, note) {
    const lever = this.#part(`[data-lever="${name}"]`);
    lever.querySelector("[data-by]").textContent = note;
    lever.dataset.moved = "yes";
    setTimeout(() => delete lever.dataset.moved, FLASH_MS);
  }

  #isTyped(name) {
    const input = this.#root.querySelector(`[name="${name}"]`);
    return Boolean(input) && input.value !== String(this.#set[name]);
  }

  #write(name, value) {
    const input = this.#root.querySelector(`[name="${name}"]`);
    if (input) input.value = value;
    if (name === "rate_per_minute") this.#showRate(value);
  }

  #modeButton(button) {
    const { mode } = button.dataset;
    const preview = () => this.#say("mode", tellMode(mode, this.#frame));
    for (const type of ["pointerenter", "focus"]) button.addEventListener(type, preview);
    button.addEventListener("pointerleave", () => this.#showMode());
    button.addEventListener("click", () => {
      if (mode !== "closed") this.#turn(mode);
      else if (this.#set.mode !== "closed") this.#close.ask(this.#frame);
    });
  }

  /** Another mode. Who opens a closed sale takes its reason off the pages. */
  #turn(mode, options) {
    const reason = this.#set.mode === "closed" && mode !== "closed" && this.#set.message ? { message: "" } : {};
    return this.#pull({ mode, ...reason }, options);
  }

  /** Pausing is never refused as stale: whatever somebody else has just moved, nobody is to be let in. */
  #pauseOrResume() {
    if (this.#sending) return;
    const { mode } = this.#set;
    if (mode === "closed") return this.#tell("The sale is closed: there is nothing to pause.", true);
    if (mode === "paused") return this.#turn(this.#resumed);
    this.#beforePause = mode;
    return this.#turn("paused", { whatever: true });
  }

  /** What a pause ends in: what was before it, as far as this page has seen it. */
  get #resumed() {
    return this.#beforePause ?? (this.#frame.opened ? "open" : "lobby");
  }

  #form(form) {
    form.addEventListener("input", ({ target }) => {
      if (target.name === "rate_per_minute") this.#showRate(Number(target.value));
      this.#show();
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const input = form.querySelector(".input");
      const value = input.type === "number" ? Number(input.value) : input.value.trim();
      if (input.name === "minutes") this.#extend(value);
      else this.#pull({ [input.name]: value });
    });
  }

  /** A hand has moved the slider. */
  #type(name, value) {
    this.#part(`[name="${name}"]`).value = value;
    this.#askOutlookSoon();
    this.#show();
  }

  #showRate(rate) {
    this.#slider.reach(Math.max(rate, 2 * this.rate), this.#frame.waiting);
    this.#slider.show(rate);
    this.#askOutlookSoon();
  }

  async #pull(levers, { revision = this.#seen(levers), whatever = false } = {}) {
    const { status, body } = await this.#send("PATCH", this.#path, whatever ? levers : { ...levers, revision });
    if (status === 409 && body?.code === "stale") return this.#refused(body, levers);
    if (status !== 200) return this.#tell(body?.detail ?? UNSET, true);
    const [[name, value]] = Object.entries(levers);
    for (const lever of Object.keys(levers)) {
      delete this.#bases[lever];
      this.#set[lever] = body[lever];
      this.#write(lever, body[lever]);
    }
    this.#revision = Math.max(this.#revision, body.revision);
    this.#pending = [name, value, body.revision];
    this.#tell(`${WORDS[name]} ${value === "" ? "none" : value}. Taken at ${exactClock(new Date())}, acts on the next tick.`);
    if (name === "mode") say(`The room is ${value}.`, { now: true });
    this.#acts.refresh();
    this.#show();
  }

  #seen(levers) {
    return Math.min(this.#revision, ...Object.keys(levers).map((name) => this.#bases[name] ?? this.#revision));
  }

  #refused(body, levers) {
    this.#tell(body.detail, true);
    const mine = Object.entries(levers).map(([name, value]) => `${WORDS[name].replace(":", "").toLowerCase()} ${value === "" ? "none" : value}`).join(", ");
    this.#stale.show(body, mine, {
      theirs: () => {
        for (const [name, { to }] of Object.entries(body.changed)) if (LEVERS.includes(name)) this.#set[name] = to;
        for (const name of Object.keys(levers)) {
          delete this.#bases[name];
          this.#write(name, this.#set[name]);
        }
        this.#revision = Math.max(this.#revision, body.revision);
        this.#tell("Theirs stands, and is what you see.");
        this.#show();
        this.#part(`[data-lever="${Object.keys(levers)[0]}"] :is(.input, [aria-pressed="true"])`)?.focus();
      },
      mine: () => this.#pull(levers, { revision: body.revision }),
    });
  }

  async #extend(minutes) {
    const { status, body } = await this.#send("POST", `${this.#path}/extend`, { minutes, revision: this.#revision });
    if (status === 409 && body?.code === "stale") {
      this.#revision = Math.max(this.#revision, body.revision);
      return this.#tell(`${body.detail} Press Give again if it is still wanted.`, true);
    }
    if (status !== 200) return this.#tell(body?.detail ?? "Nobody was given more time.", true);
    this.#revision = Math.max(this.#revision, body.revision);
    this.#tell(`${people(body.people)} ${body.people === 1 ? "has" : "have"} ${count(minutes)} more minutes, and so ${body.holds === 1 ? "has 1 hold" : `have ${count(body.holds)} holds`}. Their clocks show it.`);
    this.#acts.refresh();
  }

  async #send(method, path, fields) {
    this.#sending = true;
    this.#tell("Sending");
    try {
      return await call(method, path, fields);
    } finally {
      this.#sending = false;
    }
  }

  /** The last change is in force once the room shows it. */
  #confirm() {
    const [name, value, revision] = this.#pending ?? [];
    if (!name || this.#frame[name] !== value || (this.#frame.revision ?? revision) < revision) return;
    this.#tell(`${WORDS[name]} ${value === "" ? "none" : value}. In force since ${exactClock(new Date())}.`);
    this.#pending = null;
  }

  #askOutlookSoon() {
    clearTimeout(this.#outlookTimer);
    this.#outlookTimer = setTimeout(() => this.#askOutlook(), TYPED_MS);
  }

  /** What the typed rate and cap mean, by the room's own forecast. */
  async #askOutlook() {
    this.#outlookAt = performance.now();
    const wanted = (name) => this.#part(`[name="${name}"]`).valueAsNumber;
    const [rate, cap] = [wanted("rate_per_minute"), wanted("max_active")];
    if (!(rate >= 0 && cap >= 0)) return this.#say("rate_per_minute", "");
    const { status, body } = await call("GET", `${this.#path}/outlook?rate_per_minute=${Math.round(rate)}&max_active=${Math.round(cap)}`);
    if (status === 200 && wanted("rate_per_minute") === body.rate_per_minute) this.#say("rate_per_minute", tellOutlook(body, this.#frame.mode));
  }

  #show() {
    const { waiting, called, active, held } = this.#frame;
    this.#slider.reach(2 * this.rate, waiting);
    if (!this.#isTyped("rate_per_minute")) this.#slider.show(this.rate);
    const room = this.#part('[name="max_active"]').valueAsNumber - called - active;
    this.#say("max_active", room > 0 ? `Room for ${count(room)} more at this moment.` : "Full: one comes in as one goes out.");
    this.#say("extend", `${people(active)} inside, with ${count(held)} ${held === 1 ? "ticket" : "tickets"} held. Nobody gets less.`);
    this.#showMessage(waiting);
    this.#showMode();
    this.#showPause();
    this.#showDrain();
  }

  #showMessage(waiting) {
    const text = this.#part('[name="message"]').value.trim();
    this.#say("message", text ? `Shown to the ${count(waiting)} who wait, ${text.length} of 500 letters.` : "Nothing is shown.");
    this.#part("[data-as-fans]").hidden = !text;
    this.#part("[data-as-fans-text]").textContent = text;
  }

  #showMode() {
    const { mode } = this.#set;
    for (const button of this.#root.querySelectorAll("[data-mode]")) button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
    if (!this.#root.querySelector("[data-mode]:is(:hover, :focus-visible)")) this.#say("mode", tellMode(mode, { ...this.#frame, mode }));
  }

  #showPause() {
    const { mode } = this.#set;
    const back = { open: "Open again", draining: "Go on draining", lobby: "Back to the lobby" }[this.#resumed];
    this.#put("[data-pause-words]", mode === "paused" ? back : "Pause the line now");
    this.#part("[data-pause]").setAttribute("aria-disabled", String(mode === "closed"));
    this.#say("pause", { paused: "Paused. Nobody is let in; places and turns stay.", closed: "The sale is closed: there is nothing to pause." }[mode] ?? "One press, at once and unasked. The same key undoes it.");
  }

  #showDrain() {
    const draining = this.#set.mode === "draining" && this.#frame.mode === "draining";
    const done = draining && this.#frame.active + this.#frame.called === 0;
    if (!done) this.#drainedAt = null;
    const text = draining ? tellDrain(this.#frame, (this.#drainedAt ??= done ? new Date() : null)) : "";
    this.#put("[data-drain]", text);
  }

  #part(selector) {
    return this.#root.querySelector(selector);
  }

  #say(name, text) {
    this.#put(`[data-preview="${name}"]`, text);
  }

  /** Written only when it is news: a status line is read out each time. */
  #put(selector, text) {
    const line = this.#part(selector);
    if (line.textContent !== text) line.textContent = text;
  }

  #tell(text, bad = false) {
    this.#put("[data-acknowledged]", text);
    this.#part("[data-acknowledged]").dataset.bad = bad ? "yes" : "no";
  }
}
