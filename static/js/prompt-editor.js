// The prompt editor: cards with code in them, a live preview, checks one can jump to, drafts.
import { codeEditor } from "./code-editor.js";

const form = document.querySelector("#prompt-form");
const cards = document.querySelector("#cards");
const aside = document.querySelector("#editor-aside");
const mac = /Mac|iP(hone|ad)/.test(navigator.platform);
const fragments = JSON.parse(form.dataset.fragments);
const editors = new Map();
let schema = { properties: {} };
let comparing = false;

const toast = (text, tone) => document.dispatchEvent(new CustomEvent("toast", { detail: { text, tone } }));

// ── what is known of the variables ──
function inside(path) {
  let at = schema;
  for (const step of path) at = at?.properties?.[step] ?? at?.items?.properties?.[step];
  return Object.keys(at?.properties ?? at?.items?.properties ?? {});
}
function jump(name) {
  const path = name.includes("/") ? name : `${form.dataset.team}/${name}`;
  // A window of its own: what is typed here stays here.
  open(`/prompts/${path}`, "_blank", "noopener");
}

// ── code in the cards ──
function upgrade(textarea) {
  const made = codeEditor(textarea, {
    language: textarea.dataset.editor,
    nonce: form.dataset.nonce,
    variables: () => inside([]),
    properties: inside,
    fragments: () => fragments,
    jump,
    changed: touched,
  });
  editors.set(textarea, made);
}
for (const textarea of form.querySelectorAll("[data-editor]")) upgrade(textarea);
const editorOf = (index) => editors.get(cards.children[index]?.querySelector("[data-editor]"));

// ── preview, drafts ──
let previewing = 0;
let drafting = 0;
let unkept = form.dataset.unsaved === "true" && !document.querySelector("[form=discard-form]");
let leaving = false;
const values = `prompt-inputs:${form.dataset.key}`;

function preview(after = 250) {
  clearTimeout(previewing);
  previewing = setTimeout(() => htmx.trigger(aside, "preview"), after);
}
function touched() {
  unkept = true;
  count();
  preview();
  clearTimeout(drafting);
  drafting = setTimeout(keep, 1200);
}
async function keep() {
  clearTimeout(drafting);
  if (leaving) return;
  unkept = false;
  const body = new FormData(form);
  body.delete("do");
  const answer = await fetch(form.dataset.draftUrl, { method: "POST", body, headers: { "HX-Request": "true" } }).catch(() => null);
  if (leaving) return;
  const state = document.querySelector("#draft-state");
  if (answer?.ok) state.innerHTML = await answer.text();
  else if (answer?.status === 422) {
    // Trying the same again would be refused again.
    unkept = true;
    state.innerHTML = await answer.text();
  }
  else {
    unkept = true;
    state.textContent = "The draft could not be kept; it is tried again.";
    drafting = setTimeout(keep, 8000);
  }
}
function count() {
  for (const card of cards.children) {
    const shown = card.querySelector("[data-chars]");
    const length = card.querySelector("[name=template]").value.length;
    if (shown) shown.textContent = length ? `${length.toLocaleString("en")} chars` : "";
  }
}
// A link to a field leads into the editor that stands in its place, unfolded if it was folded since.
document.querySelector("#wrong")?.addEventListener("click", (event) => {
  const field = event.target.closest("a") && document.querySelector(event.target.closest("a").hash);
  if (!field) return;
  event.preventDefault();
  field.closest("details").open = true;
  (editors.get(field) ?? field).focus();
});
const isInput = (element) => element.name?.startsWith("input.");
form.addEventListener("input", (event) => {
  if (event.target.closest(".cm-editor")) return;
  if (isInput(event.target)) {
    keepValues();
    preview();
  } else if (event.target.name !== "note") touched();
});
form.addEventListener("change", (event) => {
  if (event.target.name === "role") event.target.closest(".message-card").dataset.role = event.target.value;
});
addEventListener("beforeunload", (event) => {
  // What is in a draft is not lost; what was typed a moment ago would be.
  if (unkept && !leaving) {
    keep();
    event.preventDefault();
  }
});
form.addEventListener("submit", () => {
  leaving = true;
});
addEventListener("pageshow", () => {
  leaving = false;
});

// ── what was typed into the inputs lasts as long as the browser's tab ──
function keepValues() {
  const typed = [...form.elements].filter(isInput).map((each) => [each.name, each.value]);
  try {
    const known = JSON.parse(sessionStorage.getItem(values) ?? "{}");
    sessionStorage.setItem(values, JSON.stringify({ ...known, ...Object.fromEntries(typed) }));
  } catch {
    // Private windows may refuse.
  }
}
function fillValues() {
  let known = {};
  try {
    known = JSON.parse(sessionStorage.getItem(values) ?? "{}");
  } catch {
    // Nothing was kept that can be read.
  }
  let filled = false;
  for (const each of [...form.elements].filter(isInput))
    if (!each.value && known[each.name]) {
      each.value = known[each.name];
      filled = true;
    }
  return filled;
}

