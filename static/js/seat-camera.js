// Which part of the hall is seen, and how large. Points of the hall in seats, points of the picture in pixels.

const LARGEST = 64;
const MARGIN = 14;
// Below stand the buttons: what is under them can be moved out from there.
const BELOW = 68;
const GLIDE_MS = 280;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

export class Camera {
  scale = 1;
  left = 0;
  top = 0;
  #plan;
  #moved;
  #width = 1;
  #height = 1;
  #gliding = 0;
  /** Where a glide leads, while there is one. */
  #goal = null;

  /** Calls `moved()` after each change. */
  constructor(plan, moved) {
    this.#plan = plan;
    this.#moved = moved;
  }

  /** The scale at which the whole hall is seen. */
  get whole() {
    const wide = (this.#width - 2 * MARGIN) / this.#plan.width;
    const high = (this.#height - MARGIN - BELOW) / this.#plan.height;
    return Math.max(1, Math.min(wide, high, LARGEST));
  }

  get isWhole() {
    return this.scale <= this.whole * 1.01;
  }

  get isLargest() {
    return this.scale >= LARGEST * 0.99;
  }

  /** The picture has another size: what was in its middle stays there. */
  resize(width, height) {
    const first = this.#width === 1;
    const whole = this.isWhole;
    const [x, y] = this.toHall(this.#width / 2, this.#height / 2);
    [this.#width, this.#height] = [width, height];
    if (first || whole) this.#set(this.whole, 0, 0);
    else this.#set(this.scale, width / 2 - x * this.scale, height / 2 - y * this.scale);
  }

  toHall(x, y) {
    return [(x - this.left) / this.scale, (y - this.top) / this.scale];
  }

  toPicture(x, y) {
    return [x * this.scale + this.left, y * this.scale + this.top];
  }

  pan(dx, dy) {
    this.#stop();
    this.#set(this.scale, this.left + dx, this.top + dy);
  }

  /** Makes everything `factor` times as large; the point (x, y) of the picture stays where it is. */
  zoom(factor, x = this.#width / 2, y = this.#height / 2) {
    this.#stop();
    this.#set(...this.#zoomed(this.scale * factor, x, y));
  }

  /** The same, gliding there. */
  glide(factor, x = this.#width / 2, y = this.#height / 2) {
    this.#glide(...this.#zoomed(this.scale * factor, x, y));
  }

  seeAll() {
    this.#glide(this.whole, 0, 0);
  }

  /** Glides until the point of the hall is well in view and a seat is at least `scale` pixels large. */
  see(x, y, scale = this.scale) {
    // Keys are faster than the glide: what counts is where it leads, not where it is.
    const [now, left, top] = this.#goal ?? [this.scale, this.left, this.top];
    const wanted = Math.max(scale, now);
    const [px, py] = [x * now + left, y * now + top];
    const edge = Math.min(72, this.#width / 4, this.#height / 4);
    const inside = px > edge && py > edge && px < this.#width - edge && py < this.#height - edge;
    if (wanted === now && inside) return;
    this.#glide(wanted, this.#width / 2 - x * wanted, this.#height / 2 - y * wanted);
  }

  #zoomed(wanted, x, y) {
    const scale = Math.min(LARGEST, Math.max(this.whole, wanted));
    const [hallX, hallY] = this.toHall(x, y);
    return [scale, x - hallX * scale, y - hallY * scale];
  }

  #glide(scale, left, top) {
    this.#stop();
    const end = this.#kept(Math.min(LARGEST, Math.max(this.whole, scale)), left, top);
    if (calm.matches) return this.#set(...end);
    this.#goal = end;
    const start = [this.scale, this.left, this.top];
    const began = performance.now();
    const step = (now) => {
      const part = Math.min(1, Math.max(0, (now - began) / GLIDE_MS));
      const eased = 1 - (1 - part) ** 3;
      this.#set(...start.map((from, i) => from + (end[i] - from) * eased));
      if (part < 1) this.#gliding = requestAnimationFrame(step);
      else this.#goal = null;
    };
    this.#gliding = requestAnimationFrame(step);
  }

  #stop() {
    cancelAnimationFrame(this.#gliding);
    this.#goal = null;
  }

  #set(scale, left, top) {
    [this.scale, this.left, this.top] = this.#kept(scale, left, top);
    this.#moved();
  }

  /** No side of the hall leaves its side of the picture; what is smaller than the picture stands in its middle. */
  #kept(scale, left, top) {
    const { width, height } = this.#plan;
    return [scale, keep(left, width * scale, this.#width, MARGIN), keep(top, height * scale, this.#height, BELOW)];
  }
}

function keep(start, size, room, end) {
  if (size + MARGIN + end <= room) return MARGIN + (room - MARGIN - end - size) / 2;
  return Math.min(MARGIN, Math.max(room - size - end, start));
}
