// Step one of the checkout: which kind, how many or which seats, for how much.
import { money } from "./money.js";

const CROSS = '<svg viewBox="0 0 10 10" aria-hidden="true"><path d="M1 1l8 8M9 1l-8 8" stroke="currentColor" stroke-width="1.600"/></svg>';

export class Choosing {
  #form;
  #facts;
  #map = null;

  constructor(form, facts) {
    this.#form = form;
    this.#facts = facts;
    form.addEventListener("input", ({ target }) => this.#input(target));
    for (const button of form.querySelectorAll("[data-step-by]")) {
      button.addEventListener("click", () => this.#step(Number(button.dataset.stepBy)));
    }
    this.#show();
  }

  /** From now on seats can be chosen on `map`, too. */
  useMap(map) {
    this.#map = map;
    map.picks.onChange(() => this.#picked());
    this.#form.querySelector("[data-clear]").addEventListener("click", () => {
      map.picks.clear();
      this.#form.querySelector('[name="type"]:checked').focus();
    });
    this.#picked();
  }

  get type() {
    const id = Number(new FormData(this.#form).get("type"));
    return this.#facts.types.find((type) => type.id === id);
  }

  get quantity() {
    const wanted = Math.trunc(Number(this.#form.elements.quantity.value)) || 1;
    return this.units.length || Math.min(this.#facts.limit, Math.max(1, wanted));
  }

  /** The units of the seats that were chosen one by one; [] when the desk is to choose. */
  get units() {
    return this.#map?.picks.units ?? [];
  }

  /** The sign-in page that leads back to this very choice. */
  get signInPath() {
    const units = this.units.length ? `&units=${this.units}` : "";
    const back = `/events/${this.#facts.slug}/book?type=${this.type.id}&quantity=${this.quantity}${units}`;
    return `/signin?next=${encodeURIComponent(back)}`;
  }

  #input(target) {
    if (target.name === "type") {
      if (this.#map?.picks.type !== this.type) this.#map?.picks.clear();
      this.#map?.showType(this.type.id);
    }
    this.#show();
  }

  #step(by) {
    this.#form.elements.quantity.value = Math.min(this.#facts.limit, Math.max(1, this.quantity + by));
    this.#show();
  }

  /** Seats were chosen or put back: what they are says which kind, and how many. */
  #picked() {
    const { picks } = this.#map;
    if (picks.size) this.#form.querySelector(`[name="type"][value="${picks.type.id}"]`).checked = true;
    this.#form.classList.toggle("picking", picks.size > 0);
    this.#form.querySelector("[data-picks]").hidden = !picks.size;
    this.#form.querySelector("[data-counting]").hidden = picks.size > 0;
    this.#form.querySelector("[data-picked]").replaceChildren(...picks.seats.map((seat) => this.#pickedSeat(seat)));
    this.#show();
  }

  #pickedSeat(seat) {
    const { brief, name } = this.#map.shortName(seat);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "picked-seat";
    button.setAttribute("aria-label", `${brief}: put back ${name}`);
    button.append(brief);
    button.insertAdjacentHTML("beforeend", CROSS);
    button.addEventListener("click", () => this.#putBack(button, seat));
    const item = document.createElement("li");
    item.append(button);
    return item;
  }

  /** The button goes with its seat; the focus goes on to its neighbour's. */
  #putBack(button, seat) {
    const place = [...button.closest("ul").children].indexOf(button.parentElement);
    this.#map.picks.remove([seat]);
    const left = [...this.#form.querySelectorAll("[data-picked] button")];
    (left[Math.min(place, left.length - 1)] ?? this.#form.querySelector('[name="type"]:checked')).focus();
  }

  #show() {
    const { type, quantity } = this;
    this.#form.querySelector("[data-total]").textContent = money((type.price + type.fee) * quantity, this.#facts.currency);
    this.#form.querySelector("[data-total-fee]").hidden = !type.fee;
    this.#form.querySelector("[data-hold]").textContent = this.#words(type, quantity);
    for (const button of this.#form.querySelectorAll("[data-step-by]")) {
      const next = quantity + Number(button.dataset.stepBy);
      button.setAttribute("aria-disabled", String(next < 1 || next > this.#facts.limit));
    }
  }

  #words(type, quantity) {
    if (!type.seated) return this.#facts.signedIn ? "Hold these for me" : "Sign in to hold these";
    const one = quantity === 1;
    const chosen = one ? "this seat" : `these ${quantity} seats`;
    const which = this.units.length ? chosen : one ? "the best seat" : `the best ${quantity} together`;
    return this.#facts.signedIn ? `Hold ${which}` : `Sign in to hold ${which}`;
  }
}
