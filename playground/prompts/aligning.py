"""Align two texts line by line or word by word. Pure.

One list of rows serves every view: side by side shows a row's two sides, a unified one writes a
changed row as a removed and an added line.
"""

import difflib
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from playground.prompts.anchoring import Run, runs_alike
from playground.prompts.seeing import shown

RowKind = Literal["same", "changed", "added", "removed", "gap"]
Sign = Literal[" ", "-", "+"]

CONTEXT_LINES = 3
# Beyond these a comparison by words or lines takes longer than anybody looks at it.
MAX_LINES = 3_000
MAX_WORDS = 12_000
MAX_WORDS_OF_LINE = 150
# Two lines that share less are two lines, not one that changed.
ALIKE = 0.35
_WORD = re.compile(r"\w+|\s+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of characters of one line; ``marked`` where it differs from the other side."""

    text: str
    marked: bool = False

    @property
    def shown(self) -> str:
        """Return the text with something to see in the place of what cannot be seen."""
        return shown(self.text)


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


class Marked(NamedTuple):
    """Two texts with the words marked in which they differ.

    Attributes:
        alike: share of the words that both have, from 0 to 1.
    """

    old: tuple[Piece, ...]
    new: tuple[Piece, ...]
    alike: float


def rows_of(old: str, new: str) -> list[Row]:
    """Compare two texts line by line; every line of both is in the result, in order."""
    before, after = lines_of(old), lines_of(new)
    rows: list[Row] = []
    for tag, i1, i2, j1, j2 in operations(before, after):
        if tag == "equal":
            rows += [
                Row("same", i + 1, j + 1, (Piece(before[i]),), (Piece(after[j]),))
                for i, j in zip(range(i1, i2), range(j1, j2), strict=True)
            ]
        else:
            rows += _replaced(before[i1:i2], after[j1:j2], i1 + 1, j1 + 1)
    return rows


def lines_of(text: str) -> list[str]:
    """Split at newlines alone; one at the end begins a last, empty line, as editors show it."""
    return text.split("\n") if text else []


def folded(rows: Sequence[Row], *, context: int = CONTEXT_LINES, least: int = 1) -> list[Row]:
    """Put a gap in the place of lines alike that are further than ``context`` from a change.

    Args:
        least: how many lines a gap hides; fewer are shown.
    """
    near: set[int] = set()
    for index, row in enumerate(rows):
        if row.kind != "same":
            near.update(range(index - context, index + context + 1))
    kept: list[Row] = []
    for is_near, run in itertools.groupby(range(len(rows)), key=near.__contains__):
        indexes = list(run)
        if is_near or len(indexes) < least:
            kept += (rows[index] for index in indexes)
        else:
            kept.append(Row("gap", hidden=len(indexes)))
    return kept


def hunks(rows: Sequence[Row]) -> list[list[Row]]:
    """Return the runs of rows that are near a change, without what lies between them."""
    found: list[list[Row]] = [[]]
    for row in folded(rows):
        if row.kind == "gap":
            found.append([])
        else:
            found[-1].append(row)
    return [hunk for hunk in found if hunk]


def signed(rows: Sequence[Row]) -> Iterator[tuple[Sign, str]]:
    """Yield the lines of a unified view: of what changed, all that went before all that came."""
    came: list[str] = []
    for row in rows:
        if row.kind == "same":
            yield from (("+", line) for line in came)
            came.clear()
            yield " ", _text(row.new)
            continue
        if row.old_line is not None:
            yield "-", _text(row.old)
        if row.new_line is not None:
            came.append(_text(row.new))
    yield from (("+", line) for line in came)


def unified(rows: Sequence[Row]) -> list[str]:
    """Return the lines of a unified diff, without file names.

    Source: https://www.gnu.org/software/diffutils/manual/html_node/Detailed-Unified.html
    """
    lines: list[str] = []
    for hunk in hunks(rows):
        old = [row.old_line for row in hunk if row.old_line is not None]
        new = [row.new_line for row in hunk if row.new_line is not None]
        lines.append(f"@@ -{_range(old)} +{_range(new)} @@")
        lines += [f"{sign}{text}" for sign, text in signed(hunk)]
    return lines


def words_of(old: str, new: str, *, most: int = MAX_WORDS) -> Marked:
    """Mark the words that differ; texts of more words than ``most`` are marked as a whole."""
    before, after = _WORD.findall(old), _WORD.findall(new)
    if max(len(before), len(after)) > most:
        differ = old != new
        return Marked((Piece(old, differ),), (Piece(new, differ),), float(not differ))
    left: list[Piece] = []
    right: list[Piece] = []
    same, i, j = 0, 0, 0
    for i1, j1, count in [*_joined(runs_alike(before, after)), (len(before), len(after), 0)]:
        for pieces, words, at, to in ((left, before, i, i1), (right, after, j, j1)):
            if to > at:
                pieces.append(Piece("".join(words[at:to]), marked=True))
            if count:
                pieces.append(Piece("".join(words[to : to + count])))
        same, i, j = same + count, i1 + count, j1 + count
    total = len(before) + len(after)
    return Marked(tuple(left), tuple(right), 2 * same / total if total else 1.0)


def _joined(runs: Sequence[Run]) -> list[Run]:
    """Put runs together that follow each other on both sides."""
    joined: list[Run] = []
    for i, j, count in runs:
        if joined and joined[-1][0] + joined[-1][2] == i and joined[-1][1] + joined[-1][2] == j:
            joined[-1] = (*joined[-1][:2], joined[-1][2] + count)
        else:
            joined.append((i, j, count))
    return joined


def operations(old: Sequence[Any], new: Sequence[Any]) -> list[tuple[str, int, int, int, int]]:
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


def _replaced(old: list[str], new: list[str], old_line: int, new_line: int) -> list[Row]:
    rows: list[Row] = []
    paired = min(len(old), len(new))
    for index in range(paired):
        marked = words_of(old[index], new[index], most=MAX_WORDS_OF_LINE)
        at, to = old_line + index, new_line + index
        if marked.alike >= ALIKE or _grew(old[index], new[index]):
            rows.append(Row("changed", at, to, marked.old, marked.new))
        else:
            rows.append(Row("removed", at, None, (Piece(old[index], True),)))
            rows.append(Row("added", None, to, new=(Piece(new[index], True),)))
    for index, line in enumerate(old[paired:], paired):
        rows.append(Row("removed", old_line + index, None, (Piece(line, True),)))
    for index, line in enumerate(new[paired:], paired):
        rows.append(Row("added", None, new_line + index, new=(Piece(line, True),)))
    return rows


def _grew(old: str, new: str) -> bool:
    """Tell whether one line is the other with something before or after it."""
    short, long = sorted((old.strip(), new.strip()), key=len)
    return bool(short) and (long.startswith(short) or long.endswith(short))


def _text(pieces: Sequence[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


def _range(lines: Sequence[int]) -> str:
    if not lines:
        return "0,0"
    return str(lines[0]) if len(lines) == 1 else f"{lines[0]},{len(lines)}"
