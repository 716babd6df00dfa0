// Asks in a dialog before a booking is cancelled. Without this script the link leads to a page that asks.

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-cancel-ask]");
  if (!link) return;
  event.preventDefault();
  document.getElementById(link.dataset.cancelAsk).showModal();
});
