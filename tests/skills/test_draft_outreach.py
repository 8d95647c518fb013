from collections.abc import Callable
from typing import Any

import pytest

from skills.hiring import generation, outreach

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
        assert len({written.subject}) == 1
