// <trace-view>: the tree of one trace. Rows come from the server, in the page and over the socket;
// here they are ordered, folded, filtered, given their bars, and only those in sight are in the page.
const ROW = 30;
const SPARE = 12;
const RETRY_MS = [500, 1000, 2000, 5000, 10000];

const words = (ms) => {
  if (ms < 999.5) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 59950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} m ${String(seconds % 60).padStart(2, "0")} s`;
};

class TraceView extends HTMLElement {
  connectedCallback() {
    if (this.rows) return this.follow();
    if (!this.querySelector("[data-rows]")) return this.load();
    const part = (name) => this.querySelector(`[data-${name}]`);
    this.parts = Object.fromEntries(
      ["rows", "scroll", "search", "kinds", "count", "none", "clear", "detail", "header", "ticks", "fold", "lost"].map((name) => [name, part(name)]),
    );
    this.compact = this.classList.contains("trace-view--compact");
    // The server's clock counts: what runs is measured against it.
    this.skew = Number(this.dataset.now) - Date.now();
    this.rows = new Map();
    this.folded = new Set();
    this.visible = [];
    this.shown = new Set();
    this.texts = new Map();
    this.mode = "tree";
    this.selected = null;
    for (const element of [...this.parts.rows.children]) this.take(element);
    this.parts.rows.replaceChildren();
    this.listen();
    this.arrange();
    this.fetchMore();
    this.follow();
    this.tick();
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.parts.scroll);
    if (!this.compact) this.openFromAddress();
  }

  // An empty <trace-view data-tree-url> waits for its trace: a queued run has none yet.
  async load(attempt = 0) {
    this.gone = false;
    const answer = await fetch(this.dataset.treeUrl, { headers: { "HX-Request": "true" } }).catch(() => null);
    if (this.gone) return;
    if (answer?.status === 200) {
      if (this.dataset.whole !== undefined) location.reload();
      else this.outerHTML = await answer.text();
    }
    else this.retry = setTimeout(() => this.load(attempt + 1), RETRY_MS[Math.min(Math.floor(attempt / 6), 3)]);
  }

  disconnectedCallback() {
    this.gone = true;
    clearTimeout(this.ticking);
    this.socket?.close();
    clearTimeout(this.retry);
    cancelAnimationFrame(this.frame);
    document.removeEventListener("keydown", this.onKey);
    removeEventListener("hashchange", this.onHash);
    this.observer?.disconnect();
  }

  // ── rows ──
  take(element) {
    const id = element.dataset.id;
    const revision = Number(element.dataset.rev);
    const known = this.rows.get(id);
    if (known && known.revision >= revision) return false;
    const { parent, kind, status, name, start, end } = element.dataset;
    const row = { id, parent, kind, status, name: name.toLowerCase(), revision, element, start: Number(start), end: end ? Number(end) : null };
    if (known) {
      this.shown.delete(known.element);
      if (known.element.isConnected) known.element.replaceWith(element), this.shown.add(element);
    }
    this.rows.set(id, row);
    return true;
  }

  takeHtml(html) {
    const holder = document.createElement("template");
    holder.innerHTML = html;
    let changed = false;
    for (const element of [...holder.content.children]) changed = this.take(element) || changed;
    return changed;
  }

  async fetchMore() {
    const total = Number(this.dataset.total);
    while (this.rows.size < total && !this.gone) {
      const before = this.rows.size;
      const answer = await fetch(`${this.dataset.treeUrl}?offset=${before}`, { headers: { "HX-Request": "true" } }).catch(() => null);
      if (!answer?.ok) return;
      this.takeHtml(await answer.text());
      this.arrange();
      if (this.rows.size === before) return;
    }
    if (this.wanted && this.rows.has(this.wanted)) this.select(this.wanted);
  }

  // ── order ──
  arrange() {
    const children = new Map();
    const all = [...this.rows.values()].sort((a, b) => a.start - b.start || (a.id < b.id ? -1 : 1));
    this.failed = new Set();
    for (const row of all) {
      const above = row.parent && row.parent !== row.id && this.rows.has(row.parent) ? row.parent : "";
      if (!children.has(above)) children.set(above, []);
      children.get(above).push(row);
    }
    for (const row of all)
      if (row.status === "error")
        for (let at = row; at && !this.failed.has(at.id); at = this.rows.get(at.parent)) this.failed.add(at.id);
    const text = this.parts.search.value.trim().toLowerCase();
    const kind = this.parts.kinds.value;
    const filtering = Boolean(text || kind);
    const fits = (row) => (!text || row.name.includes(text)) && (!kind || (kind === "!error" ? row.status === "error" : row.kind === kind));
    const flat = this.mode !== "tree";
    this.visible = [];
    const waiting = [...(children.get("") ?? [])].reverse().map((row) => [row, 0]);
    if (flat) this.visible = all.filter(fits).map((row) => this.place(row, 0, false));
    else
      while (waiting.length) {
        const [row, level] = waiting.pop();
        const below = children.get(row.id) ?? [];
        if (!filtering) this.visible.push(this.place(row, level, below.length > 0));
        else if (fits(row)) this.visible.push(this.place(row, level, false));
        if (filtering || !this.folded.has(row.id)) for (let at = below.length - 1; at >= 0; at--) waiting.push([below[at], level + 1]);
      }
    this.parts.none.hidden = this.visible.length > 0 || !this.rows.size;
    this.parts.count.textContent = filtering ? `${this.visible.length.toLocaleString("en")} of ${this.rows.size.toLocaleString("en")}` : "";
    this.parts.rows.style.height = `${this.visible.length * ROW}px`;
    this.scale();
    this.draw();
  }

  place(row, level, parent) {
    row.level = level;
    row.hasChildren = parent;
    return row;
  }

  scale() {
    let first = Infinity;
    let last = -Infinity;
    const now = this.now();
    this.running = 0;
    for (const row of this.rows.values()) {
      if (row.start < first) first = row.start;
      const end = row.end ?? now;
      if (row.end === null) this.running++;
      if (end > last) last = end;
    }
    this.first = Number.isFinite(first) ? first : now;
    this.span = Math.max(last - this.first, 1);
    const ticks = this.parts.ticks;
    if (ticks.childElementCount !== 3) ticks.replaceChildren(...[0, 1, 2].map(() => document.createElement("span")));
    [0, 0.5, 1].forEach((part, index) => (ticks.children[index].textContent = part ? words(this.span * part) : "0"));
  }

  now() {
    return Date.now() + this.skew;
  }

  // ── drawing what is in sight ──
  draw() {
    if (this.gone) return;
    const { scroll, rows } = this.parts;
    const from = Math.max(0, Math.floor(scroll.scrollTop / ROW) - SPARE);
    const to = Math.min(this.visible.length, Math.ceil((scroll.scrollTop + (scroll.clientHeight || 600)) / ROW) + SPARE);
    const wanted = new Set();
    for (let index = from; index < to; index++) {
      const row = this.visible[index];
      wanted.add(row.element);
      this.dress(row, index);
    }
    for (const element of this.shown) if (!wanted.has(element)) element.remove();
    let before = null;
    for (let index = to - 1; index >= from; index--) {
      const element = this.visible[index].element;
      if (element.parentNode !== rows || element.nextSibling !== before) rows.insertBefore(element, before);
      before = element;
    }
    this.shown = wanted;
  }

  dress(row, index) {
    const { element } = row;
    element.style.transform = `translateY(${index * ROW}px)`;
    element.style.setProperty("--level", row.level);
    element.setAttribute("aria-level", row.level + 1);
    element.setAttribute("aria-setsize", this.visible.length);
    element.setAttribute("aria-posinset", index + 1);
    element.setAttribute("aria-selected", String(row.id === this.selected));
    element.classList.toggle("has-error", this.failed.has(row.id));
    const twist = element.querySelector(".tv-twist");
    twist.hidden = !row.hasChildren;
    if (row.hasChildren) element.setAttribute("aria-expanded", String(!this.folded.has(row.id)));
    else element.removeAttribute("aria-expanded");
    if (this.mode === "log") this.tell(row);
    this.stretch(row);
  }

  // The log's own cells: when it began by the reader's clock, and one line of what came out.
  tell(row) {
    const { element } = row;
    if (!element.querySelector(".tv-clock")) {
      const clock = document.createElement("time");
      clock.className = "tv-clock num";
      const began = new Date(row.start);
      clock.dateTime = began.toISOString();
      clock.textContent = `${began.toTimeString().slice(0, 8)}.${String(began.getMilliseconds()).padStart(3, "0")}`;
      const line = document.createElement("span");
      line.className = "tv-line truncate";
      element.prepend(clock);
      element.append(line);
    }
    const line = element.querySelector(".tv-line");
    line.textContent = this.lines?.[row.id] ?? "";
    line.title = line.textContent;
  }

  async readLines() {
    if (this.reading) return;
    this.reading = true;
    const answer = await fetch(`${this.dataset.treeUrl}?lines=1`, { headers: { "HX-Request": "true" } }).catch(() => null);
    this.reading = false;
    if (!answer?.ok || this.gone) return;
    this.lines = await answer.json();
    this.draw();
  }

  stretch(row) {
    const end = row.end ?? Math.max(this.now(), row.start);
    const bar = row.element.querySelector(".tv-bar");
    bar.style.left = `${(((row.start - this.first) / this.span) * 100).toFixed(3)}%`;
    bar.style.width = `${(((end - row.start) / this.span) * 100).toFixed(3)}%`;
    if (row.end === null) row.element.querySelector(".tv-time").textContent = words(end - row.start);
  }

  tick() {
    if (this.gone) return;
    if (this.running) {
      this.scale();
      const { scroll } = this.parts;
      const from = Math.max(0, Math.floor(scroll.scrollTop / ROW) - SPARE);
      const to = Math.min(this.visible.length, Math.ceil((scroll.scrollTop + scroll.clientHeight) / ROW) + SPARE);
      for (let index = from; index < to; index++) this.stretch(this.visible[index]);
      const total = this.parts.header.querySelector("[data-total]");
      if (total && this.dataset.live !== undefined) total.textContent = words(this.now() - this.first);
    }
    this.ticking = setTimeout(() => (this.frame = requestAnimationFrame(() => this.tick())), 100);
  }

  // ── live ──
  follow() {
    this.gone = false;
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws/traces/${this.dataset.traceId}`);
    this.socket = socket;
    socket.onopen = () => socket.send(JSON.stringify({ type: "resume", after: this.dataset.after || null }));
    socket.onmessage = (event) => this.hear(JSON.parse(event.data));
    socket.onclose = (event) => {
      if (this.gone || (event.code >= 4400 && event.code < 4500)) return;
      this.parts.lost.hidden = this.dataset.live === undefined;
      this.attempts = (this.attempts ?? -1) + 1;
      this.retry = setTimeout(() => this.follow(), RETRY_MS[Math.min(this.attempts, RETRY_MS.length - 1)]);
    };
  }

  hear(frame) {
    if (frame.type === "hello") {
      this.attempts = -1;
      this.parts.lost.hidden = true;
    } else if (frame.type === "span") {
      if (!this.takeHtml(frame.html)) return;
      if (frame.span.id === this.selected && frame.span.end) this.showDetail(this.selected);
      if (this.mode === "log" && frame.span.end) this.readLines();
      this.schedule();
    } else if (frame.type === "trace") {
      this.parts.header.innerHTML = frame.html;
      this.toggleAttribute("data-live", frame.status === "running");
      this.scale();
    } else if (frame.type === "delta") this.grow(frame);
  }

  schedule() {
    this.pending ??= requestAnimationFrame(() => {
      this.pending = null;
      const { scroll } = this.parts;
      const atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < ROW * 1.5;
      this.arrange();
      if (atEnd && !this.selected) scroll.scrollTop = scroll.scrollHeight;
    });
  }

  grow({ span_id: id, offset, text }) {
    const detail = this.parts.detail.querySelector(`.sd[data-span-id="${id}"]`);
    const known = this.texts.get(id) ?? [];
    if (offset <= known.length) {
      known.splice(offset, known.length - offset, ...text);
      this.texts.set(id, known);
    }
    if (!detail) return;
    const target = detail.querySelector('[data-panel="output"] [data-live-text]');
    if (!target || detail.dataset.status !== "running" || offset > known.length) return;
    target.textContent = known.join("");
    detail.querySelector("[data-waiting]")?.remove();
  }

  // ── choosing ──
  select(id, { quiet = false } = {}) {
    const row = this.rows.get(id);
    if (!row) return;
    for (let at = this.rows.get(row.parent); at; at = this.rows.get(at.parent)) this.folded.delete(at.id);
    this.selected = id;
    this.arrange();
    const index = this.visible.indexOf(row);
    const { scroll } = this.parts;
    if (index * ROW < scroll.scrollTop) scroll.scrollTop = index * ROW;
    else if ((index + 1) * ROW > scroll.scrollTop + scroll.clientHeight) scroll.scrollTop = (index + 1) * ROW - scroll.clientHeight;
    this.draw();
    this.classList.add("has-selection");
    scroll.setAttribute("aria-activedescendant", `span-${id}`);
    if (!this.compact && !quiet) history.replaceState(null, "", `#span=${id}`);
    this.showDetail(id);
  }

  async showDetail(id, retried = false) {
    const mine = (this.asked = (this.asked ?? 0) + 1);
    const answer = await fetch(`${this.dataset.pageUrl}/spans/${id}`, { headers: { "HX-Request": "true" } }).catch(() => null);
    if (mine !== this.asked || this.gone) return;
    if (!answer?.ok) {
      // A row may arrive over the socket a moment before the store holds it.
      if (!retried && answer?.status === 404) setTimeout(() => mine === this.asked && this.showDetail(id, true), 400);
      else this.failDetail(id);
      return;
    }
    this.parts.detail.innerHTML = await answer.text();
    for (const first of this.parts.detail.querySelectorAll("[data-seconds]")) first.textContent = words(Number(first.dataset.seconds) * 1000);
    const kept = this.tab && this.parts.detail.querySelector(`[data-tab="${this.tab}"]`);
    this.showTab((kept ?? this.parts.detail.querySelector("[role=tab]")).dataset.tab);
  }

  failDetail(id) {
    const note = document.createElement("div");
    note.className = "callout";
    note.dataset.tone = "error";
    note.setAttribute("role", "alert");
    const again = document.createElement("button");
    again.type = "button";
    again.className = "btn btn-sm";
    again.textContent = "Try again";
    again.onclick = () => this.showDetail(id);
    note.append("The span could not be read. ", again);
    this.parts.detail.replaceChildren(note);
  }

  showTab(name) {
    const { detail } = this.parts;
    for (const tab of detail.querySelectorAll("[role=tab]")) {
      tab.setAttribute("aria-selected", String(tab.dataset.tab === name));
      tab.tabIndex = tab.dataset.tab === name ? 0 : -1;
    }
    for (const panel of detail.querySelectorAll("[data-panel]")) panel.hidden = panel.dataset.panel !== name;
  }

  openFromAddress() {
    const id = new URLSearchParams(location.hash.slice(1)).get("span");
    if (id && this.rows.has(id)) this.select(id);
    else if (id) this.wanted = id;
    else if (this.visible.length && matchMedia("(min-width: 900px)").matches) this.select(this.visible[0].id, { quiet: true });
  }

  step(by) {
    const at = this.visible.findIndex((row) => row.id === this.selected);
    const next = this.visible[Math.min(Math.max(at + by, 0), this.visible.length - 1)];
    if (next) this.select(next.id);
  }

  toggle(id, fold = !this.folded.has(id)) {
    this.folded[fold ? "add" : "delete"](id);
    this.arrange();
  }

  foldAll() {
    const parents = new Set([...this.rows.values()].map((row) => row.parent));
    if (this.folded.size) this.folded.clear();
    else for (const row of this.rows.values()) if (row.parent && parents.has(row.id)) this.folded.add(row.id);
    this.arrange();
  }

  setMode(mode) {
    this.mode = mode;
    this.dataset.view = mode;
    for (const button of this.querySelectorAll("[data-mode]")) button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
    if (mode === "log") this.readLines();
    this.arrange();
  }

  closeDetail() {
    this.selected = null;
    this.asked = (this.asked ?? 0) + 1;
    this.classList.remove("has-selection");
    this.parts.detail.replaceChildren();
    this.draw();
  }

  // ── hands ──
  listen() {
    const { scroll, search, kinds, clear, fold } = this.parts;
    scroll.addEventListener("scroll", () => this.draw(), { passive: true });
    search.addEventListener("input", () => this.arrange());
    kinds.addEventListener("change", () => this.arrange());
    clear.addEventListener("click", () => {
      search.value = kinds.value = "";
      this.arrange();
    });
    fold.addEventListener("click", () => this.foldAll());
    this.addEventListener("trace:select", (event) => this.rows.has(event.detail.span) && this.select(event.detail.span));
    this.addEventListener("click", (event) => {
      const twist = event.target.closest(".tv-twist");
      const row = event.target.closest(".tv-row");
      const tab = event.target.closest("[data-tab]");
      const mode = event.target.closest("[data-mode]");
      if (twist) this.toggle(row.dataset.id);
      else if (row) this.select(row.dataset.id);
      else if (tab) this.showTab((this.tab = tab.dataset.tab));
      else if (mode) this.setMode(mode.dataset.mode);
      else if (event.target.closest("[data-close-detail]")) this.closeDetail();
      else if (event.target.closest("[data-first-error]")) this.firstError();
    });
    this.onKey = (event) => this.press(event);
    document.addEventListener("keydown", this.onKey);
    this.onHash = () => !this.compact && this.openFromAddress();
    addEventListener("hashchange", this.onHash);
    if (this.compact) return;
    document.querySelector("[data-copy-link]")?.addEventListener("click", (event) => {
      event.currentTarget.dataset.copy = location.href;
    });
    document.querySelector("[data-trace-keys]")?.addEventListener("click", () => document.querySelector("#trace-keys").showModal());
  }

  firstError() {
    // The deepest first: that is where it went wrong.
    const failed = [...this.rows.values()].filter((row) => row.status === "error").sort((a, b) => (a.end ?? 0) - (b.end ?? 0));
    if (failed.length) this.select(failed[0].id);
  }

  press(event) {
    if (event.metaKey || event.ctrlKey || event.altKey || document.querySelector("dialog[open]")) return;
    const inside = this.contains(event.target);
    if (event.target.closest("input, textarea, select, [contenteditable=true]")) {
      if (event.key === "Escape" && event.target === this.parts.search) this.parts.scroll.focus();
      return;
    }
    if (this.compact && !inside) return;
    const verbs = {
      j: () => this.step(1),
      k: () => this.step(-1),
      ArrowDown: inside && (() => this.step(1)),
      ArrowUp: inside && (() => this.step(-1)),
      ArrowLeft: this.selected && (() => this.toggle(this.selected, true)),
      ArrowRight: this.selected && (() => this.toggle(this.selected, false)),
      e: () => this.foldAll(),
      t: () => this.setMode({ tree: "timeline", timeline: "log", log: "tree" }[this.mode]),
      "/": () => this.parts.search.focus(),
      Escape: this.selected && this.compact && (() => this.closeDetail()),
      "[": !this.compact && (() => document.querySelector("[data-newer][href]")?.click()),
      "]": !this.compact && (() => document.querySelector("[data-older][href]")?.click()),
      "?": !this.compact && (() => document.querySelector("#trace-keys").showModal()),
    };
    const tabs = event.target.closest("[role=tablist]");
    if (tabs && event.key.startsWith("Arrow")) {
      const all = [...tabs.querySelectorAll("[role=tab]")];
      const at = all.indexOf(event.target) + (event.key === "ArrowRight" ? 1 : all.length - 1);
      this.showTab((this.tab = all[at % all.length].dataset.tab));
      all[at % all.length].focus();
      event.preventDefault();
    } else if (verbs[event.key]) {
      event.preventDefault();
      event.stopImmediatePropagation();
      verbs[event.key]();
    }
  }
}

customElements.define("trace-view", TraceView);
