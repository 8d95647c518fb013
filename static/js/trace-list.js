// The list of traces: filters apply as they change, rows answer the keyboard.
const holder = document.querySelector("#traces");
let asked = 0;

async function show(address, { push = true } = {}) {
  const mine = ++asked;
  holder.setAttribute("aria-busy", "true");
  const answer = await fetch(address, { headers: { "HX-Request": "true", "HX-Target": "traces" } }).catch(() => null);
  if (mine !== asked) return;
  holder.removeAttribute("aria-busy");
  if (!answer?.ok) {
    document.dispatchEvent(new CustomEvent("toast", { detail: { text: "The traces could not be read. Try again.", tone: "error" } }));
    return;
  }
  const { id, selectionStart } = document.activeElement ?? {};
  holder.innerHTML = await answer.text();
  const focused = id ? holder.querySelector(`#${CSS.escape(id)}`) : null;
  focused?.focus();
  if (focused?.type === "search") focused.setSelectionRange(selectionStart, selectionStart);
  if (push) history.pushState(null, "", address);
}

function address(form) {
  const asked = new URLSearchParams(new FormData(form));
  for (const [key, value] of [...asked]) if (!value || (key === "sort" && value === "-started")) asked.delete(key);
  return `${form.getAttribute("action")}${asked.size ? `?${asked}` : ""}`;
}

let typing;
holder.addEventListener("input", (event) => {
  const form = event.target.closest("[data-filters]");
  clearTimeout(typing);
  if (form) typing = setTimeout(() => show(address(form)), event.target.type === "search" ? 220 : 0);
});
holder.addEventListener("submit", (event) => {
  event.preventDefault();
  show(address(event.target));
});
holder.addEventListener("click", (event) => {
  if (event.metaKey || event.ctrlKey || event.shiftKey) return;
  const link = event.target.closest("th a, .pager a, .trace-filters a, .empty2 a");
  const row = event.target.closest("tr[data-href]");
  if (link && new URL(link.href).pathname === location.pathname) {
    event.preventDefault();
    show(link.getAttribute("href"));
  } else if (row && !event.target.closest("a, button")) location.href = row.dataset.href;
});
addEventListener("popstate", () => show(location.pathname + location.search, { push: false }));

document.addEventListener("keydown", (event) => {
  if (event.metaKey || event.ctrlKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.closest("input, textarea, select")) return;
  const rows = [...holder.querySelectorAll("tr[data-href]")];
  const at = rows.indexOf(document.activeElement.closest("tr"));
  if (event.key === "j" || event.key === "k") {
    rows[Math.min(Math.max(at + (event.key === "j" ? 1 : -1), 0), rows.length - 1)]?.focus();
    event.preventDefault();
  } else if (event.key === "Enter" && at >= 0 && !event.target.closest("a")) location.href = rows[at].dataset.href;
  else if (event.key === "/") {
    event.preventDefault();
    holder.querySelector("[name=q]")?.focus();
  }
});
