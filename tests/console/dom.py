"""A page as elements, as far as the test of streaming needs one."""

import re
from dataclasses import dataclass, field
from html import escape
from html.parser import HTMLParser

VOID = frozenset({"br", "hr", "img", "input", "link", "meta", "use", "rect"})
# They differ between two renderings of the same thing: tokens, relative times.
FORGOTTEN = frozenset({"csrfmiddlewaretoken"})


@dataclass(eq=False)
class Element:
    """One element; texts among its children are strings."""

    tag: str
    attributes: dict[str, str | None] = field(default_factory=dict)
    children: list["Element | str"] = field(default_factory=list)

    def find(self, identifier: str) -> "tuple[Element, int] | None":
        """Return the parent of the element with this id, and its place there."""
        for place, child in enumerate(self.children):
            if isinstance(child, Element):
                if child.attributes.get("id") == identifier:
                    return self, place
                if found := child.find(identifier):
                    return found
        return None

    def upsert(self, html: str) -> None:
        """Put fragments in place as ``static/js/thread.js`` does."""
        for part in parse(html).children:
            if isinstance(part, str):
                continue
            old = self.find(part.attributes.get("id") or "")
            parent = part.attributes.get("data-parent")
            if old is not None:
                old[0].children[old[1]] = part
            elif found := self.find(parent or "conversation"):
                home = found[0].children[found[1]]
                assert isinstance(home, Element)
                home.children.append(part)

    def normal(self) -> str:
        """Write the element without white space and without what may differ."""
        if self.attributes.get("name") in FORGOTTEN:
            return ""
        inside = "".join(
            child.normal() if isinstance(child, Element) else re.sub(r"\s+", " ", child).strip()
            for child in self.children
        )
        if self.tag == "time":
            inside = ""
        named = "".join(
            f' {name}="{escape(value or "")}"' for name, value in sorted(self.attributes.items())
        )
        return f"<{self.tag}{named}>{inside}</{self.tag}>\n"


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.stack = [Element("root")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs))
        self.stack[-1].children.append(element)
        if tag not in VOID:
            self.stack.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.stack[-1].children.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.stack[-1].tag == tag, f"<{self.stack[-1].tag}> is closed by </{tag}>"
            self.stack.pop()

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.stack[-1].children.append(data)


def parse(html: str) -> Element:
    """Read HTML that closes every element it opens."""
    parser = _Parser()
    parser.feed(html)
    parser.close()
    assert len(parser.stack) == 1, f"<{parser.stack[-1].tag}> is left open"
    return parser.stack[0]
