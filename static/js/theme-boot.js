// A classic script in the head: the look must be known before the first paint, so it cannot be a module.
// What the browser paints before any style has come follows `colorScheme`; its own frame follows the metas.
// The look of the account that is signed in, which the page carries, goes before what this browser has kept,
// unless the choice was made here a moment ago: the page may have been written before the account heard of it.
try {
  const root = document.documentElement;
  const { accountLook } = root.dataset;
  const told = localStorage.getItem("theme-told");
  if (accountLook && !(Date.now() - told < 60_000)) {
    if (accountLook !== "system") {
      localStorage.setItem("theme", accountLook);
      localStorage.setItem("theme-told", 1);
    } else if (told) {
      // What an account brought goes with its word; what was chosen by nobody signed in stays.
      localStorage.removeItem("theme");
      localStorage.removeItem("theme-told");
    }
  }
  const kept = localStorage.getItem("theme");
  if (kept === "light" || kept === "dark") {
    root.dataset.theme = kept;
    root.style.colorScheme = kept;
  } else delete root.dataset.theme;
  for (const sky of document.querySelectorAll("meta[data-sky]")) {
    const own = `(prefers-color-scheme: ${sky.dataset.sky})`;
    sky.media = !root.dataset.theme ? own : sky.dataset.sky === kept ? "all" : "not all";
  }
} catch {
  // Storage can be forbidden; the account's look or the system's then stands.
}
// A page change that the browser cuts short (one goes on before it is over) is no error.
for (const moment of ["pageswap", "pagereveal"]) {
  addEventListener(moment, ({ viewTransition: change }) => {
    for (const part of [change?.ready, change?.finished, change?.updateCallbackDone]) part?.catch(() => {});
  });
}
