// Step one of the checkout: which kind, how many, for how much.
import { money } from "./money.js";

export class Choosing {
  #form;
  #facts;

  constructor(form, facts) {
    this.#form = form;
    this.#facts = facts;
    form.addEventListener("input", () => this.#show());
    for (const button of form.querySelectorAll("[data-step-by]")) {
      button.addEventListener("click", () => this.#step(Number(button.dataset.stepBy)));
    }
    this.#show();
  }

  get type() {
    const id = Number(new FormData(this.#form).get("type"));
    return this.#facts.types.find((type) => type.id === id);
  }

  get quantity() {
    const wanted = Math.trunc(Number(this.#form.elements.quantity.value)) || 1;
    return Math.min(this.#facts.limit, Math.max(1, wanted));
  }

  /** The sign-in page that leads back to this very choice. */
  get signInPath() {
    const back = `/events/${this.#facts.slug}/book?type=${this.type.id}&quantity=${this.quantity}`;
    return `/signin?next=${encodeURIComponent(back)}`;
  }

  #step(by) {
    this.#form.elements.quantity.value = Math.min(this.#facts.limit, Math.max(1, this.quantity + by));
    this.#show();
  }

  #show() {
    const total = money((this.type.price + this.type.fee) * this.quantity, this.#facts.currency);
    this.#form.querySelector("[data-total]").textContent = total;
    for (const button of this.#form.querySelectorAll("[data-step-by]")) {
      const next = this.quantity + Number(button.dataset.stepBy);
      button.setAttribute("aria-disabled", String(next < 1 || next > this.#facts.limit));
    }
  }
}
