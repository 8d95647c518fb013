"""Read a prompt's file; what is wrong in it is said with line and column. Pure: no Django."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from playground.core.errors import InvalidInput
from playground.prompts.content import (
    PromptKind,
    TemplateMessage,
    content_of,
)
from playground.prompts.files.basing import FIELD, Base
from playground.prompts.files.frontmatter import read_front_matter
from playground.prompts.files.marking import MARKER, QUOTED, take_in
from playground.prompts.files.placing import PromptFile, refuse

ROLES = (*get_args(TemplateMessage.model_fields["role"].annotation), "placeholder", "text")


@dataclass(slots=True)
class _Message:
    """A message and the lines, from 1, of its marker and of its template."""

    stored: dict[str, Any]
    marker: int
    begins: int
    quoted: bool = False


def read_prompt(source: str | bytes, *, path: str) -> PromptFile:
    """Read the text of a file; ``path`` is what errors call it.

    Raises:
        InvalidInput: ``prompt.file-invalid`` with ``file``, ``line`` and ``column``.
    """
    lines = _decoded(source, path).split("\n")
    front, after = _front(lines, path)
    fields = {
        found[1]: number
        for number, line in enumerate(lines[:after], 1)
        if (found := re.match(r"(\w+):", line))
    }
    based_on = _base(front, fields, path)
    messages = _messages(lines, after, front, path)
    if "messages" in front:
        line = fields.get("messages", 1)
        raise refuse(path, line, 1, "messages follow the front matter, they are not part of it")
    try:
        content = content_of({**front, "messages": [each.stored for each in messages]})
    except InvalidInput as error:
        raise _placed(error, fields, messages, path) from None
    return PromptFile(
        path,
        content,
        tuple(each.begins for each in messages),
        fields,
        frozenset(index for index, each in enumerate(messages) if each.quoted),
        based_on,
    )


def _base(front: dict[str, Any], fields: Mapping[str, int], path: str) -> Base | None:
    """Take out of the front matter what the file was made from."""
    if FIELD not in front:
        return None
    base = Base.read(front.pop(FIELD))
    if base is None:
        detail = f"{FIELD} is as pull writes it, 7@3f9a2c1b04de, or is left out"
        raise refuse(path, fields.get(FIELD, 1), 1, detail)
    return base


def _decoded(source: str | bytes, path: str) -> str:
    try:
        text = source.decode("utf-8") if isinstance(source, bytes) else source
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        column = len(before) - (before.rfind(b"\n") + 1) + 1
        raise refuse(path, before.count(b"\n") + 1, column, "it is not UTF-8") from None
    # A file is written with plain newlines: what git or an editor made of them is undone here.
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def _front(lines: list[str], path: str) -> tuple[dict[str, Any], int]:
    """Return the front matter and the index of the line after it."""
    if lines[0].rstrip() != "---":
        return {}, 0
    for index in range(1, len(lines)):
        if lines[index].rstrip() == "---":
            text = "\n".join([*lines[1:index], ""])
            return read_front_matter(text, path=path, line=2), index + 1
    raise refuse(path, 1, 1, "the front matter has no end: a line of three dashes")


def _messages(lines: list[str], after: int, front: dict[str, Any], path: str) -> list[_Message]:
    start = next((at for at in range(after, len(lines)) if lines[at].strip()), after)
    first = MARKER.match(lines[start]) if start < len(lines) else None
    if first is None:
        kind = front.get("kind", PromptKind.CHAT)
        if kind == PromptKind.CHAT:
            raise refuse(
                path, min(start, len(lines) - 1) + 1, 1, "a chat begins with === and a role"
            )
        body = "\n".join(lines[after:])
        stored = {"role": "text", "template": take_in(body, {})}
        return [_Message(stored, after + 1, after + 1)]
    run = first[1]
    found: list[_Message] = []
    at = start
    while at < len(lines):
        message = _opened(lines, at, run, path)
        ends = message.begins - 1
        while ends < len(lines) and not _is_marker(lines[ends], run):
            ends += 1
        _fill(message, "\n".join(lines[message.begins - 1 : ends]), path)
        found.append(message)
        at = ends
    return found


def _is_marker(line: str, run: str) -> bool:
    return line.startswith(run) and not line.startswith(run + "=")


def _opened(lines: list[str], at: int, run: str, path: str) -> _Message:
    """Read a marker and what it says of its message."""
    match = MARKER.match(lines[at])
    if match is None or match[2] not in ROLES:
        column = len(run) + 2
        raise refuse(
            path,
            at + 1,
            column,
            f"after {run} stands a role, one of {', '.join(ROLES)}; a template with such a line "
            "needs longer markers in all the file",
        )
    if match[3] is None:
        return _Message({"role": match[2]}, at + 1, at + 2)
    ends = at
    if match[3].strip() == "{":
        ends = next((n for n in range(at + 1, len(lines)) if lines[n].rstrip() == "}"), -1)
        if ends < 0:
            raise refuse(path, at + 1, match.start(3) + 1, "the braces are never closed")
    text = "\n".join([match[3], *lines[at + 1 : ends + 1]])
    try:
        said = json.loads(text)
    except ValueError as error:
        line, column, detail = getattr(error, "lineno", 1), getattr(error, "colno", 1), str(error)
        offset = match.start(3) if line == 1 else 0
        raise refuse(path, at + line, offset + column, re.sub(r": line .*", "", detail)) from None
    except RecursionError:
        raise refuse(path, at + 1, 1, "it nests too deeply") from None
    if {"role", "template"} & said.keys():
        raise refuse(path, at + 1, match.start(3) + 1, "role and template have their own places")
    return _Message({**said, "role": match[2]}, at + 1, ends + 2)


def _fill(message: _Message, body: str, path: str) -> None:
    message.quoted = message.stored.get(QUOTED) is True
    try:
        template = take_in(body, message.stored)
    except (ValueError, RecursionError) as error:
        raise refuse(path, message.begins, 1, str(error)) from None
    if message.stored["role"] != "placeholder":
        message.stored["template"] = template
    elif template.strip():
        raise refuse(path, message.begins, 1, "a placeholder has no text of its own")
    else:
        message.begins = message.marker


def _placed(
    error: InvalidInput, fields: Mapping[str, int], messages: list[_Message], path: str
) -> InvalidInput:
    """Say where in the file stands what makes no content."""
    first = error.extra["errors"][0]
    field, detail = str(first["field"]), f"{first['field']}: {first['message']}".removeprefix(": ")
    parts = field.split(".")
    if parts[0] == "messages" and len(parts) > 1:
        return refuse(path, messages[int(parts[1])].marker, 1, detail)
    return refuse(path, fields.get(parts[0], 1), 1, detail)
