"""Put two versions of a prompt side by side, with the words that changed marked. Pure.

One list of rows serves both views: side by side shows a row's two sides, the unified view writes
a changed row as a removed and an added line.
"""

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from playground.prompts.content import Content, Message, Placeholder
from playground.prompts.fragments import Includes, reachable

RowKind = Literal["same", "changed", "added", "removed", "gap"]
Change = Literal["same", "changed", "added", "removed"]

CONTEXT_LINES = 3
# Beyond these a comparison by words or lines takes longer than anybody looks at it.
MAX_LINES = 3_000
MAX_WORDS = 150
# Two lines that share less are two lines, not one that changed.
ALIKE = 0.35
_WORD = re.compile(r"\w+|\s+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of characters of one line; ``marked`` where it differs from the other side."""

    text: str
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A line on both sides, on one, or a gap that stands for ``hidden`` lines alike.

    Attributes:
        old_line: number of the line in the older text, from 1; None where it has none.
        new_line: the same in the newer text.
    """

    kind: RowKind
    old_line: int | None = None
    new_line: int | None = None
    old: tuple[Piece, ...] = ()
    new: tuple[Piece, ...] = ()
    hidden: int = 0


@dataclass(frozen=True, slots=True)
class Section:
    """One thing compared: a message, the settings, a fragment.

    Attributes:
        anchor: stable within a comparison, for links: ``message-2``, ``settings``.
        note: what else is to be said of it: that its role changed, or where it moved.
    """

    anchor: str
    title: str
    change: Change
    rows: tuple[Row, ...]
    note: str = ""

    @property
    def added(self) -> int:
        """Count the lines that are new or changed."""
        return sum(row.kind in ("added", "changed") for row in self.rows)

    @property
    def removed(self) -> int:
        """Count the lines that are gone or changed."""
        return sum(row.kind in ("removed", "changed") for row in self.rows)


def compare(
    old: Content,
    new: Content,
    *,
    old_fragments: Mapping[str, str] | None = None,
    new_fragments: Mapping[str, str] | None = None,
) -> list[Section]:
    """Compare two versions: each message, settings, inputs, tools, format, each fragment.

    Args:
        old_fragments: by name, the text that the older version includes.
        new_fragments: the same of the newer version.
    """
    sections = list(_messages(old.messages, new.messages))
    for field, title in (
        ("settings", "Model settings"),
        ("inputs", "Inputs"),
        ("tools", "Tools"),
        ("response_format", "Response format"),
    ):
        before, after = _json(getattr(old, field)), _json(getattr(new, field))
        if before or after:
            sections.append(_section(field.replace("_", "-"), title, before, after))
    before_by, after_by = old_fragments or {}, new_fragments or {}
    for name in sorted({*before_by, *after_by}):
        sections.append(
            _section(
                f"fragment-{re.sub(r'[^a-z0-9]+', '-', name)}",
                f"Fragment {name}",
                before_by.get(name),
                after_by.get(name),
            )
        )
    return sections


def texts_of(includes: Includes) -> dict[str, str]:
    """Return the text of every fragment that is included, by ``team/name``."""
    texts: dict[str, str] = {}
    for top in includes.values():
        for piece in reachable(top):
            path, _, number = piece.ref.rpartition("@")
            # Two versions of one fragment may come in by different ways.
            known = texts.get(path)
            text = piece.template
            texts[path] = (
                text if known in (None, text) else f"{known}\n(and version {number})\n{text}"
            )
    return texts


def rows_of(old: str, new: str) -> list[Row]:
    """Compare two texts line by line; every line of both is in the result, in order."""
    before, after = old.splitlines(), new.splitlines()
    rows: list[Row] = []
    for tag, i1, i2, j1, j2 in _operations(before, after):
        if tag == "equal":
            rows += [
                Row("same", i + 1, j + 1, (Piece(before[i]),), (Piece(after[j]),))
                for i, j in zip(range(i1, i2), range(j1, j2), strict=True)
            ]
        else:
            rows += _replaced(before[i1:i2], after[j1:j2], i1 + 1, j1 + 1)
    return rows


def folded(rows: Sequence[Row], *, context: int = CONTEXT_LINES) -> list[Row]:
    """Put a gap in the place of lines alike that are further than ``context`` from a change."""
    near: set[int] = set()
    for index, row in enumerate(rows):
        if row.kind != "same":
            near.update(range(index - context, index + context + 1))
    shown: list[Row] = []
    for index, row in enumerate(rows):
        if index in near:
            shown.append(row)
        elif shown and shown[-1].kind == "gap":
            shown[-1] = Row("gap", hidden=shown[-1].hidden + 1)
        else:
            shown.append(Row("gap", hidden=1))
    return shown


def _messages(old: Sequence[Message], new: Sequence[Message]) -> Iterator[Section]:
    """Align the messages: those alike first, and between them each with the next of its role."""
    before, after = [_words(each) for each in old], [_words(each) for each in new]
    for tag, i1, i2, j1, j2 in _operations(before, after):
        if tag == "equal":
            pairs: list[tuple[int | None, int | None]] = list(
                zip(range(i1, i2), range(j1, j2), strict=True)
            )
        else:
            pairs = _pairs(old, new, range(i1, i2), range(j1, j2))
        for i, j in pairs:
            yield _message(old, new, i, j)


def _pairs(
    old: Sequence[Message], new: Sequence[Message], left: range, right: range
) -> list[tuple[int | None, int | None]]:
    pairs: list[tuple[int | None, int | None]] = []
    waiting = list(right)
    for i in left:
        match = next((j for j in waiting if new[j].role == old[i].role), None)
        if match is None:
            pairs.append((i, None))
            continue
        # What was passed over on the newer side was put in before it.
        for j in waiting[: waiting.index(match)]:
            pairs.append((None, j))
        waiting = waiting[waiting.index(match) + 1 :]
        pairs.append((i, match))
    return pairs + [(None, j) for j in waiting]


def _message(
    old: Sequence[Message], new: Sequence[Message], i: int | None, j: int | None
) -> Section:
    before = None if i is None else old[i]
    after = None if j is None else new[j]
    kept = after or before
    assert kept is not None, "a pair names at least one message"
    number = (j if j is not None else i or 0) + 1
    title = "Text" if kept.role == "text" else f"{kept.role.capitalize()} message"
    if isinstance(kept, Placeholder):
        title = f"Placeholder for {kept.name}"
    anchor = f"message-{number}" if after is not None else f"removed-{number}"
    return _section(
        anchor,
        title,
        None if before is None else _words(before)[1],
        None if after is None else _words(after)[1],
    )


def _words(message: Message) -> tuple[str, str]:
    """Return the role and all else that a message says, as one text."""
    if isinstance(message, Placeholder):
        return message.role, message.name
    extra = message.model_dump(mode="json", exclude_none=True, exclude={"role", "template"})
    return message.role, message.template + (f"\n{_json(extra)}" if extra else "")


def _section(anchor: str, title: str, old: str | None, new: str | None) -> Section:
    change: Change = "changed"
    if old is None:
        change = "added"
    elif new is None:
        change = "removed"
    elif old == new:
        change = "same"
    return Section(anchor, title, change, tuple(rows_of(old or "", new or "")))


def _replaced(old: list[str], new: list[str], old_line: int, new_line: int) -> list[Row]:
    rows: list[Row] = []
    paired = min(len(old), len(new))
    for index in range(paired):
        before, after, alike = _marked(old[index], new[index])
        at, to = old_line + index, new_line + index
        if alike:
            rows.append(Row("changed", at, to, before, after))
        else:
            rows.append(Row("removed", at, None, before))
            rows.append(Row("added", None, to, new=after))
    for index, line in enumerate(old[paired:], paired):
        rows.append(Row("removed", old_line + index, None, (Piece(line, True),)))
    for index, line in enumerate(new[paired:], paired):
        rows.append(Row("added", None, new_line + index, new=(Piece(line, True),)))
    return rows


def _marked(old: str, new: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...], bool]:
    """Mark the words that differ, and tell whether the lines are one line that changed."""
    before, after = _WORD.findall(old), _WORD.findall(new)
    whole = (Piece(old, True),), (Piece(new, True),)
    if max(len(before), len(after)) > MAX_WORDS:
        return *whole, False
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    if matcher.ratio() < ALIKE:
        return *whole, False
    left: list[Piece] = []
    right: list[Piece] = []
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        if i2 > i1:
            left.append(Piece("".join(before[i1:i2]), tag != "equal"))
        if j2 > j1:
            right.append(Piece("".join(after[j1:j2]), tag != "equal"))
    return tuple(left), tuple(right), True


def _operations(old: Sequence[Any], new: Sequence[Any]) -> list[tuple[str, int, int, int, int]]:
    """Return difflib's operations; what stands alike at both ends costs nothing."""
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    left, right = old[start : len(old) - end], new[start : len(new) - end]
    middle: list[tuple[str, int, int, int, int]] = []
    if max(len(left), len(right)) > MAX_LINES:
        middle = [("replace", 0, len(left), 0, len(right))]
    elif left or right:
        middle = list(difflib.SequenceMatcher(None, left, right).get_opcodes())
    found = [("equal", 0, start, 0, start)] if start else []
    found += [(tag, i + start, k + start, j + start, m + start) for tag, i, k, j, m in middle]
    if end:
        found.append(("equal", len(old) - end, len(old), len(new) - end, len(new)))
    return found


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) if value else ""
