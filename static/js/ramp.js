// The page of a ramp renews itself. What is the same stays as it is, so that no click and no focus is lost.
function same(shown, sent) {
  const seen = shown.cloneNode(true);
  for (const tip of seen.querySelectorAll(".chart-tip")) tip.remove();
  for (const time of seen.querySelectorAll("time[data-ago]")) time.textContent = "";
  const fresh = sent.cloneNode(true);
  for (const time of fresh.querySelectorAll("time[data-ago]")) time.textContent = "";
  // htmx leaves its own classes and markers behind.
  for (const each of [seen, fresh]) each.removeAttribute("class");
  return seen.isEqualNode(fresh);
}
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const { target, fragment } = event.detail;
  const sent = fragment.querySelector?.(`#${target.id}`);
  if (sent && same(target, sent)) event.detail.shouldSwap = false;
});

// A form is sent once: the second of two clicks finds it busy.
document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-once]");
  if (!form || event.defaultPrevented) return;
  if (form.getAttribute("aria-busy") === "true") event.preventDefault();
  form.setAttribute("aria-busy", "true");
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-once]")) form.removeAttribute("aria-busy");
});

// What is wrong with a plan stands beside it; its field is marked, also while somebody types.
function mark() {
  for (const each of document.querySelectorAll(".planning [aria-invalid]")) {
    each.removeAttribute("aria-invalid");
    each.removeAttribute("aria-describedby");
  }
  for (const fault of document.querySelectorAll(".planning [data-field]")) {
    const [table, row, column] = fault.dataset.field.split(".");
    // A rule that makes no sense as a whole is marked at its value.
    const name = row === undefined ? table : `${table}-${column ?? "value"}`;
    const field = document.querySelectorAll(`.planning [name="${CSS.escape(name)}"]`)[row ?? 0];
    field?.setAttribute("aria-invalid", "true");
    field?.setAttribute("aria-describedby", fault.id);
  }
}
document.addEventListener("htmx:afterSwap", mark);
mark();