document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.elt === aside && comparing) event.detail.parameters.append("compare", "1");
});
document.addEventListener("htmx:oobAfterSwap", (event) => {
  if (event.detail.target?.id === "inputs-fields" && fillValues()) preview(0);
  if (event.detail.target?.id !== "lint") return;
  const lint = document.querySelector("#lint");
  if (lint.dataset.facts) schema = JSON.parse(lint.dataset.facts).schema;
  const found = [...lint.querySelectorAll("[data-message]")].map((item) => ({
    message: Number(item.dataset.message),
    line: Number(item.dataset.line),
    column: Number(item.dataset.column),
    severity: item.dataset.severity,
    detail: item.querySelector("[data-detail]").textContent,
  }));
  [...cards.children].forEach((_, index) => editorOf(index)?.mark(found.filter((one) => one.message === index)));
});
document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.elt === aside) document.querySelector("#preview").textContent = "The preview could not be made. It is tried again as you type.";
});

// ── cards: add, move, remove ──
function place(card, before) {
  cards.insertBefore(card, before);
  touched();
}
function add(role) {
  const card = document.querySelector("#card-template").content.firstElementChild.cloneNode(true);
  card.dataset.role = role;
  card.querySelector("[name=role]").value = role;
  cards.append(card);
  upgrade(card.querySelector("[data-editor]"));
  touched();
  if (role === "placeholder") card.querySelector(".placeholder-name").focus();
  else editorOf(cards.children.length - 1).focus();
}
let removed = null;
function remove(card) {
  removed = { card, before: card.nextElementSibling };
  card.remove();
  touched();
  (removed.before ?? cards.lastElementChild)?.querySelector("select, button")?.focus();
  toast(`Removed. ${mac ? "⌘" : "Ctrl "}⇧Z puts it back.`);
}
form.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  const card = button?.closest(".message-card");
  if (button?.dataset.add) add(button.dataset.add);
  else if (button?.dataset.move) {
    move(card, button.dataset.move);
    button.focus();
  } else if (button && "remove" in button.dataset) remove(card);
  else if (button?.classList.contains("lint-item") && button.dataset.message)
    editorOf(Number(button.dataset.message))?.focus(Number(button.dataset.line), Number(button.dataset.column));
  else if (button && "doCompare" in button.dataset) compare();
});
function move(card, way) {
  const other = way === "up" ? card.previousElementSibling : card.nextElementSibling;
  if (other) place(card, way === "up" ? other : other.nextElementSibling);
}

// A card is dragged by its grip, so that text in it can be selected.
let dragged = null;
cards.addEventListener("pointerdown", (event) => {
  const grip = event.target.closest("[data-grip]");
  if (grip) grip.closest(".message-card").draggable = true;
});
cards.addEventListener("dragstart", (event) => {
  dragged = event.target.closest?.(".message-card[draggable=true]");
  if (!dragged) return;
  event.dataTransfer.effectAllowed = "move";
  dragged.classList.add("dragged");
});
cards.addEventListener("dragover", (event) => {
  const over = event.target.closest?.(".message-card");
  if (!dragged || !over || over === dragged) return;
  event.preventDefault();
  const { top, height } = over.getBoundingClientRect();
  const before = event.clientY < top + height / 2 ? over : over.nextElementSibling;
  if (before !== dragged && dragged.nextElementSibling !== before) cards.insertBefore(dragged, before);
});
cards.addEventListener("dragend", () => {
  if (!dragged) return;
  dragged.classList.remove("dragged");
  dragged.draggable = false;
  dragged = null;
  touched();
});

// ── compare with the version one began with ──
function compare() {
  comparing = !comparing;
  document.querySelector("[data-do-compare]").setAttribute("aria-pressed", String(comparing));
  document.querySelector("#own-changes").hidden = !comparing;
  document.querySelector("#editor-columns").hidden = comparing;
  preview(0);
}
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  if (event.detail.target?.id === "own-changes") event.detail.fragment.querySelector("#own-changes").hidden = !comparing;
});

// ── keyboard ──
addEventListener("keydown", (event) => {
  const mod = mac ? event.metaKey : event.ctrlKey;
  const key = event.key.toLowerCase();
  const card = event.target.closest?.(".message-card");
  if (mod && !event.shiftKey && key === "s") {
    event.preventDefault();
    form.requestSubmit(document.querySelector("#save"));
  } else if (mod && event.shiftKey && key === "d") {
    event.preventDefault();
    compare();
  } else if (key === "escape" && !event.defaultPrevented && event.target.closest?.(".cm-editor")) {
    // What completes or searches closes first; then the page's keys are reachable without a mouse.
    event.target.blur();
  } else if (key === "d" && !mod && !event.altKey && !event.shiftKey && !event.target.closest?.("input, textarea, select, .cm-editor") && !document.querySelector("dialog[open]")) {
    event.preventDefault();
    compare();
  } else if (mod && event.shiftKey && key === "z" && removed && !event.target.closest?.(".cm-editor")) {
    event.preventDefault();
    place(removed.card, removed.before?.isConnected ? removed.before : null);
    removed = null;
  } else if (event.altKey && card && !event.target.closest(".cm-editor") && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
    event.preventDefault();
    const { target } = event;
    move(card, event.key === "ArrowUp" ? "up" : "down");
    target.focus();
  }
});

count();
preview(0);
document.querySelector("#meeting > .card2-head")?.scrollIntoView({ block: "nearest" });
