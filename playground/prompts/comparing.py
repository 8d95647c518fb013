"""Compare two versions of a prompt, part by part, for pages and programs. Pure."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from playground.prompts.aligning import Row, folded, operations, rows_of, unified
from playground.prompts.content import Content, Message, Placeholder
from playground.prompts.templating.fragments import Includes, reachable

Change = Literal["same", "changed", "added", "removed"]


@dataclass(frozen=True, slots=True)
class Section:
    """One thing compared: a message, the settings, a fragment.

    Attributes:
        part: stable within a comparison: ``messages.1``, counted from 0 in the newer version,
            ``removed.1`` for what only the older one has, ``settings``, ``fragment team/name``.
        before: its text; None where it is not there.
        note: what else is to be said of it: which versions of a fragment are included.
        path: of the fragment, ``team/name``; empty for other parts.
        numbers: of the fragment's versions on both sides, where there is one on each.
    """

    part: str
    title: str
    change: Change
    before: str | None
    after: str | None
    rows: tuple[Row, ...]
    note: str = ""
    path: str = ""
    numbers: tuple[int, int] | None = None

    @property
    def anchor(self) -> str:
        """Return the part's name for links."""
        return re.sub(r"[^a-z0-9]+", "-", self.part)

    @property
    def added(self) -> int:
        """Count the lines that are new or changed."""
        return sum(row.kind in ("added", "changed") for row in self.rows)

    @property
    def removed(self) -> int:
        """Count the lines that are gone or changed."""
        return sum(row.kind in ("removed", "changed") for row in self.rows)


@dataclass(frozen=True, slots=True)
class FragmentText:
    """What a fragment says as it is included, and the numbers of its versions that are."""

    text: str
    numbers: tuple[int, ...]

    @property
    def named(self) -> str:
        """Name the versions: ``v2``, or ``v1 and v2``."""
        return " and ".join(f"v{number}" for number in self.numbers)


def compare(
    old: Content,
    new: Content,
    *,
    old_fragments: Mapping[str, FragmentText] | None = None,
    new_fragments: Mapping[str, FragmentText] | None = None,
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
            sections.append(_section(field, title, before or None, after or None))
    before_by, after_by = old_fragments or {}, new_fragments or {}
    for name in sorted({*before_by, *after_by}):
        sections.append(_fragment(name, before_by.get(name), after_by.get(name)))
    return sections


def written(sections: Sequence[Section], *, before: str, after: str) -> str:
    """Write what changed as one unified diff; ``before`` and ``after`` name the versions."""
    blocks = [
        "\n".join([f"--- {before} {each.part}", f"+++ {after} {each.part}", *unified(each.rows)])
        for each in sections
        if each.change != "same"
    ]
    return "\n".join(blocks) + "\n" if blocks else ""


def fold(sections: list[Section]) -> list[Section]:
    """Hide the lines of each section that are far from a change."""
    return [replace(each, rows=tuple(folded(each.rows, least=3))) for each in sections]


def texts_of(includes: Includes) -> dict[str, FragmentText]:
    """Return the text of every fragment that is included, by ``team/name``."""
    texts: dict[str, FragmentText] = {}
    for top in includes.values():
        for piece in reachable(top):
            path, _, number = piece.ref.rpartition("@")
            # Two versions of one fragment may come in by different ways.
            known, text = texts.get(path), piece.template
            if known is None:
                texts[path] = FragmentText(text, (int(number),))
            elif int(number) not in known.numbers:
                both = f"{known.text}\n(and version {number})\n{text}"
                texts[path] = FragmentText(both, (*known.numbers, int(number)))
    return texts


def _messages(old: Sequence[Message], new: Sequence[Message]) -> Iterator[Section]:
    """Align the messages: those alike first, and between them each with the next of its role."""
    before, after = [_words(each) for each in old], [_words(each) for each in new]
    for tag, i1, i2, j1, j2 in operations(before, after):
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
    title = "Text" if kept.role == "text" else f"{kept.role.capitalize()} message"
    if isinstance(kept, Placeholder):
        title = f"Placeholder for {kept.name}"
    return _section(
        f"removed.{i}" if j is None else f"messages.{j}",
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


def _section(part: str, title: str, old: str | None, new: str | None) -> Section:
    change: Change = "changed"
    if old is None:
        change = "added"
    elif new is None:
        change = "removed"
    elif old == new:
        change = "same"
    return Section(part, title, change, old, new, tuple(rows_of(old or "", new or "")))


def _fragment(path: str, before: FragmentText | None, after: FragmentText | None) -> Section:
    made = _section(
        f"fragment {path}",
        f"Fragment {path}",
        before.text if before else None,
        after.text if after else None,
    )
    if before is None or after is None:
        kept = before or after
        assert kept is not None, "a fragment stands on one side at least"
        note = f"{'no longer included' if before else 'included now'}, {kept.named}"
        return replace(made, path=path, note=note)
    if before.numbers == after.numbers:
        return replace(made, path=path, note=before.named)
    single = len(before.numbers) == len(after.numbers) == 1
    return replace(
        made,
        path=path,
        note=f"{before.named} → {after.named}",
        numbers=(before.numbers[0], after.numbers[0]) if single else None,
    )


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) if value else ""
