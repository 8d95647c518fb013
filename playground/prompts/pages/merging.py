"""Put together what two people made of one version. Pure.

What only one of them changed is taken; where both changed the same lines, one's own stay and the
clash is named, so that a person looks at it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from playground.prompts.aligning import operations

_WHOLE = ("inputs", "tools", "response_format")


@dataclass(frozen=True, slots=True)
class Merged:
    """Both persons' work.

    Attributes:
        clashes: where both changed the same, in words; one's own is what stands there.
    """

    body: dict[str, Any]
    clashes: tuple[str, ...]


def merge(base: Mapping[str, Any], mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> Merged:
    """Merge two contents, as JSON, that began as the same one."""
    clashes: list[str] = []
    body: dict[str, Any] = {"kind": mine.get("kind", base.get("kind"))}
    body["messages"] = _messages(
        base.get("messages", []), mine.get("messages", []), theirs.get("messages", []), clashes
    )
    settings: dict[str, Any] = {}
    before, own, other = (each.get("settings") or {} for each in (base, mine, theirs))
    for name in {**other, **own}:
        value = _either(before.get(name), own.get(name), other.get(name), name, clashes)
        if value is not None:
            settings[name] = value
    if settings:
        body["settings"] = settings
    for name in _WHOLE:
        value = _either(base.get(name), mine.get(name), theirs.get(name), name, clashes)
        if value is not None:
            body[name] = value
    return Merged(body, tuple(clashes))


def merge_lines(base: str, mine: str, theirs: str) -> tuple[str, bool]:
    """Merge two texts line by line; tell whether both changed the same lines."""
    before, own, other = (text.splitlines(keepends=True) for text in (base, mine, theirs))
    in_own, in_other = _kept(before, own), _kept(before, other)
    merged: list[str] = []
    clash = False
    at = a = b = 0
    for line in [*range(len(before)), None]:
        if line is not None and (line not in in_own or line not in in_other):
            continue
        to_a = len(own) if line is None else in_own[line]
        to_b = len(other) if line is None else in_other[line]
        to = len(before) if line is None else line
        chunk, left, right = before[at:to], own[a:to_a], other[b:to_b]
        merged += right if left == chunk else left
        clash |= left != chunk and right != chunk and left != right
        if line is not None:
            merged.append(before[line])
            at, a, b = line + 1, to_a + 1, to_b + 1
    return "".join(merged), clash


def _messages(
    base: Sequence[Mapping[str, Any]],
    mine: Sequence[Mapping[str, Any]],
    theirs: Sequence[Mapping[str, Any]],
    clashes: list[str],
) -> list[Any]:
    roles = [[each.get("role") for each in side] for side in (base, mine, theirs)]
    if not roles[0] == roles[1] == roles[2]:
        return list(_either(base, mine, theirs, "the order of the messages", clashes))
    merged = []
    for number, (old, own, other) in enumerate(zip(base, mine, theirs, strict=True), 1):
        if own in (old, other) or other == old:
            merged.append(dict(other if own == old else own))
            continue
        text, clash = merge_lines(*(str(each.get("template", "")) for each in (old, own, other)))
        if clash:
            clashes.append(f"message {number}")
        merged.append({**own, "template": text} if "template" in own else dict(own))
    return merged


def _either(base: Any, mine: Any, theirs: Any, what: str, clashes: list[str]) -> Any:
    if mine == base:
        return theirs
    if theirs not in (base, mine):
        clashes.append(what.replace("_", " "))
    return mine


def _kept(before: Sequence[str], after: Sequence[str]) -> dict[int, int]:
    return {
        line: start + line - first
        for tag, first, end, start, _ in operations(before, after)
        if tag == "equal"
        for line in range(first, end)
    }
