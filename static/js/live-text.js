// The text of one answer while it streams: the last rendered snapshot, and after it the newest
// words as plain text. The next snapshot renders them, so nothing jumps when the answer is done.
const BLOCK = "p, li, td, th, h1, h2, h3, h4, h5, h6, pre code, blockquote";

function plain(tail) {
  return tail
    .replace(/^#{1,6} /gm, "")
    .replace(/\*\*|__|`+[a-z]*/g, "")
    .replace(/\[([^\]]*)\]\([^)]*\)?/g, "$1")
    .replace(/^\|.*$/gm, "")
    .replace(/^[-*] /gm, "• ");
}

// The server counts characters, JavaScript UTF-16 units.
const characters = (text) => Array.from(text);

export class LiveText {
  constructor(element) {
    this.element = element;
    this.attempt = Number(element.dataset.attempt || 0);
    this.rendered = Number(element.dataset.offset || 0);
    this.tail = [];
    this.asked = false;
  }

  // Length of the text that is here, rendered or not.
  get offset() {
    return this.rendered + this.tail.length;
  }

  append({ attempt, offset, text }) {
    if (attempt < this.attempt) return;
    if (attempt > this.attempt) this.settle({ attempt, text: "", html: "" });
    if (offset > this.offset) return; // A hole: a snapshot follows and fills it.
    const fresh = characters(text).slice(this.offset - offset);
    if (!fresh.length) return;
    this.tail.push(...fresh);
    this.text = this.text === undefined ? undefined : this.text + fresh.join("");
    this.draw();
  }

  // What the server knows, rendered. It comes now and then while words arrive, and when text is
  // taken back; words that overtook it stay.
  settle({ attempt, text, html }) {
    if (attempt < this.attempt) return;
    const overtook = attempt === this.attempt && text && this.text?.startsWith(text);
    this.tail = overtook ? characters(this.text.slice(text.length)) : [];
    this.attempt = attempt;
    this.text = overtook ? this.text : text;
    this.rendered = characters(text).length;
    if (html === undefined) this.element.textContent = text;
    else this.element.innerHTML = html;
    this.tailElement = null;
    this.draw();
  }

  draw() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.element.hidden = !this.offset;
      if (!this.tail.length && !this.tailElement) return;
      if (!this.tailElement?.isConnected) {
        this.tailElement = document.createElement("span");
        this.tailElement.className = "tail-block";
        const blocks = this.element.querySelectorAll(BLOCK);
        let last = blocks[blocks.length - 1];
        if (!last || last.matches("td, th")) {
          last = document.createElement("p");
          this.element.append(last);
        }
        last.append(this.tailElement);
      }
      this.tailElement.textContent = plain(this.tail.join(""));
    });
  }
}
