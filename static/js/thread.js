// A thread that stays in step with the server: one socket, events in order, HTML upserted by id.
import { LiveText } from "./live-text.js";

const $ = (selector, from = document) => from.querySelector(selector);
const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
const say = (text, tone) => document.dispatchEvent(new CustomEvent("toast", { detail: { text, tone } }));
const csrf = () => JSON.parse(document.body.getAttribute("hx-headers") || "{}")["X-CSRFToken"] ?? "";

const remember = {
  get(key) {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  },
  set(key, value) {
    try {
      if (value) localStorage.setItem(key, value);
      else localStorage.removeItem(key);
    } catch {
      // Without storage a draft lasts as long as the page.
    }
  },
};

// ── composer ──────────────────────────────────────────────────────────
const text = $("#composer-text");
const composer = $("#composer");
const chat = $(".chat");
const threadId = chat?.dataset.thread;

function grow() {
  text.style.height = "auto";
  text.style.height = `${Math.min(text.scrollHeight, 226)}px`;
}
function setText(value) {
  text.value = value;
  grow();
  text.dispatchEvent(new Event("input", { bubbles: true }));
}
if (text) {
  const key = `draft:${threadId ?? "new"}`;
  if (!text.value) text.value = remember.get(key) ?? "";
  text.addEventListener("input", () => {
    remember.set(key, text.value);
    grow();
    showButtons();
  });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      composer.requestSubmit($("[data-send]", composer));
    } else if (event.key === "ArrowUp" && !text.value) {
      const last = $$(".said[data-mine] [data-copy]").pop();
      if (last) {
        event.preventDefault();
        setText(last.dataset.copy);
        text.setSelectionRange(text.value.length, text.value.length);
      }
    } else if (event.key === "Escape" && activeRun()) stop();
  });
  requestAnimationFrame(grow);
}
if (composer && !threadId)
  composer.addEventListener("submit", (event) => {
    if (!event.submitter?.name && !text.value.trim()) {
      event.preventDefault();
      text.focus();
      return;
    }
    remember.set("draft:new", "");
    requestAnimationFrame(() => $$("[data-send], .suggestion").forEach((button) => (button.disabled = true)));
  });
$("#composer-agent")?.addEventListener("change", (event) => {
  const url = new URL(location.href);
  url.searchParams.set("agent", event.target.value);
  location.assign(url);
});

// ── panes ─────────────────────────────────────────────────────────────
if (chat) {
  if (remember.get("inspector") === "folded") chat.dataset.folded = "";
  $("[data-pane-toggle]")?.addEventListener("click", () => {
    if (innerWidth <= 1100) {
      chat.toggleAttribute("data-unfolded");
      return;
    }
    chat.toggleAttribute("data-folded");
    remember.set("inspector", "folded" in chat.dataset ? "folded" : "");
  });
  $(".pane-tabs").addEventListener("click", (event) => {
    const tab = event.target.closest("[data-show]");
    if (tab) showPane(tab.dataset.show);
  });
  if (!threadId) chat.dataset.pane = "talk";
  swipe(chat);
}

// On a phone a finger drawn sideways goes to the pane beside; what scrolls sideways itself keeps it.
function swipe(area) {
  let from = null;
  const scrolls = (element) => element !== area && (element.scrollWidth > element.clientWidth + 1 && ["auto", "scroll"].includes(getComputedStyle(element).overflowX) || scrolls(element.parentElement));
  area.addEventListener("touchstart", (event) => {
    const [touch] = event.touches;
    const free = event.touches.length === 1 && innerWidth <= 760 && !event.target.closest("textarea, input, select") && !scrolls(event.target);
    from = free ? { x: touch.clientX, y: touch.clientY } : null;
  }, { passive: true });
  area.addEventListener("touchend", (event) => {
    if (!from) return;
    const [touch] = event.changedTouches;
    const [dx, dy] = [touch.clientX - from.x, touch.clientY - from.y];
    from = null;
    if (Math.abs(dx) < 60 || Math.abs(dx) < 2 * Math.abs(dy) || String(getSelection())) return;
    const panes = $$(".pane-tabs [data-show]").map((tab) => tab.dataset.show);
    const next = panes[panes.indexOf(area.dataset.pane) + (dx < 0 ? 1 : -1)];
    if (next) showPane(next);
  }, { passive: true });
}

