// A textarea becomes a code editor; its value stays the textarea's, so that forms send it as ever.
import {
  EditorState, EditorView, HighlightStyle, LanguageSupport, Prec,
  autocompletion, bracketMatching, closeBrackets, closeBracketsKeymap, closePercentBrace, completionKeymap,
  defaultKeymap, drawSelection, highlightSpecialChars, history, historyKeymap, indentUnit,
  jinjaCompletionSource, jinjaLanguage, json, keymap, lineNumbers, search, searchKeymap, setDiagnostics, syntaxHighlighting, tags,
} from "../vendor/codemirror.min.js";
import { jinjaColours } from "./jinja-colours.js";

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.controlKeyword, tags.definitionKeyword, tags.modifier, tags.operatorKeyword, tags.logicOperator], class: "cm-k" },
  { tag: [tags.brace, tags.special(tags.variableName), tags.operator, tags.definitionOperator], class: "cm-b" },
  { tag: [tags.variableName, tags.propertyName, tags.definition(tags.variableName), tags.standard(tags.variableName), tags.self], class: "cm-v" },
  { tag: tags.string, class: "cm-s" },
  { tag: [tags.number, tags.bool, tags.null], class: "cm-n" },
  { tag: [tags.comment, tags.blockComment], class: "cm-c" },
  { tag: tags.heading, class: "cm-h" },
  { tag: tags.strong, class: "cm-h" },
  { tag: [tags.tagName, tags.monospace], class: "cm-t" },
]);

// A tag closes itself as it is opened; whoever types its end goes over what stands there.
const overEnd = EditorView.inputHandler.of((view, from, to, text) => {
  const ahead = view.state.sliceDoc(from, from + 2);
  const behind = view.state.sliceDoc(from - 1, from);
  const over = (text === "%" && ahead === "%}" && behind !== "{") || (text === "}" && ahead[0] === "}" && behind === "%");
  if (from !== to || !over) return false;
  view.dispatch({ selection: { anchor: from + 1 }, userEvent: "input.type" });
  return true;
});

const NAMED = /\{%[-+]?\s*(?:include|import|from)\s+["']([^"'\n]+)["'][^\n]*?%\}/g;

// The fragment whose name is at this place of the text, as it is written there.
function fragmentAt(text, offset) {
  for (const match of text.matchAll(NAMED)) {
    const end = match.index + match[0].length;
    if (offset >= match.index && offset <= end) return match[1].split("@")[0];
  }
  return null;
}

