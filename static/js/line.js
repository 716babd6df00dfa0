// Where the fan stands in the line, and how the line has moved while they watched.

const BARS = 20;
const BAR_MS = 6_000;

/** Walks the dot: each halving of those ahead is an equal step, so that it moves visibly to the very end. */
export class Walk {
  #element;
  #most = 1;

  constructor(element) {
    this.#element = element;
  }

  show(ahead, waiting) {
    this.#most = Math.max(this.#most, ahead, waiting);
    const done = 1 - Math.log2(1 + ahead) / Math.log2(1 + this.#most);
    this.#element.style.setProperty("--at", Math.min(0.97, Math.max(0.02, done)).toFixed(4));
  }
}

/** A bar for every six seconds: by how many places the line moved on. */
export class Pace {
  #svg;
  #bars = new Array(BARS).fill(0);
  #barStart = Date.now();
  #lastAhead = null;

  constructor(svg) {
    this.#svg = svg;
    this.#draw();
  }

  saw(ahead) {
    const passed = this.#lastAhead === null ? 0 : Math.max(0, this.#lastAhead - ahead);
    this.#lastAhead = ahead;
    this.#turnOver();
    this.#bars[this.#bars.length - 1] += passed;
    this.#draw();
  }

  #turnOver() {
    const steps = Math.floor((Date.now() - this.#barStart) / BAR_MS);
    for (let i = 0; i < Math.min(steps, BARS); i++) this.#bars.push(0);
    this.#barStart += steps * BAR_MS;
    this.#bars = this.#bars.slice(-BARS);
  }

  #draw() {
    const most = Math.max(1, ...this.#bars);
    const width = 240 / BARS;
    const bars = this.#bars.map((count, i) => {
      const height = count ? Math.max(4, (48 * count) / most) : 2;
      return draw("rect", { x: i * width, y: 48 - height, width: width - 2, height, class: count ? "moved" : "still" });
    });
    this.#svg.replaceChildren(...bars);
  }
}

function draw(name, attributes) {
  const shape = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) shape.setAttribute(key, value);
  return shape;
}