function showPane(name) {
  chat.dataset.pane = name;
  for (const tab of $$(".pane-tabs [data-show]"))
    tab.setAttribute("aria-selected", String(tab.dataset.show === name));
}

// What was looked at is remembered by the server, so that unread is the same on every machine.
let readTimer = 0;
function markRead() {
  if (document.hidden || readTimer) return;
  readTimer = setTimeout(sendRead, 1000);
}
function sendRead() {
  clearTimeout(readTimer);
  readTimer = 0;
  const body = new URLSearchParams({ action: "read", seq: line.seq });
  fetch(`/chat/${threadId}`, { method: "POST", headers: { "X-CSRFToken": csrf(), "HX-Request": "true" }, body, keepalive: true }).catch(() => null);
}
addEventListener("pagehide", () => readTimer && sendRead());

// ── scrolling ─────────────────────────────────────────────────────────
const scroller = $("#talk-scroll");
const newer = $("#newer");
let pinned = true;
let missed = 0;
function toEnd(smooth = false) {
  scroller?.scrollTo({ top: scroller.scrollHeight, behavior: smooth ? "smooth" : "instant" });
}
function follow() {
  if (pinned) toEnd();
}
function miss() {
  if (pinned || !newer) return;
  missed += 1;
  newer.hidden = false;
  $("span", newer).textContent = `${missed} new`;
}
scroller?.addEventListener("scroll", () => {
  pinned = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 60;
  if (pinned && newer) {
    missed = 0;
    newer.hidden = true;
  }
});
newer?.addEventListener("click", () => toEnd(true));
if (scroller) new ResizeObserver(follow).observe($(".talk-inner"));

// ── runs ──────────────────────────────────────────────────────────────
function activeRun() {
  return $("[data-run-status=running], [data-run-status=waiting], [data-run-status=queued]")?.dataset.run;
}
function showButtons() {
  if (!composer || !threadId) return;
  const running = Boolean(activeRun());
  const stopping = running && !text.value.trim();
  const send = $("[data-send]", composer);
  const stopButton = $("[data-stop]", composer);
  const focused = document.activeElement === send || document.activeElement === stopButton;
  send.hidden = stopping;
  stopButton.hidden = !stopping;
  if (focused) (stopping ? stopButton : send).focus();
}
function tick() {
  for (const clock of $$("[data-since]")) {
    const ms = Date.now() - Date.parse(clock.dataset.since);
    clock.textContent = ms < 59950 ? `${Math.max(0, ms / 1000).toFixed(1)} s` : `${Math.floor(ms / 60000)} m ${String(Math.floor(ms / 1000) % 60).padStart(2, "0")} s`;
  }
}
setInterval(tick, 200);
tick();

async function post(url, fields) {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "X-CSRFToken": csrf(), "HX-Request": "true", Accept: "application/json" },
    body: new URLSearchParams(fields),
  }).catch(() => null);
  if (!answer) say("The server cannot be reached.", "error");
  else if (!answer.ok) {
    const problem = await answer.json().catch(() => ({}));
    say(problem.detail ?? `The server answered ${answer.status}.`, "error");
  }
  return answer;
}
function stop() {
  const run = activeRun();
  if (!run) return;
  $("[data-stop]").disabled = true;
  if (!line?.send({ type: "cancel", run_id: run })) post(`/runs/${run}`, { action: "cancel" });
  setTimeout(() => ($("[data-stop]").disabled = false), 1500);
}
$("[data-stop]")?.addEventListener("click", stop);
document.addEventListener("submit", (event) => {
  const verb = event.target.dataset.verb;
  if (!verb || !threadId) return;
  event.preventDefault();
  if (verb === "retry") outbox.add(event.target.elements.content.value);
  else if (verb === "feedback") say_of(event.target, event.submitter);
  else post(event.target.action, { action: verb });
});

