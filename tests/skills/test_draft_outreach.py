import typing
from collections.abc import Callable
from typing import Any

import pytest

from playground.core.errors import ModelRetry
from skills.hiring import generation, outreach, vocabulary

PEOPLE = generation.candidates()
OPENINGS = generation.jobs()


def test_it_writes_about_the_person_and_the_job_when_both_are_given(
    call: Callable[..., Any],
) -> None:
    profile = call("hiring.candidate_profile", candidate_id=42)

    written = call("hiring.draft_outreach", candidate_id=42, job_id=1, sender="Rita")

    assert written.sent is False
    assert profile.name.split()[0] in written.body
    assert profile.companies[0]["company"] in written.body
    assert "Northpay" in written.body
    assert written.body.endswith("Rita")
    assert written.based_on


def test_it_signs_with_who_asks_when_no_sender_is_given(call: Callable[..., Any]) -> None:
    assert call("hiring.draft_outreach", candidate_id=42).body.endswith("Alice")


@pytest.mark.parametrize("tone", ["warm", "formal", "brief"])
@pytest.mark.parametrize("with_job", [True, False])
def test_it_reads_well_when_anybody_is_written_to(tone: outreach.Tone, with_job: bool) -> None:
    for person in PEOPLE[:200]:
        job = OPENINGS[person.id % len(OPENINGS)] if with_job else None

        written = outreach.draft(person, job, tone=tone, sender="Rita")

        assert "None" not in written.body
        assert "  " not in written.body
        assert 150 < len(written.body) < 1200
        assert written.body.endswith("\nRita")
        assert person.companies[0]["work"] in written.body
        assert 10 < len(written.subject) < 120
        assert ("anybody to explain" in written.body) <= (person.years >= 5)


def test_it_leans_on_the_industry_when_one_is_named() -> None:
    person = next(
        each
        for each in PEOPLE
        if "fintech" in each.industries and each.companies[0]["industry"] != "fintech"
    )
    once = next(each for each in person.companies if each["industry"] == "fintech")

    written = outreach.draft(person, None, tone="warm", sender="Rita", industry="fintech")

    assert written.subject == f"Your work on {once['work']} at {once['company']}"
    assert f"you work on {person.companies[0]['work']}" in written.body
    assert f"until {once['to']}" in written.used[0]


def test_it_offers_every_industry_of_the_sample() -> None:
    assert set(typing.get_args(vocabulary.Industry)) == set(vocabulary.INDUSTRIES)


def test_it_sounds_different_when_the_tone_is_another() -> None:
    person, job = PEOPLE[41], OPENINGS[0]

    drafts = {
        tone: outreach.draft(person, job, tone=tone, sender="Rita")
        for tone in typing.get_args(outreach.Tone)
    }

    assert len({each.body for each in drafts.values()}) == 3
    assert drafts["formal"].body.startswith(f"Dear {person.name},")
    assert len(drafts["brief"].body) < min(len(drafts["warm"].body), len(drafts["formal"].body))


def test_it_offers_no_job_when_it_is_at_the_present_employer(call: Callable[..., Any]) -> None:
    job = OPENINGS[0]
    there = next(each for each in PEOPLE if each.companies[0]["company"] == job.company)

    with pytest.raises(ModelRetry, match="own-employer"):
        call("hiring.draft_outreach", candidate_id=there.id, job_id=job.id)
