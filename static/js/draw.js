// The draw's page: copies what is to be kept, and works the shown number out once more, here.
import { say } from "./page.js";

const page = document.querySelector("[data-draw]");
const bytes = (hex) => Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));
const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** The first 50 bits of HMAC-SHA256(seed, visitor), as text: it may be larger than a JavaScript number can be exact. */
async function drawNumber(seed, visitor) {
  const key = await crypto.subtle.importKey("raw", seed, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const code = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(visitor));
  return String(new DataView(code).getBigUint64(0) >> 14n);
}

async function check(note) {
  const seed = bytes(page.dataset.seed);
  const number = await drawNumber(seed, page.querySelector("[data-visitor]").textContent);
  const sealed = hex(await crypto.subtle.digest("SHA-256", seed)) === page.dataset.commitment;
  const right = sealed && number === page.querySelector("[data-number]").textContent;
  note.hidden = false;
  note.textContent = right ? note.dataset.right : note.dataset.wrong;
  note.classList.toggle("problem", !right);
}

for (const button of page.querySelectorAll("[data-copy]")) {
  // Browsers have a clipboard, and the functions above, only over https and on this very machine.
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = "Copied";
    say("Copied.", { now: true });
  });
}
const note = page.querySelector("[data-browser-check]");
if (note && globalThis.crypto?.subtle) check(note);
