import typing
from collections.abc import Callable
from typing import Any

import pytest

from playground.core.errors import ModelRetry, NotFound, PlaygroundError
from playground.policy.models import User
from playground.prompts.content import Content, PromptKind, Text
from playground.prompts.labelling import move_label, remove_label
from playground.prompts.saving import save_version
from playground.prompts.templating.rendering import render
from skills.hiring import generation, outreach, vocabulary, wording
from tests.skills.conftest import reviewer_of

LETTER = wording.content()
PEOPLE = generation.candidates()
OPENINGS = generation.jobs()


def written_to(
    person: Any, job: Any, *, tone: outreach.Tone, industry: str | None = None
) -> tuple[str, str, list[str]]:
    """Write as the skill does; return subject, body and the facts it rests on."""
    known = outreach.facts(person, job, tone=tone, sender="Rita", industry=industry)
    return *outreach.read(render(LETTER, known.variables).text or ""), known.used


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

        subject, body, _ = written_to(person, job, tone=tone)

        assert "None" not in body
        assert "  " not in body
        assert " 1 years" not in body
        assert 150 < len(body) < 1200
        assert body.endswith("\nRita")
        assert person.companies[0]["work"] in body
        assert 10 < len(subject) < 120
        assert ("anybody to explain" in body) <= (person.years >= 5)


def test_it_leans_on_the_industry_when_one_is_named() -> None:
    person = next(
        each
        for each in PEOPLE
        if "fintech" in each.industries and each.companies[0]["industry"] != "fintech"
    )
    once = next(each for each in person.companies if each["industry"] == "fintech")

    subject, body, used = written_to(person, None, tone="warm", industry="fintech")

    assert subject == f"Your work on {once['work']} at {once['company']}"
    assert f"you work on {person.companies[0]['work']}" in body
    assert f"until {once['to']}" in used[0]


def test_it_offers_every_industry_of_the_sample() -> None:
    assert set(typing.get_args(vocabulary.Industry)) == set(vocabulary.INDUSTRIES)


def test_it_sounds_different_when_the_tone_is_another() -> None:
    person, job = PEOPLE[41], OPENINGS[0]

    bodies = {
        tone: written_to(person, job, tone=tone)[1] for tone in typing.get_args(outreach.Tone)
    }

    assert len(set(bodies.values())) == 3
    assert bodies["formal"].startswith(f"Dear {person.name},")
    assert len(bodies["brief"]) < min(len(bodies["warm"]), len(bodies["formal"]))


def test_it_offers_no_job_when_it_is_at_the_present_employer(call: Callable[..., Any]) -> None:
    job = OPENINGS[0]
    there = next(each for each in PEOPLE if each.companies[0]["company"] == job.company)

    with pytest.raises(ModelRetry, match="own-employer"):
        call("hiring.draft_outreach", candidate_id=there.id, job_id=job.id)


def test_it_says_which_prompt_wrote_when_asked_for_a_draft(call: Callable[..., Any]) -> None:
    written = call("hiring.draft_outreach", candidate_id=42)

    assert written.prompt["name"] == "hiring/outreach"
    assert written.prompt["version"] == 1
    assert written.prompt["label"] == "production"


def test_it_writes_what_the_label_says_when_the_prompt_is_edited(
    call: Callable[..., Any], alice: User
) -> None:
    context = alice.context()
    shorter = Content(
        kind=PromptKind.TEXT,
        messages=[Text(template="Subject: Hello\n\nHi {{ candidate.given }}!\n{{ sender }}")],
    )
    version = save_version(context, wording.OUTREACH, content=shorter)
    move_label(reviewer_of("hiring"), wording.OUTREACH, label="production", version=version.number)

    written = call("hiring.draft_outreach", candidate_id=42, sender="Rita")

    assert written.subject == "Hello"
    assert written.body.endswith("!\nRita")
    assert written.prompt["version"] == 2


def test_it_refuses_a_letter_when_the_prompt_gives_no_subject(
    call: Callable[..., Any], alice: User
) -> None:
    bare = Content(kind=PromptKind.TEXT, messages=[Text(template="Hi {{ candidate.given }}")])
    version = save_version(alice.context(), wording.OUTREACH, content=bare)
    move_label(reviewer_of("hiring"), wording.OUTREACH, label="production", version=version.number)

    with pytest.raises(PlaygroundError, match="begin with a line"):
        call("hiring.draft_outreach", candidate_id=42)


def test_it_refuses_when_nobody_has_labelled_a_prompt(
    call: Callable[..., Any], alice: User
) -> None:
    remove_label(reviewer_of("hiring"), wording.OUTREACH, label="production")

    with pytest.raises(NotFound, match="label"):
        call("hiring.draft_outreach", candidate_id=42)
