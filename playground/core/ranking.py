"""Rank by several scores at once: BM25, z-scores and their sum. Pure.

Scores are fused rather than ranks: a clear winner of one list stays clear.
"""

import math
import re
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)
_WORD = re.compile(r"[^\W_]+(?:[+#]+)?")
MAX_Z = 4.0


def words(text: str) -> list[str]:
    """Split into lower-case words; ``C++`` and ``C#`` stay whole, ``a_b`` becomes two."""
    return _WORD.findall(text.casefold())


def bm25(
    query: Sequence[str], documents: Sequence[Sequence[str]], *, k1: float = 1.2, b: float = 0.75
) -> list[float]:
    """Score each document, a list of words, against the query's words.

    Source: Robertson and Zaragoza, The Probabilistic Relevance Framework (2009).
    """
    if not documents:
        return []
    counts = [Counter(document) for document in documents]
    average = sum(len(document) for document in documents) / len(documents) or 1.0
    wanted = dict.fromkeys(query)
    rarity = {}
    for word in wanted:
        holding = sum(1 for count in counts if word in count)
        rarity[word] = math.log(1 + (len(documents) - holding + 0.5) / (holding + 0.5))
    scores = []
    for document, count in zip(documents, counts, strict=True):
        norm = k1 * (1 - b + b * len(document) / average)
        scores.append(
            sum(rarity[word] * count[word] * (k1 + 1) / (count[word] + norm) for word in wanted)
        )
    return scores


def zscores(scores: Mapping[Key, float]) -> dict[Key, float]:
    """Return by how many standard deviations each score lies above the mean, within ±4.

    Where all scores are equal, and where one is not finite, they say nothing: 0.
    """
    finite = [score for score in scores.values() if math.isfinite(score)]
    if not finite:
        return dict.fromkeys(scores, 0.0)
    # Scaled first: squares of very large scores would overflow.
    scale = max(abs(score) for score in finite) or 1.0
    mean = sum(score / scale for score in finite) / len(finite)
    spread = math.sqrt(sum((score / scale - mean) ** 2 for score in finite) / len(finite))
    if spread < 1e-12:
        return dict.fromkeys(scores, 0.0)
    return {
        key: max(-MAX_Z, min(MAX_Z, (score / scale - mean) / spread))
        if math.isfinite(score)
        else 0.0
        for key, score in scores.items()
    }


def fuse(
    lists: Sequence[Mapping[Key, float]], *, weights: Sequence[float] | None = None
) -> dict[Key, float]:
    """Return the weighted sum of z-scores by key.

    A key that a list does not hold counts as that list's lowest score.
    """
    weights = weights or [1.0] * len(lists)
    keys = list(dict.fromkeys(key for scores in lists for key in scores))
    total = dict.fromkeys(keys, 0.0)
    for scores, weight in zip(lists, weights, strict=True):
        if not scores:
            continue
        lowest = min(scores.values())
        for key, z in zscores({key: scores.get(key, lowest) for key in keys}).items():
            total[key] += weight * z
    return total
