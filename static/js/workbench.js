// The workbench: what is typed is kept, columns are followed live, parts of the page are replaced
// by their ids. The server renders every part; first render plus events equals a reload.
import { LiveText } from "./live-text.js";
import "./chart-tip.js";

const form = document.querySelector("#bench-form");
const locked = "locked" in form.dataset;
// Somebody else changed what was typed in here: nothing is kept before the page is read again.
let outdated = false;
const mac = /Mac|iP(hone|ad)/.test(navigator.platform);
const toast = (text, tone) => document.dispatchEvent(new CustomEvent("toast", { detail: { text, tone } }));

// ── parts ──
const seen = new Map();
const modified = (text) => (mac ? text : text.replaceAll("⌘", "Ctrl "));
const plain = (html) => html.replace(/<time [^>]*>[^<]*<\/time>/g, "");
for (const part of document.querySelectorAll("[data-part]")) seen.set(part.id, plain(part.outerHTML));

// What of the form was typed in: "bench" for name and variables, and columns by their ids.
const partOf = (name) => (/^(name|revision|input\..*)$/.test(name) ? "bench" : /^([0-9a-f-]{36})\./.exec(name)?.[1]);

// `kept` names what of the form was sent: its revision alone follows, for the fields of the rest
// still show an older one.
function place(html, kept = new Set()) {
  const fresh = document.createElement("template");
  fresh.innerHTML = html;
  for (const part of [...fresh.content.querySelectorAll("[data-part]")]) {
    const now = document.getElementById(part.id);
    if (!now) continue;
    if ("revision" in part.dataset && !kept.has(part.dataset.revision)) continue;
    if (outdated && part.id === "save-state") continue;
    // Only an answer to what was typed knows what could not be read of it.
    if (!kept.size && dirty.size && part.id === "save-state") continue;
    if ("mistake" in part.dataset && !kept.has(part.dataset.of)) continue;
    // Fields stay as long as they are the same ones: somebody may be typing in them.
    if (part.id === "variables" && part.dataset.fields === now.dataset.fields) {
      now.dataset.schema = part.dataset.schema;
      continue;
    }
    for (const key of part.querySelectorAll("[data-mod]")) key.textContent = modified(key.textContent);
    const text = plain(part.outerHTML);
    if (seen.get(part.id) === text) continue;
    // Nobody's words vanish under their fingers; the next look brings what is new.
    const typing = now.contains(document.activeElement) && document.activeElement.matches("textarea, input");
    if (typing && part.dataset.state === now.dataset.state) continue;
    seen.set(part.id, text);
    now.replaceWith(part);
    const column = part.closest(".wb-column[data-column]");
    if (column) follows.get(column.dataset.column)?.written(part);
    if (part.classList.contains("wb-lint")) mark(column);
    if ("mistake" in part.dataset) point(part);
  }
  grow();
}

// A field whose text cannot be read is marked, and its fold stands open.
function point(mistake) {
  const field = form.elements[mistake.dataset.mistake];
  const wrong = Boolean(mistake.textContent);
  if (wrong) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
  if (wrong && field.closest("details")) field.closest("details").open = true;
  return wrong && field;
}

// The address says what is looked at. Rows that were picked because they had failed stay on the
// page whatever becomes of them.
function looked() {
  const search = new URLSearchParams(location.search);
  if (search.get("show") === "failed") search.set("rows", [...document.querySelectorAll("[data-row]")].map((row) => row.dataset.row).join(","));
  return search.size ? `?${search}` : "";
}
let asking = false;
let again = false;
async function refresh() {
  if (asking) {
    again = true;
    return;
  }
  asking = true;
  const began = performance.now();
  const answer = await fetch(form.dataset.outputsUrl + looked(), { headers: { "HX-Request": "true" } }).catch(() => null);
  if (answer?.ok) place(await answer.text());
  // Events come in bursts; one look is enough for all of them, and a large page is looked at less.
  setTimeout(() => {
    asking = false;
    if (again) {
      again = false;
      refresh();
    }
  }, Math.max(250, 4 * (performance.now() - began)));
}

