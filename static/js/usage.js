// Usage: filters and links change the page in place, its address with it; rows answer the keyboard,
// charts say the value under the pointer.
const body = document.querySelector("#usage");
let asked = 0;

async function show(address, { into = "usage", push = true } = {}) {
  const mine = ++asked;
  body.setAttribute("aria-busy", "true");
  // What is wrong comes as a problem, whose detail can be said; all else as HTML.
  const headers = { Accept: "application/problem+json, */*", "HX-Request": "true", "HX-Target": into };
  const answer = await fetch(address, { headers }).catch(() => null);
  if (mine !== asked) return;
  body.removeAttribute("aria-busy");
  if (!answer?.ok) {
    const problem = await answer?.json().catch(() => null);
    const text = problem?.detail ?? "The usage could not be read. Try again.";
    document.dispatchEvent(new CustomEvent("toast", { detail: { text, tone: "error" } }));
    return;
  }
  const focused = document.activeElement?.id;
  const text = await answer.text();
  if (into === "usage") body.innerHTML = text;
  else document.getElementById(into).outerHTML = text;
  if (focused) document.getElementById(focused)?.focus();
  if (push) history.pushState(null, "", address);
}

const usual = { period: "7", by: "model" };
function filter(form) {
  const chosen = new URLSearchParams(new FormData(form));
  for (const [key, value] of [...chosen]) if (!value || value === usual[key] || (key === "period" && chosen.get("from"))) chosen.delete(key);
  show(`${form.getAttribute("action")}${chosen.size ? `?${chosen}` : ""}`);
}
body.addEventListener("change", (event) => {
  const form = event.target.closest("[data-filters]");
  // Two dates belong together: their button sends them.
  if (form && event.target.type !== "date") filter(form);
  const [from, to] = ["#usage-from", "#usage-to"].map((id) => body.querySelector(id));
  if (from && to) {
    from.required = Boolean(to.value);
    to.min = from.value;
  }
});
body.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-filters]")) return;
  event.preventDefault();
  filter(event.target);
});
body.addEventListener("click", (event) => {
  if (event.metaKey || event.ctrlKey || event.shiftKey) return;
  const link = event.target.closest("a");
  const row = event.target.closest("tr[data-href]");
  const address = link ? link.getAttribute("href") : !event.target.closest("button") && row?.dataset.href;
  if (!address) return;
  if (new URL(address, location.href).pathname === location.pathname) {
    event.preventDefault();
    show(address, { into: link?.dataset.into });
    if (row) document.querySelector("#main").scrollTo({ top: 0 });
  } else if (!link) location.href = address;
});
addEventListener("popstate", () => show(location.pathname + location.search, { push: false }));

document.addEventListener("keydown", (event) => {
  if (event.metaKey || event.ctrlKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.closest("input, textarea, select")) return;
  const rows = [...body.querySelectorAll("tr[data-href]")];
  const at = rows.indexOf(document.activeElement.closest("tr"));
  if (event.key === "j" || event.key === "k") {
    rows[Math.min(Math.max(at + (event.key === "j" ? 1 : -1), 0), rows.length - 1)]?.focus();
    event.preventDefault();
  } else if (event.key === "Enter" && at >= 0 && !event.target.closest("a")) rows[at].click();
});
