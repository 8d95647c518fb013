from collections.abc import Callable
from typing import Any

import pytest

from playground.policy.models import User
from skills import registry
from skills.declaring import SkillContext

DEMO = "Find senior Python engineers in Berlin who know fintech"


def test_it_finds_fitting_people_when_the_filters_are_given(call: Callable[..., Any]) -> None:
    found = call(
        "hiring.search_candidates",
        query="Python engineer",
        location="Berlin",
        seniority="senior",
        skills=["Python"],
        industry="fintech",
    )

    assert found.total >= 5
    assert len(found.candidates) == 5
    for each in found.candidates:
        assert each.location == "Berlin, Germany"
        assert each.seniority == "senior"
        assert "Python" in each.skills
        assert "fintech" in each.industries
        assert any(reason.startswith("knows Python") for reason in each.why)
    assert found.summary == f"{found.total} found"


def test_it_reads_the_filters_from_the_words_when_none_are_given(
    call: Callable[..., Any],
) -> None:
    found = call("hiring.search_candidates", query=DEMO)

    assert found.filters == {
        "location": "Berlin",
        "seniority": "senior",
        "skills": ["Python"],
        "industry": "fintech",
    }
    headlines = [each.headline for each in found.candidates]
    assert all("Python Engineer" in each for each in headlines[:3]), headlines


def test_it_puts_the_role_first_when_the_query_names_one(call: Callable[..., Any]) -> None:
    found = call("hiring.search_candidates", query=DEMO, limit=20)

    roles = [each.role_score for each in found.candidates]
    data = [i for i, each in enumerate(found.candidates) if "Data Engineer" in each.headline]
    python = [i for i, each in enumerate(found.candidates) if "Python Engineer" in each.headline]
    assert roles[0] == 1.0
    assert data
    assert max(python) < min(data)


def test_it_puts_present_work_first_when_an_industry_is_wanted(
    call: Callable[..., Any],
) -> None:
    found = call("hiring.search_candidates", query="people in Berlin who know fintech", limit=10)

    profiles = [call("hiring.candidate_profile", candidate_id=each.id) for each in found.candidates]
    now = [each.companies[0]["industry"] == "fintech" for each in profiles]
    assert now[0]
    assert sum(now) > len(now) / 2


def test_it_gives_plain_reasons_when_it_tells_why(call: Callable[..., Any]) -> None:
    found = call("hiring.search_candidates", query=DEMO)

    assert not [why for each in found.candidates for why in each.why if "σ" in why or "+" in why]


@pytest.mark.parametrize("skills", [["python", "fintech"], ["Python", "payments"]])
def test_it_understands_an_industry_when_it_stands_among_the_skills(
    call: Callable[..., Any], skills: list[str]
) -> None:
    found = call("hiring.search_candidates", query="engineer", location="berlin", skills=skills)

    assert found.filters["industry"] == "fintech"
    assert found.filters["skills"] == ["Python"]
    assert found.total > 0


def test_it_says_what_it_gave_up_when_the_words_name_too_much(call: Callable[..., Any]) -> None:
    found = call(
        "hiring.search_candidates", query="junior Swift and Figma people in Seoul, agritech"
    )

    assert found.relaxed
    assert "not narrowed by" in found.summary


def test_it_finds_nobody_when_a_given_filter_fits_nobody(call: Callable[..., Any]) -> None:
    found = call("hiring.search_candidates", query="engineer", location="Atlantis")

    assert (found.total, found.candidates, found.summary) == (0, [], "0 found")


def test_it_finds_nobody_when_the_rows_are_another_teams(sample: None, charlie: User) -> None:
    skill = registry.get("hiring.search_candidates")

    found = skill(
        skill.args.model_validate({"query": DEMO}), SkillContext(request=charlie.context())
    )

    assert found.total == 0


@pytest.mark.parametrize("query", ["' OR 1=1 --", "a & | ! :*", '"unclosed', "日本", "%_\\", "()"])
def test_it_answers_when_the_words_are_strange(call: Callable[..., Any], query: str) -> None:
    found = call("hiring.search_candidates", query=query, limit=1)

    assert len(found.candidates) == 1
