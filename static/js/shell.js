// The page frame: menus, theme, sidebar, palette, keyboard, copying, toasts, relative times.
// Other scripts talk to it by events: document.dispatchEvent(new CustomEvent("toast", {detail: {text, tone}})).
const root = document.documentElement;
const $ = (selector, from = document) => from.querySelector(selector);
const mac = /Mac|iP(hone|ad)/.test(navigator.platform);

const store = (key, value) => {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Private windows may refuse; the choice then lasts as long as the page.
  }
};

function toast(text, tone = "ok") {
  const shown = $("#toast-template").content.firstElementChild.cloneNode(true);
  if (tone === "error") {
    shown.dataset.tone = "error";
    const use = $("use", shown);
    use.setAttribute("href", use.getAttribute("href").replace(/#.*/, "#alert-circle"));
  }
  $("[data-text]", shown).textContent = text;
  $("#toasts").append(shown);
  setTimeout(() => shown.remove(), tone === "error" ? 9000 : 3500);
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  toast("Copied");
}

// ── theme and sidebar ──
function applyTheme(choice) {
  const dark = choice === "dark" || (choice === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
  root.dataset.theme = choice;
  root.dataset.bsTheme = dark ? "dark" : "light";
  for (const button of document.querySelectorAll("[data-do=theme]"))
    button.setAttribute("aria-pressed", String(button.dataset.value === choice));
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => applyTheme(root.dataset.theme));
addEventListener("storage", (event) => event.key === "theme" && applyTheme(event.newValue || "system"));
applyTheme(root.dataset.theme || "system");

function setTheme(choice) {
  store("theme", choice);
  applyTheme(choice);
}
function foldSidebar() {
  root.dataset.sidebar = root.dataset.sidebar === "icons" ? "open" : "icons";
  store("sidebar", root.dataset.sidebar);
}

// ── palette ──
const palette = $("#palette");
let asked = 0;
async function searchPalette() {
  const input = $("input", palette);
  const mine = ++asked;
  const answer = await fetch(`${input.dataset.url}?q=${encodeURIComponent(input.value)}`, {
    headers: { "HX-Request": "true" },
  }).catch(() => null);
  if (!answer?.ok || mine !== asked) return;
  $("#palette-list").innerHTML = await answer.text();
  choose(0);
}
function options() {
  return [...palette.querySelectorAll("[role=option]")];
}
function choose(index) {
  const all = options();
  all.forEach((option, at) => option.setAttribute("aria-selected", String(at === index)));
  all[index]?.scrollIntoView({ block: "nearest" });
  $("input", palette).setAttribute("aria-activedescendant", all[index]?.id ?? "");
}
function openPalette() {
  if (!palette || palette.open) return;
  palette.showModal();
  const input = $("input", palette);
  input.select();
  searchPalette();
}
palette?.addEventListener("input", searchPalette);
palette?.addEventListener("keydown", (event) => {
  const all = options();
  const at = all.findIndex((option) => option.getAttribute("aria-selected") === "true");
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    choose((at + (event.key === "ArrowDown" ? 1 : all.length - 1)) % Math.max(1, all.length));
  } else if (event.key === "Enter") {
    event.preventDefault();
    const option = all[Math.max(0, at)];
    if (option && (event.metaKey || event.ctrlKey) && option.href) window.open(option.href);
    else option?.click();
  }
});
palette?.addEventListener("mousemove", (event) => {
  const option = event.target.closest("[role=option]");
  if (option && option.getAttribute("aria-selected") !== "true") choose(options().indexOf(option));
});

// ── things one can press ──
const verbs = {
  theme: (button) => {
    setTheme(button.dataset.value);
    palette?.close();
  },
  sidebar: foldSidebar,
  palette: openPalette,
  keys: (button) => {
    palette?.close();
    // Where the dialog was opened from a menu, that has closed: its summary takes the focus back.
    button?.closest("details[data-menu]")?.querySelector("summary").focus();
    $("#keys")?.showModal();
  },
  close: (button) => button.closest("dialog, .side-panel")?.close?.(),
  dismiss: (button) => button.closest(".toast2").remove(),
};
document.addEventListener("click", (event) => {
  const target = event.target.closest?.("[data-do], [data-copy], [data-copy-code], [data-copy-from]");
  for (const menu of document.querySelectorAll("details[data-menu][open]"))
    if (!menu.contains(event.target) || (target && !event.target.closest("summary"))) menu.open = false;
  if (event.target.nodeName === "DIALOG") event.target.close();
  if (!target) return;
  if (target.dataset.do) verbs[target.dataset.do]?.(target, event);
  else if ("copyCode" in target.dataset) copy(target.parentElement.querySelector("pre").textContent);
  else if (target.dataset.copyFrom) copy($(target.dataset.copyFrom).textContent);
  else copy(target.dataset.copy);
});

// ── keyboard ──
const typing = (element) => element.closest?.("input, textarea, select, [contenteditable=true], .cm-editor");
let afterG = 0;
document.addEventListener("keydown", (event) => {
  const mod = mac ? event.metaKey : event.ctrlKey;
  if (mod && event.key.toLowerCase() === "k") {
    event.preventDefault();
    openPalette();
    return;
  }
  if (mod && event.key.toLowerCase() === "b") {
    event.preventDefault();
    foldSidebar();
    return;
  }
  if (event.key === "Escape")
    for (const menu of document.querySelectorAll("details[data-menu][open]")) {
      menu.open = false;
      $("summary", menu).focus();
    }
  if (event.key === "Escape" && event.target.type === "search" && !event.target.value) event.target.blur();
  if (event.target.getAttribute?.("role") === "tab") moveTab(event);
  if (mod || event.altKey || event.metaKey || event.ctrlKey || typing(event.target) || $("dialog[open]")) return;
  // Where one writes, as after Escape, a letter that was meant for the text leads nowhere else.
  const stays = $("#main [data-stays]");
  if (Date.now() - afterG < 1200) {
    afterG = 0;
    const entry = [...document.querySelectorAll(".nav-link2[href]")].find(
      (link) => $(".kbd", link)?.textContent === `g ${event.key}`,
    );
    if (entry) {
      event.preventDefault();
      entry.click();
      return;
    }
  }
  if (event.key === "g" && !stays) afterG = Date.now();
  else if (event.key === "?") ($("#main dialog.keys") ?? $("#keys"))?.showModal();
  else if (event.key === "n" && !stays) location.assign("/chat");
  else if (event.key === "/") {
    const search = $("#main input[type=search]");
    event.preventDefault();
    if (search) search.focus();
    else openPalette();
  } else if (event.key === "j" || event.key === "k") moveRow(event);
});
function moveTab(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const tabs = [...event.target.closest("[role=tablist]").querySelectorAll("[role=tab]")];
  event.preventDefault();
  tabs[(tabs.indexOf(event.target) + step + tabs.length) % tabs.length].focus();
}
function moveRow(event) {
  if (event.defaultPrevented) return;
  const links = [...document.querySelectorAll("#main .data-table td.main a, #main a.row-item")];
  if (!links.length) return;
  const at = links.indexOf(document.activeElement);
  links[Math.min(links.length - 1, Math.max(0, at + (event.key === "j" ? 1 : -1)))].focus();
}
if (!mac)
  for (const key of document.querySelectorAll("[data-mod]")) key.textContent = key.textContent.replace("⌘", "Ctrl ");

// ── server's answers ──
document.addEventListener("toast", (event) => toast(event.detail.text ?? event.detail.value, event.detail.tone));
// A list that cannot be read says so in its place, keeps the rows it has, and can be asked again.
function listFailed({ detail }, said, id = "") {
  const list = detail.target?.closest?.("[data-list]");
  if (!list) return false;
  const { elt, target, pathInfo } = detail;
  const shown = $("#list-problem").content.firstElementChild.cloneNode(true);
  $("[data-said]", shown).textContent = said;
  $("[data-id]", shown).textContent = id && `request id ${id}`;
  $("[data-again]", shown).addEventListener("click", () => {
    shown.remove();
    htmx.ajax("GET", pathInfo.finalRequestPath, { source: elt, target, swap: "outerHTML" });
  });
  for (const earlier of list.querySelectorAll(".list-problem")) earlier.remove();
  const rows = $(".table-wrap, .empty2", list);
  if (rows) rows.before(shown);
  else list.append(shown);
  return true;
}
document.addEventListener("htmx:responseError", (event) => {
  // What asks again by itself says nothing: a trace does not exist before its run has begun.
  if (event.detail.elt?.closest("[data-quiet]")) return;
  const request = event.detail.xhr;
  if (listFailed(event, `The server answered ${request.status}.`, request.getResponseHeader("X-Request-ID"))) return;
  let said = `The server answered ${request.status}.`;
  try {
    const problem = JSON.parse(request.responseText);
    said = `${problem.detail || problem.title} (${problem.code})`;
  } catch {
    // Not a problem document: the status has to do.
  }
  toast(said, "error");
});
document.addEventListener("htmx:sendError", (event) => event.detail.elt?.closest("[data-quiet], .home-foot") || listFailed(event, "The server cannot be reached.") || toast("The server cannot be reached.", "error"));

// ── unsaved work: a form marked data-guard warns before leaving ──
let unsaved = null;
document.addEventListener("input", (event) => {
  const form = event.target.closest?.("form[data-guard]");
  if (form) unsaved = form;
});
document.addEventListener("submit", () => {
  unsaved = null;
});
addEventListener("beforeunload", (event) => {
  if (unsaved?.isConnected) event.preventDefault();
});

// ── relative times ──
function refreshTimes() {
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const seconds = (Date.now() - Date.parse(time.dateTime)) / 1000;
    if (seconds > 300 * 86400) continue;
    if (seconds < 45) time.textContent = "just now";
    else if (seconds < 5400) time.textContent = `${Math.max(1, Math.round(seconds / 60))} min ago`;
    else if (seconds < 129600) time.textContent = `${Math.round(seconds / 3600)} h ago`;
    else if (seconds < 60 * 86400) time.textContent = `${Math.round(seconds / 86400)} d ago`;
    else time.textContent = `${Math.round(seconds / 86400 / 30.4)} mo ago`;
  }
}
setInterval(refreshTimes, 30000);
// What leads somewhere stays until it is dismissed: nobody is to hurry after a link.
for (const shown of document.querySelectorAll("#toasts .toast2:not(:has([data-text] a))")) setTimeout(() => shown.remove(), 5000);
