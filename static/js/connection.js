// Says calmly when the page is out of touch; a short hiccup is not worth a word.

const HICCUP_MS = 2_000;
const line = document.querySelector("[data-connection]");
let timer;

/** Shows the state of the connection; `comfort` is the sentence for "we are out of touch". */
export function showConnection({ live, polling = false, reached = true }, comfort) {
  if (!line) return;
  clearTimeout(timer);
  if (live) line.textContent = "";
  else if (polling && reached && navigator.onLine) line.textContent = "No live connection: looking every few seconds.";
  else timer = setTimeout(() => (line.textContent = `You are offline. ${comfort}`), line.textContent ? 0 : HICCUP_MS);
}