// A thumb is pressed at once; the event that comes brings what the server made of it.
async function say_of(form, button) {
  const fields = new URLSearchParams(new FormData(form, button));
  const pressed = button.getAttribute("aria-pressed");
  if (pressed) button.setAttribute("aria-pressed", String(pressed !== "true"));
  const answer = await post(form.action, fields);
  if (pressed && !answer?.ok) button.setAttribute("aria-pressed", pressed);
  const note = fields.has("comment") && answer?.ok && document.getElementById(form.parentElement.id);
  if (!note) return;
  note.open = false;
  $("summary", note).focus();
}

// ── HTML from the server ──────────────────────────────────────────────
const streams = new Map();
function stream(runId) {
  const element = document.getElementById(`live-${runId}`);
  if (!element) return null;
  let live = streams.get(runId);
  if (!live || live.element !== element) {
    live = new LiveText(element);
    streams.set(runId, live);
  }
  return live;
}
// What is opened stays open and what is half written stays written; returns the field being written in.
function keep(old, part) {
  let typed = null;
  for (const field of $$("textarea[id]", old)) {
    const fresh = $(`#${field.id}`, part);
    if (!fresh) continue;
    $$("details[id]", part).forEach((one) => one.contains(fresh) && (one.open = Boolean($(`#${one.id}[open]`, old))));
    if (field.value !== field.defaultValue) fresh.value = field.value;
    if (field === document.activeElement) typed = fresh;
  }
  return typed;
}
function upsert(html) {
  const parts = document.createElement("template");
  parts.innerHTML = html;
  let added = false;
  for (const part of [...parts.content.children]) {
    const old = part.id && document.getElementById(part.id);
    if (old) {
      if (old.nodeName === "DETAILS") part.open = old.open;
      const focus = old.contains(document.activeElement) ? document.activeElement : null;
      const typed = keep(old, part);
      old.replaceWith(part);
      if (focus) (typed ?? $$("button, a, summary, input", part).find((one) => (focus.id ? one.id === focus.id : one.className === focus.className)))?.focus();
    } else if (part.dataset.parent === "thread-rows") $("#thread-rows").prepend(part);
    else {
      const parent = part.dataset.parent && document.getElementById(part.dataset.parent);
      if (part.dataset.parent && !parent) continue;
      (parent || $("#conversation")).append(part);
      added = true;
    }
    window.htmx?.process(part);
  }
  return added;
}

// What cannot be loaded now stays as it is; the line says that the connection is gone.
function load(address, target) {
  if (navigator.onLine) window.htmx?.ajax("GET", address, { target })?.catch?.(() => {});
}

const inspector = $("#inspector");
function inspect(runId, keep = false) {
  const tab = $(".inspector-body", inspector)?.dataset.tab ?? "trace";
  if (keep && tab === "trace") return;
  load(`${chat.dataset.inspector}?tab=${tab}&run=${runId}`, "#inspector");
}

// ── outbox: a message is kept here until the server has it ────────────
const outbox = {
  key: `outbox:${threadId}`,
  waiting: JSON.parse(remember.get(`outbox:${threadId}`) || "[]"),
  flying: null,
  save() {
    remember.set(this.key, this.waiting.length ? JSON.stringify(this.waiting) : "");
  },
  add(content) {
    this.waiting.push({ content, dedup_key: crypto.randomUUID() });
    this.save();
    pinned = true;
    $("#suggested")?.remove();
    this.show();
    this.flush();
  },
  flush() {
    const next = this.waiting.find((one) => !one.failed);
    if (!next || this.flying) return;
    if (line.send({ type: "send", content: next.content, dedup_key: next.dedup_key })) this.flying = next.dedup_key;
    this.show();
  },
  landed(dedupKey) {
    this.waiting = this.waiting.filter((one) => one.dedup_key !== dedupKey);
    if (this.flying === dedupKey) this.flying = null;
    this.save();
    this.show();
    this.flush();
  },
  refused(detail) {
    const refused = this.waiting.find((one) => one.dedup_key === this.flying);
    if (!refused) return false;
    refused.failed = detail;
    this.flying = null;
    this.save();
    this.show();
    this.flush();
    return true;
  },
  show() {
    const place = $("#outbox");
    place.replaceChildren(
      ...this.waiting.map((one) => {
        const shown = $("#pending-template").content.firstElementChild.cloneNode(true);
        $(".said-text", shown).textContent = one.content;
        const state = $("[data-state]", shown);
        state.textContent = one.failed ?? (this.flying === one.dedup_key ? "sending" : "waiting for the connection");
        if (one.failed) {
          shown.dataset.failed = "";
          const edit = document.createElement("button");
          edit.type = "button";
          edit.className = "btn btn-sm";
          edit.textContent = "Edit";
          edit.addEventListener("click", () => {
            this.landed(one.dedup_key);
            setText(one.content);
            text.focus();
          });
          state.after(edit);
        }
        return shown;
      }),
    );
    follow();
  },
};

