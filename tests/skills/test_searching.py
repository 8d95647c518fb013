import pytest

from playground.policy.models import User
from skills import searching


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("candidates", "hiring.search_candidates"),
        ("arithmetic", "math.calculate"),
        ("what is two plus two", "math.calculate"),
        ("work out a percentage of a number", "math.calculate"),
        ("write a message to somebody", "hiring.draft_outreach"),
        ("calcul", "math.calculate"),
    ],
)
def test_it_finds_the_skill_when_words_or_meaning_fit(alice: User, query: str, first: str) -> None:
    assert searching.search(alice.context(), query)[0].name == first


def test_it_shows_the_shared_ones_only_when_the_team_has_none(charlie: User) -> None:
    names = {each.name for each in searching.search(charlie.context(), "")}

    assert names == {"math.calculate", "time.today"}