// ── following the columns ──
class Follow {
  constructor(column) {
    this.column = column;
    this.seq = Number(column.dataset.seq);
    this.tries = 0;
    this.written();
    this.open();
  }

  written() {
    const live = document.querySelector(`#column-${this.column.dataset.column} [data-live], [id^="cell-${this.column.dataset.column}-"] [data-live]`);
    if (live === this.live?.element) return;
    this.live = live ? new LiveText(live) : null;
  }

  open() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws/threads/${this.column.dataset.lane}`);
    this.socket = socket;
    socket.onopen = () => socket.send(JSON.stringify({ type: "resume", after_seq: this.seq }));
    socket.onmessage = (message) => this.receive(JSON.parse(message.data));
    socket.onclose = (event) => {
      if (event.code >= 4400 && event.code < 4500 && event.code !== 4429) return;
      this.tries += 1;
      setTimeout(() => this.open(), Math.min(15000, 400 * 2 ** this.tries) * (0.5 + Math.random() / 2));
    };
  }

  receive(frame) {
    switch (frame.type) {
      case "hello":
        // What happened while the connection was lost stands in the parts.
        if (this.tries) refresh();
        this.tries = 0;
        break;
      case "reset":
        this.seq = frame.head_seq;
        refresh();
        break;
      case "event":
        this.seq = Math.max(this.seq, frame.seq);
        refresh();
        break;
      case "delta":
        this.written();
        this.live?.append(frame);
        break;
      case "snapshot":
        this.written();
        this.live?.settle(frame);
        break;
    }
  }
}
const follows = new Map();
for (const column of document.querySelectorAll("[data-lane]")) follows.set(column.dataset.column, new Follow(column));
setInterval(() => {
  for (const { socket } of follows.values()) if (socket.readyState === WebSocket.OPEN) socket.send('{"type":"ping"}');
}, 20000);

// ── keeping what is typed ──
let keeping = 0;
const dirty = new Set();
// One after the other: what is sent says which revision it began with.
let sending = Promise.resolve();
const inTurn = (send) => (sending = sending.then(send, send));

// Only what was typed in is sent: the rest may be somebody else's by now.
function outgoing(kept, submitter) {
  const body = new FormData(form, submitter);
  for (const name of [...new Set(body.keys())]) {
    const part = partOf(name);
    if (part && !kept.has(part)) body.delete(name);
  }
  return body;
}
function taken() {
  const kept = new Set(dirty);
  dirty.clear();
  return kept;
}
const givenBack = (kept) => kept.forEach((part) => dirty.add(part));
const keep = () => inTurn(async () => {
  clearTimeout(keeping);
  if (!dirty.size || locked || outdated) return;
  const kept = taken();
  const body = outgoing(kept);
  body.delete("file");
  body.delete("table");
  const answer = await fetch(form.dataset.saveUrl + looked(), { method: "POST", body, headers: { "HX-Request": "true" } }).catch(() => null);
  if (!answer?.ok) givenBack(kept);
  if (answer?.ok || answer?.status === 422) place(await answer.text(), kept);
  else if (answer?.status === 409) conflict();
  else {
    document.querySelector("#save-state").textContent = "Not kept; it is tried again";
    keeping = setTimeout(keep, 6000);
  }
});
function touched(name) {
  dirty.add(partOf(name));
  clearTimeout(keeping);
  keeping = setTimeout(keep, 700);
}

// ── what somebody else changed meanwhile ──
const typedKey = `typed:${location.pathname}`;
function conflict() {
  outdated = true;
  document.querySelector("#save-state").replaceChildren(document.querySelector("#outdated").content.cloneNode(true));
  document.querySelector("[data-reload]").addEventListener("click", () => {
    const typed = { table: [[document.querySelector("#table-text")?.value ?? ""]] };
    for (const field of form.elements) {
      if (field.type !== "hidden" && dirty.has(partOf(field.name))) (typed[field.name] ??= []).push([field.value, field.checked]);
    }
    sessionStorage.setItem(typedKey, JSON.stringify(typed));
    dirty.clear();
    location.reload();
  });
}
function restore() {
  const typed = JSON.parse(sessionStorage.getItem(typedKey) ?? "{}");
  sessionStorage.removeItem(typedKey);
  for (const [name, values] of Object.entries(typed)) {
    const fields = [...form.elements].filter((field) => field.name === name && field.type !== "hidden");
    // Messages that came or went meanwhile leave no telling which text belongs where.
    if (fields.length !== values.length) continue;
    fields.forEach((field, index) => {
      [field.value] = values[index];
      if (values[index].length > 1) field.checked = values[index][1];
    });
    if (name === "table") fields[0].closest("details").open ||= Boolean(fields[0].value);
    else touched(name);
  }
}
const transient = (name) => !name || /^(say|result\.|note\.|table$|file$|against$)/.test(name);
form.addEventListener("input", (event) => {
  if (!transient(event.target.name)) touched(event.target.name);
  grow(event.target);
});
form.addEventListener("change", (event) => {
  const { target } = event;
  if (target.id === "against") {
    const address = new URL(location);
    if (target.value) address.searchParams.set("against", target.value);
    else address.searchParams.delete("against");
    history.replaceState(null, "", address);
    refresh();
  } else if (!transient(target.name)) touched(target.name);
  if (target.matches(".role-select")) target.closest(".wb-card").dataset.role = target.value;
});
addEventListener("beforeunload", (event) => dirty.size && event.preventDefault());

// ── doing ──
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const { submitter } = event;
  if (submitter?.dataset.confirm && !confirm(submitter.dataset.confirm)) return;
  clearTimeout(keeping);
  if (submitter) submitter.disabled = true;
  inTurn(() => act(submitter));
});
async function act(submitter) {
  const kept = taken();
  // A button that is disabled is left out of the form's data.
  if (submitter) submitter.disabled = false;
  const body = outgoing(kept, submitter);
  if (submitter) submitter.disabled = true;
  const answer = await fetch(location.pathname + looked(), { method: "POST", body, headers: { "HX-Request": "true" } }).catch(() => null);
  if (submitter) submitter.disabled = false;
  if (!answer?.ok) givenBack(kept);
  submitter?.closest("details[data-menu]")?.removeAttribute("open");
  const next = answer?.headers.get("HX-Redirect");
  if (next) {
    const address = new URL(next, location.href);
    if (address.pathname === location.pathname && address.search === "") address.search = location.search;
    const same = address.pathname === location.pathname && address.search === location.search;
    if (same) {
      history.replaceState(null, "", address);
      location.reload();
    } else location.href = address;
    return;
  }
  if (!answer) {
    toast("The server cannot be reached; what you typed is kept here.", "error");
    keeping = setTimeout(keep, 700);
  } else if (answer.ok || (answer.status === 422 && answer.headers.get("Content-Type")?.startsWith("text/html") && body.get("do"))) {
    const html = await answer.text();
    if (html.includes("data-part")) {
      const value = submitter?.value ?? "";
      if (value === "say") form.querySelector("#say").value = "";
      if (value.startsWith("say:")) form.querySelector(`[name="say.${value.slice(4)}"]`)?.blur();
      document.activeElement?.closest?.(".wb-cell") && document.activeElement.blur();
      place(html, kept);
      if (answer.status === 422) {
        toast("Some fields cannot be read; each says why.", "error");
        [...form.querySelectorAll("[data-mistake]")].map(point).find(Boolean)?.focus();
      }
    } else failed(html);
  } else {
    const html = await answer.text();
    if (html.includes("workbench.edited-meanwhile")) conflict();
    failed(html);
  }
}
function failed(html) {
  const shown = document.createElement("template");
  shown.innerHTML = html;
  toast(shown.content.textContent.trim().replace(/\s+/g, " ").slice(0, 300) || "That did not work.", "error");
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(mac ? event.metaKey : event.ctrlKey)) return;
  const column = event.target.closest?.(".wb-column[data-column]");
  const button = event.shiftKey && column ? column.querySelector('[name=do][value^="run:"]') : document.querySelector("#run-all");
  if (!button) return;
  event.preventDefault();
  form.requestSubmit(button);
}, true);

document.querySelector("#share").addEventListener("click", async () => {
  // Where somebody stands on the page is not what is shared.
  await navigator.clipboard.writeText(location.href.replace(/#.*/, ""));
  toast("The link is copied; your team can open it.");
});

// ── messages of drafts ──
form.addEventListener("click", (event) => {
  const { target } = event;
  const place = target.closest("button[data-message]");
  if (place) {
    editorsOf(place.closest(".wb-column"))[Number(place.dataset.message)]?.focus(Number(place.dataset.line), Number(place.dataset.column));
  } else if (target.closest("[data-add-card]")) {
    const box = target.closest(".wb-prompt");
    const card = box.querySelector("template").content.firstElementChild.cloneNode(true);
    box.querySelector("[data-cards]").append(card);
    upgrade(card);
    touched(card.querySelector("[name]").name);
  } else if (target.closest("[data-remove-card]")) {
    const card = target.closest(".wb-card");
    touched(card.querySelector("[name]").name);
    card.remove();
  }
});

let editor = null;
const editors = new Map();
const fragments = JSON.parse(form.dataset.fragments);
function inside(path) {
  let at = JSON.parse(document.querySelector("#variables").dataset.schema);
  for (const step of path) at = at?.properties?.[step] ?? at?.items?.properties?.[step];
  return Object.keys(at?.properties ?? at?.items?.properties ?? {});
}
// A window of its own: what is typed here stays here.
const jump = (name) => open(`/prompts/${name.includes("/") ? name : `${form.dataset.team}/${name}`}`, "_blank", "noopener");
async function upgrade(from) {
  const areas = [...from.querySelectorAll("textarea[data-editor]:not([hidden])")];
  if (!areas.length) return;
  // The editor is large; a workbench without a draft does without it.
  editor ??= import("./code-editor.js");
  const { codeEditor } = await editor;
  for (const area of areas) {
    const made = codeEditor(area, {
      language: "jinja",
      nonce: form.dataset.nonce,
      variables: () => inside([]),
      properties: inside,
      fragments: () => fragments,
      jump,
      changed: () => touched(area.name),
    });
    editors.set(area, made);
  }
  for (const column of new Set(areas.map((area) => area.closest(".wb-column")))) mark(column);
}
// The code editors of a column's messages, in their order.
const editorsOf = (column) => [...column.querySelectorAll(".wb-card textarea[data-editor]")].map((area) => editors.get(area));
function mark(column) {
  if (!column) return;
  const found = [...column.querySelectorAll(".wb-lint [data-message]")].map((item) => ({
    message: Number(item.dataset.message),
    line: Number(item.dataset.line),
    column: Number(item.dataset.column),
    severity: item.dataset.severity,
    detail: item.querySelector("[data-detail]").textContent,
  }));
  editorsOf(column).forEach((one, index) => one?.mark(found.filter(({ message }) => message === index)));
}
if (!locked) {
  restore();
  upgrade(document);
}

// ── the last runs of a column ──
document.addEventListener("toggle", async (event) => {
  const details = event.target;
  if (!details.matches?.("[data-history]") || !details.open) return;
  const answer = await fetch(details.dataset.history + looked(), { headers: { "HX-Request": "true" } }).catch(() => null);
  details.querySelector("[data-runs]").innerHTML = answer?.ok ? await answer.text() : '<p class="muted">They could not be read. Close this and open it again.</p>';
}, true);

// ── a file becomes the text that would be pasted, so that nothing of it is lost in a conflict ──
document.querySelector("#table-file")?.addEventListener("change", async ({ target }) => {
  const [file] = target.files;
  if (!file || file.size > 1_000_000) return;
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
  } catch {
    // The server says what is wrong with it.
    return;
  }
  document.querySelector("#table-text").value = text;
  target.value = "";
});

function grow(area) {
  for (const one of area ? [area] : form.querySelectorAll("[data-grows]")) {
    if (!one.matches?.("[data-grows]")) continue;
    one.style.height = "auto";
    one.style.height = `${Math.min(one.scrollHeight + 2, 220)}px`;
  }
}
grow();

// On a phone the columns come first, once there is nothing left to fill in.
const missing = [...document.querySelectorAll("#variables .field")].some((one) => !one.querySelector(".faint") && !one.querySelector("[name]").value);
if (innerWidth <= 600 && !missing) document.querySelector("#variables-card").open = false;
