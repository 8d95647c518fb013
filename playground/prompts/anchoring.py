"""Find what two long lists have in common, within bounded work. Pure.

What stands seldom, and as often in both, is aligned first; what lies between such anchors is
mostly short enough to be compared item by item. Where it is not, it differs as a whole.

Source: B. Cohen, "Patience Diff Advantages", https://bramcohen.livejournal.com/73318.html
"""

import difflib
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Hashable, Sequence

Run = tuple[int, int, int]

# Pairs of items that are compared with each other at once, and in all.
AT_ONCE = 150 * 150
WORK = 250_000
# How often an anchor may stand in its part.
_SELDOM = (1, 8)


def runs_alike(old: Sequence[Hashable], new: Sequence[Hashable], *, work: int = WORK) -> list[Run]:
    """Return what both have in the same order: where it begins in each, and how many items it has.

    Args:
        work: after how many items and pairs of them the rest counts as different.
    """
    found: list[Run] = []
    pending = [(0, len(old), 0, len(new))]
    while pending:
        i1, i2, j1, j2 = pending.pop()
        head = _same(old, new, range(i1, i2), range(j1, j2))
        tail = _same(old, new, range(i2 - 1, i1 + head - 1, -1), range(j2 - 1, j1 + head - 1, -1))
        found += [(i1, j1, head), (i2 - tail, j2 - tail, tail)]
        i1, i2, j1, j2 = i1 + head, i2 - tail, j1 + head, j2 - tail
        pairs = (i2 - i1) * (j2 - j1)
        work -= head + tail + min(pairs, AT_ONCE)
        if not pairs or work < 0:
            continue
        if pairs <= AT_ONCE:
            matcher = difflib.SequenceMatcher(None, old[i1:i2], new[j1:j2], autojunk=False)
            found += [(i1 + i, j1 + j, n) for i, j, n in matcher.get_matching_blocks()]
            continue
        work -= i2 - i1 + j2 - j1
        anchors = _anchors(old, new, range(i1, i2), range(j1, j2))
        ends = [*anchors, (i2, j2)] if anchors else []
        begins = [(i1, j1), *((i + 1, j + 1) for i, j in anchors)]
        found += [(i, j, 1) for i, j in anchors]
        pending += [(i, k, j, m) for (i, j), (k, m) in zip(begins, ends, strict=False)]
    return sorted(run for run in found if run[2])


def _same(old: Sequence[Hashable], new: Sequence[Hashable], left: range, right: range) -> int:
    count = 0
    for i, j in zip(left, right, strict=False):
        if old[i] != new[j]:
            break
        count += 1
    return count


def _anchors(
    old: Sequence[Hashable], new: Sequence[Hashable], left: range, right: range
) -> list[tuple[int, int]]:
    here: defaultdict[Hashable, list[int]] = defaultdict(list)
    there: defaultdict[Hashable, list[int]] = defaultdict(list)
    for index in left:
        here[old[index]].append(index)
    for index in right:
        there[new[index]].append(index)
    for most in _SELDOM:
        pairs = [
            pair
            for item, places in here.items()
            if len(places) <= most and len(there.get(item, ())) == len(places)
            for pair in zip(places, there[item], strict=True)
        ]
        if pairs:
            return _rising(sorted(pairs))
    return []


def _rising(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the longest part of the pairs that rises on both sides."""
    ends: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for index, (_, j) in enumerate(pairs):
        at = bisect_left(ends, j)
        before.append(last[at - 1] if at else -1)
        ends[at : at + 1] = [j]
        last[at : at + 1] = [index]
    rising = []
    index = last[-1]
    while index >= 0:
        rising.append(pairs[index])
        index = before[index]
    return rising[::-1]
