// Colours of Jinja's tags. The grammar stops at some things that Jinja takes (a filter before
// `else`, `not in`, `{{-`, slices); what it leaves of such a tag is coloured here by its words.
import { Decoration, MatchDecorator, ViewPlugin, syntaxTree } from "../vendor/codemirror.min.js";

const WORDS = /(["'])(?:\\.|(?!\1)[^\\])*\1|\d+(?:\.\d+)?|[A-Za-z_]\w*|[-+]?(?:%\}|\}\})|[-+*/%~|=<>!]+/g;
const KEYWORDS = new Set(
  ("and as block call context do elif else endblock endcall endfilter endfor endif endmacro endraw endset endwith filter "
    + "for from if ignore import in include is macro missing not or raw recursive set with without").split(" "),
);
const CONSTANTS = new Set(["true", "false", "none", "True", "False", "None"]);

const marks = Object.fromEntries(["cm-jinja-var", "cm-jinja-tag", "cm-k", "cm-b", "cm-v", "cm-s", "cm-n"].map((name) => [name, Decoration.mark({ class: name })]));

function classOf(word, before) {
  if (word[0] === '"' || word[0] === "'") return "cm-s";
  if (/^\d/.test(word) || CONSTANTS.has(word)) return "cm-n";
  if (!/^[A-Za-z_]/.test(word) || before.endsWith("|")) return "cm-b";
  return KEYWORDS.has(word) && !before.endsWith(".") ? "cm-k" : "cm-v";
}

// Where in the tag the grammar gave up; null where it read all of it.
function brokenAt(tree, from, to) {
  let at = null;
  tree.iterate({
    from,
    to,
    enter: (node) => {
      if (at === null && node.type.isError && node.from >= from && node.from < to) at = node.to;
    },
  });
  return at;
}

const tinted = new MatchDecorator({
  regexp: /\{\{[^\n]*?\}\}|\{%[^\n]*?%\}/g,
  decorate: (add, from, to, match, view) => {
    add(from, to, marks[match[0][1] === "{" ? "cm-jinja-var" : "cm-jinja-tag"]);
    const broken = brokenAt(syntaxTree(view.state), from, to);
    if (broken === null) return;
    const text = match[0].slice(broken - from);
    const read = match[0].slice(0, broken - from);
    for (const word of text.matchAll(WORDS)) {
      const before = (read + text.slice(0, word.index)).trimEnd();
      const start = broken + word.index;
      add(start, start + word[0].length, marks[classOf(word[0], before)]);
    }
  },
});

export const jinjaColours = ViewPlugin.fromClass(
  class {
    constructor(view) {
      this.decorations = tinted.createDeco(view);
    }
    update(update) {
      // A long text is read on after it was changed.
      const readOn = !update.docChanged && syntaxTree(update.startState) !== syntaxTree(update.state);
      this.decorations = readOn ? tinted.createDeco(update.view) : tinted.updateDeco(update, this.decorations);
    }
  },
  { decorations: (plugin) => plugin.decorations },
);
