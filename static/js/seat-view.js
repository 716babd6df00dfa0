// The picture of the hall: which part is seen, and how it is drawn.
import { FREE, HELD } from "./seat-hall.js";

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

// Draws the hall: once a frame at most, and only the rows that are in view.

const MOST_PIXELS_A_PIXEL = 2;
const NUMBERS_FROM = 21;
const SHAPES_FROM = 7;
const PULSE_MS = 900;

export class Painter {
  #picture;
  #brush;
  #legend;
  #plan;
  #states;
  #picks;
  #camera;
  #asked = false;
  #pulses = new Map();

  constructor(picture, legend, { plan, states, picks, camera }) {
    this.#picture = picture;
    this.#brush = picture.getContext("2d");
    this.#legend = Object.fromEntries([...legend.querySelectorAll("[data-colour]")].map((mark) => [mark.dataset.colour, mark]));
    [this.#plan, this.#states, this.#picks, this.#camera] = [plan, states, picks, camera];
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.ask());
    new MutationObserver(() => this.ask()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  }

  /** Draws with the next frame, however often it is asked before. */
  ask() {
    if (this.#asked) return;
    this.#asked = true;
    requestAnimationFrame(() => {
      this.#asked = false;
      this.#draw();
    });
  }

  /** Lets changed seats be noticed: a ring goes out from each. */
  pulse(seats) {
    if (calm.matches) return;
    for (const seat of seats) this.#pulses.set(seat, performance.now());
  }

  #draw() {
    const { clientWidth: width, clientHeight: height } = this.#picture;
    if (!width) return;
    const density = Math.min(MOST_PIXELS_A_PIXEL, devicePixelRatio || 1);
    if (this.#picture.width !== Math.round(width * density) || this.#picture.height !== Math.round(height * density)) {
      [this.#picture.width, this.#picture.height] = [Math.round(width * density), Math.round(height * density)];
    }
    const brush = this.#brush;
    const style = getComputedStyle(this.#picture);
    const colours = Object.fromEntries(Object.entries(this.#legend).map(([name, mark]) => [name, getComputedStyle(mark).color]));
    const ink = { ...colours, text: style.color, ground: getComputedStyle(this.#picture.parentElement).backgroundColor, face: style.fontFamily };
    brush.setTransform(density, 0, 0, density, 0, 0);
    brush.clearRect(0, 0, width, height);
    brush.textAlign = "center";
    brush.textBaseline = "middle";
    const rows = this.#inView(height);
    this.#front(ink);
    this.#titles(ink);
    this.#seats(rows, width, ink);
    this.#labels(rows, ink);
    this.#rings(ink);
  }

  #inView(height) {
    const [, top] = this.#camera.toHall(0, 0);
    const [, bottom] = this.#camera.toHall(0, height);
    return this.#plan.rows.filter((row) => row.bottom > top - 1 && row.top < bottom + 1);
  }

  /** Rows are listed from the front: that side gets an arc and its name. */
  #front(ink) {
    const { scale } = this.#camera;
    const half = Math.min(this.#plan.width * 0.32, 22);
    const middle = this.#plan.width / 2;
    const bend = Math.max(1, 4 / scale);
    const brush = this.#brush;
    brush.strokeStyle = brush.fillStyle = ink.sold;
    brush.lineWidth = Math.max(2, scale * 0.14);
    brush.lineCap = "round";
    brush.beginPath();
    brush.moveTo(...this.#camera.toPicture(middle - half, 0.5));
    brush.quadraticCurveTo(...this.#camera.toPicture(middle, 0.5 + bend), ...this.#camera.toPicture(middle + half, 0.5));
    brush.stroke();
    const size = Math.min(16, Math.max(11, scale * 0.7));
    const [x, y] = this.#camera.toPicture(middle, 0.5 + bend / 2);
    this.#write("Front", x, y + brush.lineWidth / 2 + size * 0.8, `600 ${size}px ${ink.face}`);
  }

  #titles(ink) {
    const { scale } = this.#camera;
    const size = Math.min(20, Math.max(12, scale * 0.85));
    const brush = this.#brush;
    for (const { name, title, price, middle, top, width } of this.#plan.sections) {
      brush.font = `700 ${size}px ${ink.face}`;
      const room = (width + 1) * scale;
      const text = [`${title}  ${price}`, title].find((words) => brush.measureText(words).width <= room) ?? name;
      brush.fillStyle = ink.text;
      const [x, y] = this.#camera.toPicture(middle, top + this.#plan.title * 0.46);
      brush.fillText(text, x, y, room);
    }
  }

  #seats(rows, width, ink) {
    const { scale, left } = this.#camera;
    const paths = { free: new Path2D(), held: new Path2D(), sold: new Path2D() };
    const mine = [];
    const numbers = [];
    for (const row of rows) {
      for (let seat = row.from; seat < row.to; seat++) {
        const x = this.#plan.x[seat] * scale + left;
        if (x < -scale || x > width + scale) continue;
        const y = this.#plan.y[seat] * scale + this.#camera.top;
        const state = this.#states.of(seat);
        if (this.#picks.has(seat)) mine.push([x, y]);
        else if (state === FREE) {
          square(paths.free, x, y, scale * 0.8);
          if (scale >= NUMBERS_FROM) numbers.push([row.numbers[seat - row.from], x, y]);
        } else if (state === HELD) square(paths.held, x, y, scale * 0.6);
        else dot(paths.sold, x, y, scale * 0.13);
      }
    }
    const brush = this.#brush;
    brush.fillStyle = ink.free;
    brush.fill(paths.free);
    brush.fillStyle = ink.sold;
    brush.fill(paths.sold);
    brush.strokeStyle = ink.held;
    brush.lineWidth = Math.max(1, scale * 0.09);
    brush.stroke(paths.held);
    brush.fillStyle = ink.ground;
    brush.font = `600 ${scale * 0.36}px ${ink.face}`;
    for (const [number, x, y] of numbers) brush.fillText(number, x, y + scale * 0.02);
    // However small the hall is drawn, one finds one's own.
    const size = Math.max(scale, 11);
    for (const [x, y] of mine) this.#disc(x, y, size * 0.55, ink.ground);
    for (const [x, y] of mine) this.#chosen(x, y, size, ink);
  }

  #disc(x, y, radius, colour) {
    this.#brush.fillStyle = colour;
    this.#brush.beginPath();
    this.#brush.arc(x, y, radius, 0, 7);
    this.#brush.fill();
  }

  #chosen(x, y, size, ink) {
    const brush = this.#brush;
    this.#disc(x, y, size * 0.46, ink.mine);
    brush.strokeStyle = ink.ground;
    brush.lineWidth = Math.max(1.4, size * 0.11);
    brush.lineCap = brush.lineJoin = "round";
    brush.beginPath();
    brush.moveTo(x - size * 0.21, y + size * 0.02);
    brush.lineTo(x - size * 0.06, y + size * 0.17);
    brush.lineTo(x + size * 0.23, y - size * 0.16);
    brush.stroke();
  }

  #labels(rows, ink) {
    const { scale } = this.#camera;
    if (scale < SHAPES_FROM + 1) return;
    this.#brush.fillStyle = ink.sold;
    const font = `600 ${Math.min(15, Math.max(8.5, scale * 0.5))}px ${ink.face}`;
    for (const row of rows) {
      this.#write(row.name, ...this.#camera.toPicture(this.#plan.x[row.from] - 1.05, this.#plan.y[row.from]), font);
      this.#write(row.name, ...this.#camera.toPicture(this.#plan.x[row.to - 1] + 1.05, this.#plan.y[row.to - 1]), font);
    }
  }

  #rings(ink) {
    const now = performance.now();
    const brush = this.#brush;
    for (const [seat, began] of this.#pulses) {
      const part = (now - began) / PULSE_MS;
      if (part >= 1) {
        this.#pulses.delete(seat);
        continue;
      }
      const [x, y] = this.#camera.toPicture(this.#plan.x[seat], this.#plan.y[seat]);
      brush.globalAlpha = 1 - part;
      brush.strokeStyle = ink.text;
      brush.lineWidth = 2;
      brush.beginPath();
      brush.arc(x, y, Math.max(4, this.#camera.scale * (0.4 + 0.5 * part)), 0, 7);
      brush.stroke();
    }
    brush.globalAlpha = 1;
    if (this.#pulses.size) this.ask();
  }

  #write(text, x, y, font) {
    this.#brush.font = font;
    this.#brush.fillText(text, x, y);
  }
}

function square(path, x, y, size) {
  if (size < SHAPES_FROM) path.rect(x - size / 2, y - size / 2, size, size);
  else path.roundRect(x - size / 2, y - size / 2, size, size, size * 0.26);
}

function dot(path, x, y, radius) {
  const least = Math.max(0.8, radius);
  path.moveTo(x + least, y);
  path.arc(x, y, least, 0, 7);
}
