// What every page needs: the look, local times, and countdowns that need no other script.
import { themeButton } from "./theme.js";
import { countDown, localise } from "./times.js";

for (const button of document.querySelectorAll("[data-theme-button]")) themeButton(button);
localise();
for (const element of document.querySelectorAll("[data-countdown]")) {
  countDown(new Date(element.dataset.countdown), (text) => (element.textContent = text));
}
