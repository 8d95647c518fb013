from collections.abc import Callable
from typing import Any


def test_it_finds_the_job_when_its_words_are_given(call: Callable[..., Any]) -> None:
    found = call("hiring.search_jobs", query="Python engineer payments fintech", location="Berlin")

    assert found.jobs[0].title == "Senior Python Engineer"
    assert found.jobs[0].industry == "fintech"
    assert found.summary == f"{found.total} found"


def test_it_keeps_remote_jobs_only_when_asked_to(call: Callable[..., Any]) -> None:
    found = call("hiring.search_jobs", query="engineer", remote=True, limit=20)

    assert found.jobs
    assert all(each.remote for each in found.jobs)


def test_it_keeps_to_the_filters_when_several_are_given(call: Callable[..., Any]) -> None:
    found = call("hiring.search_jobs", query="job", seniority="senior", skills=["python"], limit=20)

    assert found.jobs
    for each in found.jobs:
        assert each.seniority == "senior"
        assert "Python" in [*each.skills, *each.nice_to_have]
