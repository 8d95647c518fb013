"""Split a template into text and Jinja, so that pages can tint and link it. Pure."""

import re
from dataclasses import dataclass
from typing import Literal

from playground.prompts.templating.fragments import name_of

_TAG = re.compile(r"(\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\})", re.DOTALL)
_NAMED = re.compile(r"""\{%[-+]?\s*(?:include|import|from)\s+["']([^"']+)["']""")
_KINDS: dict[str, "PartKind"] = {"{{": "variable", "{%": "tag", "{#": "comment"}

PartKind = Literal["text", "variable", "tag", "comment"]


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a template.

    Attributes:
        fragment: ``team/name`` or ``name`` of the fragment that a tag includes.
    """

    kind: PartKind
    text: str
    fragment: str = ""


def parts_of(template: str) -> list[Part]:
    """Split a template into text, variables, tags and comments."""
    return [_part(piece) for piece in _TAG.split(template) if piece]


def _part(piece: str) -> Part:
    kind = _KINDS.get(piece[:2], "text") if _TAG.fullmatch(piece) else "text"
    named = _NAMED.match(piece) if kind == "tag" else None
    if named is None:
        return Part(kind, piece)
    name = name_of(named[1])
    return Part(kind, piece, f"{name.team}/{name.name}" if name.team else name.name)
