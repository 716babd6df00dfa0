// The event editor: seats are drawn while they are typed, a file is read into its field, and the zone of a new
// event begins as the organiser's own. The server reads and draws; without this script a button asks it to.

const PAUSE_MS = 350;
const timers = new WeakMap();

async function draw(form) {
  const asked = new FormData(form);
  asked.set("act", "plan");
  try {
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(asked) });
    if (!answer.ok) return;
    take(form, new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    // Without an answer the seats stay as they were drawn; saving says what is wrong.
  }
}

/** Puts the seats, and what is wrong with them, as the server has drawn them in place of those in the form. */
function take(form, fresh) {
  for (const old of form.querySelectorAll("[data-plan]")) {
    const now = fresh.querySelector(`[data-plan="${old.dataset.plan}"]`);
    if (now) old.replaceWith(document.adoptNode(now));
  }
  for (const field of form.querySelectorAll("[data-seating]")) {
    const note = document.getElementById(`${field.id}-problem`);
    const words = field.value.trim() ? (fresh.getElementById(note.id)?.textContent ?? "") : "";
    if (note.textContent !== words) note.textContent = words;
    field.toggleAttribute("aria-invalid", Boolean(words));
    if (words) field.setAttribute("aria-invalid", "true");
  }
}

function drawSoon(form) {
  clearTimeout(timers.get(form));
  timers.set(form, setTimeout(draw, PAUSE_MS, form));
}

for (const form of document.querySelectorAll("[data-editor]")) {
  form.addEventListener("input", ({ target }) => {
    if (target.matches("[data-seating]") || /-(section|rows|seats|kind)$/.test(target.name)) drawSoon(form);
  });
  form.addEventListener("click", (event) => {
    if (!event.target.closest("[data-show-plan]")) return;
    event.preventDefault();
    draw(form);
  });
}

for (const picker of document.querySelectorAll("[data-file]")) {
  picker.addEventListener("change", async () => {
    const [file] = picker.files;
    if (!file) return;
    const field = document.getElementById(picker.dataset.file);
    field.value = await file.text();
    field.dispatchEvent(new Event("input", { bubbles: true }));
    picker.value = "";
  });
}

const zone = document.querySelector('[name="timezone"]');
const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
for (const value of Intl.supportedValuesOf("timeZone")) zone.list.append(Object.assign(document.createElement("option"), { value }));
if (zone.value === "UTC" && location.pathname === "/organiser/new" && !location.search && !document.querySelector(".problem")) zone.value = own;
