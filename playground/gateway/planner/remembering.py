"""Find recalled memory in a conversation, and what of it serves a request."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from playground.gateway.planner.filling import weigh
from playground.gateway.planner.toolbox import Tool
from playground.gateway.planner.wording import terms

MAX_TOLD = 3
_HEADING = re.compile(
    r"^\W*(?:[\w ,'’]*\b)?(?:memor(?:y|ies)|remember(?:ed)?|recall(?:ed)?|known (?:facts|about))\b"
    r"[^.!?]{0,60}:?\W*$",
    re.IGNORECASE,
)
_ITEM = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+(.+)$")


def split(text: str) -> tuple[str, list[str]]:
    """Part a message into what was said and the lines of memory that stand in it."""
    said: list[str] = []
    recalled: list[str] = []
    inside = False
    for line in text.splitlines():
        item = _ITEM.match(line)
        if _HEADING.match(line) and not item:
            inside = True
        elif inside and item:
            recalled.append(item.group(1).strip())
        elif inside and not line.strip():
            continue
        else:
            inside = False
            said.append(line)
    return "\n".join(said).strip() if recalled else text, recalled


def recalled(texts: Sequence[str]) -> list[str]:
    """Return the lines of memory in the texts of a conversation."""
    return [line for text in texts for line in split(text)[1]]


def supply(tool: Tool, missing: Sequence[str], memory: Sequence[str]) -> Mapping[str, Any]:
    """Return values for what nobody said, where a line of memory says them."""
    supplied: dict[str, Any] = {}
    for line in memory:
        for name in missing:
            only = Tool(
                tool.name,
                tool.description,
                {**tool.parameters, "properties": {name: tool.properties[name]}, "required": []},
            )
            filled = weigh(only, line, whole=line)
            if filled.evidence and name in filled.arguments:
                supplied.setdefault(name, filled.arguments[name])
    return supplied


def told(request: str, memory: Sequence[str]) -> str:
    """Answer from memory, or with nothing where no line is about the request."""
    asked = terms(request)
    near = sorted(memory, key=lambda line: -len(asked & terms(line)))
    lines = [line for line in near if asked & terms(line)][:MAX_TOLD]
    if not lines:
        return ""
    return "From what I remember:\n\n" + "\n".join(f"- {line}" for line in lines)
