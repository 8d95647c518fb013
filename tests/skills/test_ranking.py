import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core import ranking

SCORES = st.dictionaries(st.integers(), st.floats(allow_nan=False), max_size=30)


@given(SCORES)
def test_it_keeps_the_order_when_scores_become_z_scores(scores: dict[int, float]) -> None:
    z = ranking.zscores(scores)

    assert all(math.isfinite(each) and abs(each) <= ranking.MAX_Z for each in z.values())
    finite = sorted((key for key in scores if math.isfinite(scores[key])), key=scores.__getitem__)
    assert [z[key] for key in finite] == sorted(z[key] for key in finite)


def test_it_lets_a_clear_winner_win_when_lists_disagree() -> None:
    fused = ranking.fuse([{"a": 10.0, "b": 1.0, "c": 0.9}, {"a": 0.5, "b": 0.51, "c": 0.49}])

    assert max(fused, key=fused.__getitem__) == "a"


@given(SCORES)
def test_it_leaves_the_order_when_there_is_one_list_only(scores: dict[int, float]) -> None:
    assert ranking.fuse([scores]) == ranking.zscores(scores) or not scores


def test_it_prefers_rare_words_when_scoring() -> None:
    texts = ["python engineer", "java engineer", "go engineer", "engineer engineer"]

    scores = ranking.bm25(["python", "engineer"], [ranking.words(each) for each in texts])

    assert scores[0] == max(scores)
    assert scores[0] > 2 * scores[1]


@pytest.mark.parametrize("documents", [[], [[]], [[], []]])
def test_it_answers_when_there_is_nothing_to_score(documents: list[list[str]]) -> None:
    assert ranking.bm25(["a"], documents) == [0.0] * len(documents)
