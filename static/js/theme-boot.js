// A classic script in the head: the look must be known before the first paint, so it cannot be a module.
try {
  const kept = localStorage.getItem("theme");
  if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;
} catch {
  // Storage can be forbidden; the system's look then stands.
}