// ── the line to the server ────────────────────────────────────────────
class Line {
  constructor(data) {
    this.seq = Number(data.headSeq);
    this.epoch = data.streamEpoch;
    this.tries = 0;
    this.ready = false;
    this.open();
  }

  open() {
    clearTimeout(this.timer);
    this.socket?.close();
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws/threads/${threadId}?html=1`);
    this.socket = socket;
    this.ready = false;
    socket.onopen = () => socket.send(JSON.stringify({ type: "resume", after_seq: this.seq, stream_epoch: this.epoch }));
    socket.onmessage = (message) => this.socket === socket && this.receive(JSON.parse(message.data));
    socket.onclose = (event) => this.socket === socket && this.lost(event.code);
    this.heard = Date.now();
  }

  send(frame) {
    if (!this.ready || this.socket.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(frame));
    return true;
  }

  // A socket without a network may take a minute to notice; the browser knows at once.
  cut() {
    this.socket.onclose = null;
    this.socket.close();
    this.tries = Math.max(this.tries, 1);
    this.lost(1006);
  }

  lost(code) {
    this.ready = false;
    outbox.flying = null;
    outbox.show();
    // Whoever is refused is refused again; only too much at once passes.
    if (code >= 4400 && code < 4500 && code !== 4429) {
      state(code === 4401 ? "You are signed out. What you typed is kept; sign in and reload." : "This thread is no longer open to you.");
      return;
    }
    const wait = Math.min(15000, 400 * 2 ** this.tries) * (0.5 + Math.random() / 2);
    this.tries += 1;
    this.wake = Date.now() + wait;
    this.timer = setTimeout(() => this.open(), wait);
    this.countdown();
  }

  countdown() {
    if (this.ready) return;
    // A blink of the connection is not worth a line that moves the page.
    if (this.tries > 1) {
      const seconds = Math.max(0, Math.ceil((this.wake - Date.now()) / 1000));
      state(seconds ? `Connection lost. Trying again in ${seconds} s; what you write is kept.` : "Connection lost. Trying again…", true);
    }
    setTimeout(() => this.countdown(), 500);
  }

  beat() {
    if (!this.ready) return;
    if (Date.now() - this.heard > 45000) this.open();
    else if (Date.now() - this.heard > 20000) this.send({ type: "ping" });
  }

  receive(frame) {
    this.heard = Date.now();
    this[`on_${frame.type}`]?.(frame);
  }

  on_hello(frame) {
    this.epoch = frame.stream_epoch;
    this.ready = true;
    this.tries = 0;
    state("");
    outbox.flying = null;
    outbox.flush();
  }

  on_event(frame) {
    if (frame.seq <= this.seq) return;
    if (frame.seq > this.seq + 1) {
      this.open();
      return;
    }
    this.seq = frame.seq;
    const { type, run_id: run } = frame.event;
    if (frame.html && upsert(frame.html) && type === "message.created") miss();
    if (type === "message.created") {
      const mine = frame.event.dedup_key;
      if (mine) outbox.landed(mine);
      $("#suggested")?.remove();
    }
    if (type === "run.queued") inspect(run);
    if (type === "run.ended") {
      const section = document.getElementById(`run-${run}`);
      if (section) delete section.dataset.streaming;
      streams.delete(run);
      inspect(run, true);
    }
    if (type === "thread.updated") {
      const title = $("#thread-title")?.textContent;
      if (title) document.title = `${title} · Playground`;
    }
    markRead();
    showButtons();
    follow();
  }

  on_delta(frame) {
    const live = stream(frame.run_id);
    if (!live) return;
    live.append(frame);
    const section = document.getElementById(`run-${frame.run_id}`);
    if (section) section.dataset.streaming = "";
    follow();
  }

  on_snapshot(frame) {
    const live = stream(frame.run_id);
    live?.settle(frame);
    follow();
  }

  async on_reset(frame) {
    const answer = await fetch(chat.dataset.rows, { headers: { "HX-Request": "true" } }).catch(() => null);
    if (!answer?.ok) {
      this.lost(0);
      return;
    }
    const rows = $("#conversation");
    rows.innerHTML = await answer.text();
    window.htmx?.process(rows);
    streams.clear();
    this.seq = frame.head_seq;
    this.epoch = frame.stream_epoch;
    showButtons();
    follow();
  }

  on_ack(frame) {
    // The event may come before or after; the pending copy goes when the real one stands.
    const landed = () => outbox.landed(frame.dedup_key);
    if (document.getElementById(`message-${frame.id}`)) landed();
    else {
      this.acked = { id: frame.id, landed };
      setTimeout(landed, 1500);
      const watch = new MutationObserver(() => {
        if (!document.getElementById(`message-${frame.id}`)) return;
        watch.disconnect();
        landed();
      });
      watch.observe($("#conversation"), { childList: true });
      setTimeout(() => watch.disconnect(), 2000);
    }
  }

  on_error(frame) {
    if (!frame.retryable && outbox.refused(frame.detail)) return;
    say(frame.detail, "error");
    if (frame.retryable && outbox.flying) {
      outbox.flying = null;
      setTimeout(() => outbox.flush(), 2000);
    }
  }
}

const stateLine = $("#line-state");
function state(said, retry = false) {
  if (!stateLine) return;
  stateLine.hidden = !said;
  stateLine.textContent = said;
  if (said && retry) {
    const now = document.createElement("button");
    now.type = "button";
    now.textContent = "Now";
    now.addEventListener("click", () => line.open());
    stateLine.append(" ", now);
  }
}

let line = null;
if (threadId) {
  line = new Line(chat.dataset);
  for (const section of $$(".run")) {
    const live = $(".live:not([hidden])", section);
    if (live && $("[data-run-status=running]", section)) section.dataset.streaming = "";
  }
  composer?.addEventListener("submit", (event) => {
    event.preventDefault();
    const content = text.value.trim();
    if (!content) return;
    outbox.add(content);
    setText("");
  });
  document.addEventListener("click", (event) => {
    const suggested = event.target.closest("[data-suggest]");
    if (suggested) outbox.add(suggested.dataset.suggest);
    const span = event.target.closest("[data-span]");
    if (span && innerWidth > 1100 && !("folded" in chat.dataset) && !event.metaKey && !event.ctrlKey) {
      const tree = $("#inspector [data-trace-id]");
      if (tree && span.dataset.span) {
        event.preventDefault();
        tree.dispatchEvent(new CustomEvent("trace:select", { detail: { span: span.dataset.span }, bubbles: true }));
      }
    }
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    markRead();
    if (line.ready) line.beat();
    else line.open();
  });
  addEventListener("online", () => line.ready || line.open());
  addEventListener("offline", () => line.cut());
  addEventListener("storage", (event) => {
    if (event.key === `draft:${threadId}` && text && document.activeElement !== text) text.value = event.newValue ?? "";
  });
  setInterval(() => line.beat(), 5000);
  setInterval(() => {
    if (!document.hidden && !$("#thread-rows:hover") && !$$(".pane-threads :is(input[name=q], select)").some((one) => one.value))
      load(`/chat/list?current=${threadId}`, "#thread-rows");
  }, 20000);
  showButtons();
  outbox.show();
  toEnd();
  // Whoever has just begun the thread goes on writing here.
  if (text && activeRun() && matchMedia("(pointer: fine)").matches && document.activeElement === document.body) text.focus({ preventScroll: true });
}
