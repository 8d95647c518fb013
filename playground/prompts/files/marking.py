"""The lines between messages: ``=== role``, and what else is said of a message in JSON. Pure.

No template needs escaping: a file's markers are longer than any line of ``=`` in its templates.
"""

import json
import re
from typing import Any

from playground.prompts.files.placing import FRAGILE

SHORTEST = 3
RUN = re.compile(r"^=+", re.MULTILINE)
MARKER = re.compile(r"^(={3,})[ \t]+([a-z]+)[ \t]*(\{.*)?$")
ENDS = "newlines_at_end"
LINE_ENDINGS = "line_endings"
QUOTED = "quoted"


def marker_for(templates: list[str]) -> str:
    """Return as many ``=`` as no line of the templates begins with."""
    taken = {len(run) for template in templates for run in RUN.findall(template)}
    length = SHORTEST
    while length in taken:
        length += 1
    return "=" * length


def marker_line(marker: str, role: str, said: dict[str, Any]) -> str:
    """Return the line, or lines, that begin a message."""
    if not said:
        return f"{marker} {role}\n"
    nested = any(isinstance(value, list | dict) for value in said.values())
    written = json.dumps(said, ensure_ascii=False, indent=2 if nested else None)
    if FRAGILE.search(written):
        written = json.dumps(said, indent=2 if nested else None)
    return f"{marker} {role} {written}\n"


def lay_out(template: str) -> tuple[str, dict[str, Any]]:
    """Return the template as lines that survive editors and git, and what to say of them."""
    said: dict[str, Any] = {}
    if "\r" in template and not re.search(r"\r(?!\n)|(?<!\r)\n", template):
        template = template.replace("\r\n", "\n")
        said[LINE_ENDINGS] = "crlf"
    if FRAGILE.search(template):
        return json.dumps(template), {**said, QUOTED: True}
    body = template.rstrip("\n")
    if len(body) < len(template):
        said[ENDS] = len(template) - len(body)
    return body, said


def take_in(body: str, said: dict[str, Any]) -> str:
    """Return the template of lines laid out; takes what is said of them out of ``said``.

    Raises:
        ValueError: what is said makes no sense.
    """
    ends = said.pop(ENDS, 0)
    endings = said.pop(LINE_ENDINGS, "lf")
    template = body.rstrip("\n")
    if said.pop(QUOTED, False):
        template = json.loads(template)
        if not isinstance(template, str):
            raise ValueError("a quoted template is one JSON string")
    if not isinstance(ends, int) or isinstance(ends, bool) or not 0 <= ends <= 1_000:
        raise ValueError(f"{ENDS} is a number from 0 to 1000")
    if endings not in ("lf", "crlf"):
        raise ValueError(f"{LINE_ENDINGS} is lf or crlf")
    template += "\n" * ends
    return template.replace("\n", "\r\n") if endings == "crlf" else template