function fragmentSource(fragments) {
  return (context) => {
    const before = context.matchBefore(/\{%[-+]?\s*(?:include|import|from)\s+["'][^"'\n]*/);
    if (!before) return null;
    const quote = Math.max(before.text.lastIndexOf('"'), before.text.lastIndexOf("'"));
    return {
      from: before.from + quote + 1,
      options: fragments().map((one) => ({ label: one.path, detail: one.title, type: "namespace" })),
      validFor: /^[\w/@-]*$/,
    };
  };
}

// What the sandbox has not, or nobody writes into a prompt.
const UNWANTED = new Set(
  ("attr autoescape block callable caller catch_kwargs catch_varargs cycler endautoescape endblock endtrans escaped "
    + "explicit extends forceescape joiner kwargs lipsum namespace pluralize pprint random safe self super trans urlize "
    + "varargs xmlattr").split(" "),
);

function jinjaSource(variables, properties) {
  return (context) => {
    const known = variables().map((name) => ({ label: name, type: "variable", boost: 50 }));
    const inner = (path) => properties(path).map((name) => ({ label: name, type: "property" }));
    const found = jinjaCompletionSource({ variables: known, properties: inner })(context);
    if (!found) return null;
    // A name half written is a variable too, once the templates were read: it completes nothing.
    const typed = context.state.sliceDoc(found.from, context.pos);
    const options = found.options.filter(({ label }) => !UNWANTED.has(label) && label !== typed);
    return options.length ? { ...found, options } : null;
  };
}

// What the page says of the textarea it says of the editor that stands in its place.
function described(textarea) {
  const names = ["aria-invalid", "aria-describedby"].filter((name) => textarea.hasAttribute(name));
  return Object.fromEntries(names.map((name) => [name, textarea.getAttribute(name)]));
}

export function codeEditor(textarea, { language, nonce, variables, properties, fragments, jump, changed }) {
  const isJinja = language === "jinja";
  const wrapped = document.createElement("div");
  wrapped.className = `code-editor code-editor--${language}`;
  textarea.after(wrapped);
  textarea.hidden = true;
  const follow = (view, offset) => {
    const name = isJinja && fragmentAt(view.state.doc.toString(), offset);
    if (name) jump(name);
    return Boolean(name);
  };
  const view = new EditorView({
    parent: wrapped,
    state: EditorState.create({
      doc: textarea.value,
      extensions: [
        EditorView.cspNonce.of(nonce),
        EditorState.tabSize.of(2),
        indentUnit.of("  "),
        history(),
        drawSelection(),
        highlightSpecialChars(),
        bracketMatching(),
        closeBrackets(),
        autocompletion(isJinja ? { icons: false, override: [fragmentSource(fragments), jinjaSource(variables, properties)] } : { icons: false }),
        search({ top: true }),
        syntaxHighlighting(colours),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ ...described(textarea), "aria-label": textarea.getAttribute("aria-label") ?? textarea.labels?.[0]?.textContent ?? "Code", spellcheck: "false" }),
        isJinja ? [new LanguageSupport(jinjaLanguage), closePercentBrace, Prec.high(overEnd), lineNumbers(), jinjaColours] : json(),
        isJinja ? EditorState.languageData.of(() => [{ closeBrackets: { brackets: ["{", "(", "[", '"', "'"] } }]) : [],
        Prec.high(keymap.of([{ key: "F12", run: (self) => follow(self, self.state.selection.main.head) }])),
        keymap.of([...closeBracketsKeymap, ...completionKeymap, ...searchKeymap, ...historyKeymap, ...defaultKeymap]),
        EditorView.domEventHandlers({
          // Left to the browser, what is typed over a selection gets its look as an inline style, which
          // the policy of the page refuses.
          beforeinput(event, self) {
            const { from, to, empty } = self.state.selection.main;
            if (event.inputType !== "insertText" || event.data === null || event.isComposing || empty) return false;
            const typed = () => self.state.update({ ...self.state.replaceSelection(event.data), userEvent: "input.type", scrollIntoView: true });
            const taken = self.state.facet(EditorView.inputHandler).some((handler) => handler(self, from, to, event.data, typed));
            if (!taken) self.dispatch(typed());
            return true;
          },
          mousedown(event, self) {
            if (!(event.metaKey || event.ctrlKey)) return false;
            const offset = self.posAtCoords({ x: event.clientX, y: event.clientY });
            return offset !== null && follow(self, offset);
          },
        }),
        EditorView.updateListener.of((update) => {
          if (!update.docChanged) return;
          textarea.value = update.state.doc.toString();
          changed?.();
        }),
      ],
    }),
  });
  return {
    view,
    focus: (line = 1, column = 1) => {
      const found = view.state.doc.line(Math.min(Math.max(1, line), view.state.doc.lines));
      const offset = Math.min(found.from + column - 1, found.to);
      view.dispatch({ selection: { anchor: offset }, effects: EditorView.scrollIntoView(offset, { y: "center" }) });
      view.focus();
    },
    // Marks findings in the text: {line, column, severity, detail}.
    mark: (findings) => {
      const marks = findings.map(({ line, column, severity, detail }) => {
        const found = view.state.doc.line(Math.min(Math.max(1, line), view.state.doc.lines));
        const from = Math.min(found.from + column - 1, found.to);
        const word = view.state.wordAt(from);
        return { from, to: Math.min(Math.max(word?.to ?? from + 1, from), found.to), severity, message: detail };
      });
      view.dispatch(setDiagnostics(view.state, marks));
    },
  };
}
