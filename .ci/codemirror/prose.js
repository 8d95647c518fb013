// What stands between Jinja's tags in a prompt: text with headings and XML-like marks. It takes
// the place of HTML, whose grammars of scripts and styles would be half of the bundle.
import { LanguageSupport, StreamLanguage } from "@codemirror/language";

const prose = StreamLanguage.define({
  name: "prose",
  token(stream) {
    if (stream.sol() && stream.match(/#{1,6}\s.*/)) return "heading";
    if (stream.match(/<\/?[A-Za-z][\w:.-]*(?:\s[^<>]*)?>/)) return "tagName";
    if (stream.match(/\*\*[^*\n]+\*\*/)) return "strong";
    if (stream.match(/`[^`\n]+`/)) return "monospace";
    stream.next();
    stream.eatWhile(/[^<*`]/);
    return null;
  },
});

export const html = () => new LanguageSupport(prose);
