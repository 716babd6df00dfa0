// Step two of the checkout: the ticket being written, and the clock that holds it.
import { money } from "./money.js";
import { countDown } from "./times.js";

export class Held {
  #page;
  #stopClock = () => {};
  hold = null;

  constructor(page) {
    this.#page = page;
  }

  get payWords() {
    return `Pay ${money(this.hold.amount, this.hold.currency)}`;
  }

  /** Writes `hold` on the ticket and runs its clock; calls `ended()` when the clock is out. */
  write(hold, ended) {
    this.hold = hold;
    this.#fill("type", hold.ticket_type);
    this.#fill("quantity", hold.quantity);
    this.#fill("amount", money(hold.amount, hold.currency));
    this.#fill("price", money(hold.amount - hold.fee, hold.currency));
    this.#fill("fee", money(hold.fee, hold.currency));
    this.#page.querySelector("[data-held-fee]").hidden = !hold.fee;
    this.#fill("seats", (hold.seats ?? []).join("\n"));
    this.#page.querySelector("[data-held-seats]").hidden = !hold.seats?.length;
    this.#page.querySelector("[data-held-apart]").hidden = !hold.apart;
    this.#page.querySelector("[data-pay]").textContent = this.payWords;
    this.#run(new Date(hold.expires_at), ended);
  }

  clear() {
    this.#stopClock();
    this.hold = null;
  }

  #fill(name, value) {
    this.#page.querySelector(`[data-held="${name}"]`).textContent = value;
  }

  #run(end, ended) {
    this.#stopClock();
    const clock = this.#page.querySelector("[data-hold-clock]");
    const perforation = this.#page.querySelector("[data-perforation]");
    const whole = Math.max(1, end - Date.now());
    this.#stopClock = countDown(end, (text, left) => {
      clock.textContent = text;
      perforation.style.setProperty("--left", (left / whole).toFixed(4));
      if (left === 0) ended();
    });
  }
}
