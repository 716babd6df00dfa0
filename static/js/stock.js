// What is left, per ticket type and in all, wherever the page shows it.
import { roll } from "./digits.js";

const FEW_SHARE = 0.1;
const SALE_WORDS = {
  scheduled: "Not on sale yet", lobby: "Lobby open", on_sale: "On sale", paused: "Paused for a moment",
  sold_out: "Sold out", closed: "Closed",
};

/** "none", "few" (a tenth or less) or "plenty". */
export function level(remaining, capacity) {
  if (remaining <= 0) return "none";
  return remaining <= capacity * FEW_SHARE ? "few" : "plenty";
}

const LEVEL_WORDS = { none: "None left", few: "Few left", plenty: "left" };

function showType(block, remaining) {
  const now = level(remaining, Number(block.dataset.capacity));
  block.dataset.level = now;
  roll(block.querySelector("[data-number]"), remaining);
  block.querySelector("[data-word]").textContent = LEVEL_WORDS[now];
  block.querySelector("rect").setAttribute("width", (100 * remaining) / Math.max(1, block.dataset.capacity));
}

/** Shows a stock frame on every `[data-left]` block and every `.state` chip under `root`. */
export function showStock({ sale_state, remaining }, root = document) {
  for (const block of root.querySelectorAll("[data-left]")) {
    const count = block.dataset.left === "all" ? sum(remaining) : remaining[block.dataset.left];
    if (count !== undefined) showType(block, count);
  }
  for (const chip of root.querySelectorAll(".state")) {
    chip.dataset.state = sale_state;
    chip.textContent = SALE_WORDS[sale_state];
  }
}

/** An event as the API tells it, in the shape of a stock frame. */
export function stockOf({ sale_state, ticket_types }) {
  return { sale_state, remaining: Object.fromEntries(ticket_types.map((type) => [type.id, type.remaining])) };
}

function sum(remaining) {
  return Object.values(remaining).reduce((total, n) => total + n, 0);
}

/** Turns the server's numbers into reels without changing them. */
export function prepareStock(root = document) {
  for (const number of root.querySelectorAll("[data-left] [data-number]")) roll(number, Number(number.textContent));
}
