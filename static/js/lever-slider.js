// The slider of a rate: few positions near nothing, far ones far apart, up to what the sale needs.

const STEPS = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8];
const LEAST_TOP = 120;
const MOST = 1_000_000;

/** Whole numbers from 0 to at least `top`, each some 20% above the one before it. */
export function ladder(top) {
  const rungs = [0];
  for (let decade = 1; rungs.at(-1) < top && rungs.at(-1) < MOST; decade *= 10) {
    for (const step of STEPS) {
      const rung = Math.min(MOST, Math.round(step * decade));
      if (rung > rungs.at(-1) && rungs.at(-1) < top) rungs.push(rung);
    }
  }
  return rungs;
}

export class RateSlider {
  #input;
  #rungs = [0];

  /** `moved(rate)` is called when a hand moves it. */
  constructor(input, moved) {
    this.#input = input;
    input.addEventListener("input", () => {
      const rate = this.#rungs[Number(input.value)];
      this.#tell(rate);
      moved(rate);
    });
  }

  /** So high a rate is in reach, and the one at which all who wait are in within a minute. It never shrinks under a hand. */
  reach(rate, waiting) {
    const top = Math.max(LEAST_TOP, rate, waiting);
    if (top <= this.#rungs.at(-1)) return;
    this.#rungs = ladder(top);
    this.#input.max = this.#rungs.length - 1;
  }

  /** Stands at the rung nearest to `rate`. */
  show(rate) {
    let nearest = 0;
    for (let i = 1; i < this.#rungs.length; i++) if (Math.abs(this.#rungs[i] - rate) < Math.abs(this.#rungs[nearest] - rate)) nearest = i;
    this.#input.value = nearest;
    this.#tell(rate);
  }

  #tell(rate) {
    this.#input.setAttribute("aria-valuetext", `${rate} a minute`);
  }
}
