// A classic script in the head: the look must be known before the first paint, so it cannot be a module.
// What the browser paints before any style has come follows `colorScheme`; its own frame follows the metas.
try {
  const kept = localStorage.getItem("theme");
  if (kept === "light" || kept === "dark") {
    document.documentElement.dataset.theme = kept;
    document.documentElement.style.colorScheme = kept;
    for (const sky of document.querySelectorAll("meta[data-sky]")) sky.media = sky.dataset.sky === kept ? "all" : "not all";
  }
} catch {
  // Storage can be forbidden; the system's look then stands.
}
// A page change that the browser cuts short (one goes on before it is over) is no error.
for (const moment of ["pageswap", "pagereveal"]) {
  addEventListener(moment, ({ viewTransition: change }) => {
    for (const part of [change?.ready, change?.finished, change?.updateCallbackDone]) part?.catch(() => {});
  });
}
