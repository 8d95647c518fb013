from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core.errors import ModelRetry
from skills.hiring import generation, matching


def test_it_scores_with_reasons_and_gaps_when_both_exist(call: Callable[..., Any]) -> None:
    result = call("hiring.match_to_job", candidate_id=42, job_id=1)

    assert 0 <= result.score <= 100
    assert result.score == sum(result.parts.values())
    assert result.reasons or result.gaps
    assert f"{result.score} of 100" in result.summary


def test_it_prefers_the_fitting_one_when_two_are_compared() -> None:
    job = generation.jobs()[0]
    people = generation.candidates()
    fitting = next(
        each
        for each in people
        if each.city == "Berlin"
        and each.seniority == "senior"
        and "fintech" in each.industries
        and "Django" in each.skills
    )
    other = next(each for each in people if each.field == "design" and each.city == "Tokyo")

    assert matching.match(fitting, job).score >= 75
    assert matching.match(other, job).score <= 30


@given(st.integers(0, generation.CANDIDATES - 1), st.integers(0, generation.JOBS - 1))
def test_it_stays_between_0_and_100_when_anybody_meets_any_job(person: int, job: int) -> None:
    found = matching.match(PEOPLE[person], OPENINGS[job])

    assert 0 <= found.score <= 100


def test_it_gives_all_points_when_nothing_is_missing() -> None:
    job = OPENINGS[0]
    perfect = SimpleNamespace(
        skills=[*job.skills, *job.nice_to_have],
        seniority=job.seniority,
        years=job.min_years,
        industries=[job.industry],
        companies=[],
        city=job.city,
        country=job.country,
        salary_eur=job.salary_from_eur,
        open_to_work=True,
    )

    assert matching.match(perfect, job).score == 100


def test_it_says_so_when_there_is_no_such_job(call: Callable[..., Any]) -> None:
    with pytest.raises(ModelRetry, match="job-not-found"):
        call("hiring.match_to_job", candidate_id=42, job_id=999)


PEOPLE = generation.candidates()
OPENINGS = generation.jobs()
