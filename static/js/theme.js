// The reader's look: the system's, light or dark, kept in localStorage.

const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const WORDS = { system: "as the system", light: "light", dark: "dark" };

function kept() {
  return document.documentElement.dataset.theme ?? "system";
}

/** From the system's look the first press always changes something: it goes to the opposite. */
function next(choice) {
  const [opposite, same] = prefersDark.matches ? ["light", "dark"] : ["dark", "light"];
  return { system: opposite, [opposite]: same, [same]: "system" }[choice];
}

function keep(choice) {
  if (choice === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = choice;
  try {
    if (choice === "system") localStorage.removeItem("theme");
    else localStorage.setItem("theme", choice);
  } catch {
    // Without storage the choice holds for this page.
  }
}

/** Makes a button go round the three looks and say which one it shows. */
export function themeButton(button) {
  const show = () => {
    button.dataset.choice = kept();
    button.setAttribute("aria-label", `Look: ${WORDS[kept()]}. Change to ${WORDS[next(kept())]}`);
  };
  button.addEventListener("click", () => {
    keep(next(kept()));
    show();
  });
  show();
}
