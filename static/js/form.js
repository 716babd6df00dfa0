// Forms that help: what was typed is kept, what is missing is said beside its field, a password can be looked at.

// Drafts are kept in this tab until a page without a form has come: a reload, an error or the other form of the
// two (sign in, make an account) finds them. Passwords are never kept.

const fields = [...document.querySelectorAll("[data-draft]")];

function drafts() {
  try {
    return JSON.parse(sessionStorage.getItem("drafts")) ?? {};
  } catch {
    return {};
  }
}

for (const field of fields) {
  field.value ||= drafts()[field.name] ?? "";
  field.addEventListener("input", () => {
    try {
      sessionStorage.setItem("drafts", JSON.stringify({ ...drafts(), [field.name]: field.value }));
    } catch {
      // Without storage the field itself is the only keeper.
    }
  });
}

// The browser finds what is wrong; the words are ours and stand where the server's would.

const note = (field) => document.getElementById(`${field.id}-problem`);

function complain(field) {
  const { wrong, long } = field.dataset;
  note(field).textContent = (field.validity.tooLong ? long : wrong) || field.validationMessage;
  field.setAttribute("aria-invalid", "true");
}

/** Lets the fields under `root` help who fills them in. */
export function help(root) {
  for (const field of root.querySelectorAll(".field .input")) {
    // Where no place is kept for words of ours, the browser says it.
    if (!note(field)) continue;
    field.addEventListener("invalid", (event) => {
      event.preventDefault();
      complain(field);
      // The first of them in the form; the others are heard in turn.
      if (field === field.form.querySelector(":invalid")) field.focus();
    });
    field.addEventListener("input", () => {
      if (!field.hasAttribute("aria-invalid") || !field.validity.valid) return;
      field.removeAttribute("aria-invalid");
      note(field).textContent = "";
    });
  }
  for (const button of root.querySelectorAll("[data-reveal]")) reveal(button);
}

function reveal(button) {
  const field = document.getElementById(button.dataset.reveal);
  button.hidden = false;
  button.addEventListener("click", () => {
    const shown = field.type === "password";
    field.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
  });
  // What leaves the page is a password again, so that no browser offers it as a text typed before.
  field.form.addEventListener("submit", () => (field.type = "password"));
}

help(document);
