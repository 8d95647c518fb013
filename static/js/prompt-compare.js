// The comparison: a box that is not ticked says so in the address too, and u changes the view.
document.addEventListener("change", (event) => {
  const name = event.target.dataset?.mirror;
  if (name) event.target.form.elements[name].value = event.target.checked ? "1" : "0";
}, true);
addEventListener("keydown", (event) => {
  if (event.key !== "u" || event.metaKey || event.ctrlKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.closest("input:not([type=radio]), textarea, select")) return;
  const other = document.querySelector("#comparison [name=view]:not(:checked)");
  if (!other) return;
  other.checked = true;
  // By the address, as a change that comes before htmx listens would be lost.
  other.form.submit();
});
