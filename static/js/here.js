// Forms that stay where they are: the server draws the part of the page that has changed, the page takes it from
// there, and what is typed in the other parts stays. Without this script each of them is a plain form.
import { help } from "./form.js";
import { canBeSent, localise, toast } from "./page.js";

const UNREACHED = "We could not be reached. Nothing was changed. Try again in a moment.";

document.addEventListener("submit", (event) => {
  const form = event.target;
  // page.js has looked first: what is on its way already is not sent again.
  if (event.defaultPrevented || !form.matches("[data-here]")) return;
  event.preventDefault();
  send(form);
});

async function send(form) {
  try {
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)) });
    if (answer.headers.has("Content-Disposition")) return await keep(form, answer);
    take(form, answer, new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    toast(UNREACHED, { kind: "problem" });
  }
  canBeSent(form);
}

/** Puts the part that `fresh` has in place of the form's own. */
function take(form, answer, fresh) {
  const old = form.closest("[data-part]");
  const part = fresh.querySelector(`[data-part="${old.dataset.part}"]`);
  if (!part && answer.redirected) return location.assign(answer.url);
  if (!part && !answer.ok) return toast(fresh.querySelector(".fault-what")?.textContent ?? UNREACHED, { kind: "problem" });
  for (const shown of document.querySelectorAll("[data-shown-of]")) {
    const now = fresh.querySelector(`[data-shown-of="${shown.dataset.shownOf}"]`);
    if (now) shown.replaceWith(document.adoptNode(now));
  }
  if (part) {
    old.replaceWith(document.adoptNode(part));
    help(part);
    localise(part);
    part.tabIndex = -1;
    (part.querySelector("[autofocus], [data-focus]") ?? part).focus();
  } else old.remove();
  const fine = fresh.querySelector("[data-fine]");
  if (fine) toast(fine.textContent);
}

/** A file goes where downloads go. */
async function keep(form, answer) {
  const [, name] = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition"));
  const href = URL.createObjectURL(await answer.blob());
  Object.assign(document.createElement("a"), { href, download: name }).click();
  URL.revokeObjectURL(href);
  form.reset();
  canBeSent(form);
  toast("Your data is among your downloads.");
}

document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-copy]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copy);
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    toast("Copied.");
  } catch {
    toast("Your browser does not let us copy. It is marked: copy it from the field.", { kind: "problem" });
  }
});
