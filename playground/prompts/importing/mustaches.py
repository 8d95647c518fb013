"""Take a Mustache template apart, the way LangChain does. Pure: no Django.

Source: https://mustache.github.io/mustache.5.html, with the white space rules of chevron, the
implementation within LangChain.
"""

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["text", "variable", "section", "inverted", "partial", "comment"]
_KINDS: dict[str, str] = {
    "!": "comment",
    "#": "section",
    "^": "inverted",
    "/": "end",
    ">": "partial",
    "=": "delimiters",
    "&": "variable",
    "{": "variable",
}


MAX_DEPTH = 20
"""Sections within sections."""


class MustacheError(ValueError):
    """The template is not Mustache."""


@dataclass(slots=True)
class Node:
    """A part of a template: ``body`` is what stands inside of a section.

    Attributes:
        said: the text, or the name without white space around it.
        escaped: the variable's value is escaped for HTML.
    """

    kind: Kind
    said: str
    escaped: bool = False
    body: list["Node"] = field(default_factory=list)


def parse(template: str) -> list[Node]:
    """Return the parts of a template.

    Raises:
        MustacheError: a tag or section is not closed, or another is.
    """
    root: list[Node] = []
    open_sections: list[Node] = []
    opening, closing = "{{", "}}"
    alone = True
    while template:
        text, _, rest = template.partition(opening)
        into = open_sections[-1].body if open_sections else root
        if not rest:
            into.append(Node("text", text))
            break
        before = text.rpartition("\n")[2]
        alone = ("\n" in text or alone) and not before.strip()
        tag, template = _cut(rest, opening, closing)
        kind = _KINDS.get(tag[0], "name")
        name = tag.strip() if kind == "name" else tag[1:].strip()
        # A tag that has its line for itself takes the line away, white space and all.
        after = template.partition("\n")[0]
        alone = alone and kind not in ("name", "variable") and not after.strip()
        if alone:
            template = template.split("\n", 1)[-1]
            text = text if kind == "partial" else text.rstrip(" ")
        if text:
            into.append(Node("text", text))
        if kind == "delimiters":
            opening, closing = _delimiters(name)
        elif kind == "end":
            _close(open_sections, name)
        elif kind in ("name", "variable"):
            into.append(Node("variable", name, escaped=kind == "name"))
        elif kind in ("section", "inverted"):
            section = Node("section" if kind == "section" else "inverted", name)
            into.append(section)
            if len(open_sections) >= MAX_DEPTH:
                raise MustacheError(f"sections nest more than {MAX_DEPTH} levels deep")
            open_sections.append(section)
        else:
            into.append(Node("comment" if kind == "comment" else "partial", name))
    if open_sections:
        raise MustacheError(f"the section {open_sections[-1].said} is never closed")
    return root


def _cut(rest: str, opening: str, closing: str) -> tuple[str, str]:
    """Return a tag and what follows it."""
    tag, found, after = rest.partition(closing)
    if not found or not tag.strip():
        raise MustacheError("a tag is never closed" if not found else "a tag is empty")
    if tag[0] != "{":
        return tag, after
    if (opening, closing) == ("{{", "}}") and after.startswith("}"):
        return tag, after[1:]
    raise MustacheError("a third brace is never closed")


def _delimiters(said: str) -> tuple[str, str]:
    words = said.removesuffix("=").split()
    if not said.endswith("=") or len(words) != 2:
        raise MustacheError("a change of delimiters names two")
    return words[0], words[1]


def _close(open_sections: list[Node], name: str) -> None:
    if not open_sections:
        raise MustacheError(f"the section {name} is closed and was never opened")
    section = open_sections.pop()
    if section.said != name:
        raise MustacheError(f"the section {section.said} is open where {name} is closed")
