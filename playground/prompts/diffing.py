"""Say what differs between two contents, part by part and as one text. Pure."""

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from playground.prompts.content import Content, Placeholder
from playground.prompts.templating.fragments import NOTHING, Includes, Piece

MAX_LINES = 4_000
"""Beyond it a part is shown as replaced: matching lines may take the square of their number."""

Change = Literal["same", "added", "removed", "changed"]


@dataclass(frozen=True, slots=True)
class PartChange:
    """One part in both contents.

    Attributes:
        part: ``messages.0``, ``inputs``, ``settings``, ``tools``, ``response_format``, or
            ``fragment team/name`` for what is included.
        before: its text; None where it is not there.
        lines: unified diff without file names, empty where nothing changed.
    """

    part: str
    change: Change
    before: str | None
    after: str | None
    lines: tuple[str, ...]


def diff(
    before: Content,
    after: Content,
    *,
    included_before: Includes = NOTHING,
    included_after: Includes = NOTHING,
) -> list[PartChange]:
    """Compare part by part, in the order of the newer content; what only the older has comes last.

    Args:
        included_before: fragments to compare too, see ``composing.includes_of``.
    """
    old = {**_parts(before), **_fragments(included_before)}
    new = {**_parts(after), **_fragments(included_after)}
    return [_compare(part, old.get(part), new.get(part)) for part in {**new, **old}]


def unified(changes: list[PartChange], *, before: str, after: str) -> str:
    """Write the changes as one unified diff; ``before`` and ``after`` name the versions."""
    blocks = [
        "\n".join([f"--- {before} {each.part}", f"+++ {after} {each.part}", *each.lines])
        for each in changes
        if each.change != "same"
    ]
    return "\n".join(blocks) + "\n" if blocks else ""


def _parts(content: Content) -> dict[str, str]:
    parts = {
        f"messages.{index}": _message(message) for index, message in enumerate(content.messages)
    }
    for name, value in (
        ("inputs", content.inputs),
        ("settings", content.settings),
        ("tools", content.tools),
        ("response_format", content.response_format),
    ):
        if value:
            parts[name] = _json(value)
    return parts


def _message(message: Any) -> str:
    if isinstance(message, Placeholder):
        return f"placeholder {message.name}"
    extra = message.model_dump(exclude_none=True, exclude={"role", "template"})
    lines = [message.role, message.template, *([_json(extra)] if extra else [])]
    return "\n".join(lines)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)


def _fragments(includes: Includes) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for piece in _below(includes):
        path, _, number = piece.ref.rpartition("@")
        found.setdefault(f"fragment {path}", set()).add(f"version {number}\n{piece.template}")
    return {part: "\n".join(sorted(texts)) for part, texts in sorted(found.items())}


def _below(includes: Includes) -> Iterator[Piece]:
    seen: set[str] = set()
    pending = list(includes.values())
    while pending:
        piece = pending.pop()
        if piece.key not in seen:
            seen.add(piece.key)
            yield piece
            pending.extend(piece.includes.values())


def _compare(part: str, before: str | None, after: str | None) -> PartChange:
    change: Change = "changed"
    if before is None:
        change = "added"
    elif after is None:
        change = "removed"
    elif before == after:
        return PartChange(part, "same", before, after, ())
    old = before.splitlines() if before is not None else []
    new = after.splitlines() if after is not None else []
    if len(old) + len(new) > MAX_LINES:
        lines = [*(f"-{line}" for line in old), *(f"+{line}" for line in new)]
    else:
        lines = list(difflib.unified_diff(old, new, lineterm=""))[2:]
    return PartChange(part, change, before, after, tuple(lines))
