"""What is wrong with a wiring is said at its field, with a stable code."""

from dataclasses import replace

import pytest

from agents.comparing import differences
from agents.specifying import AgentSpec, errors_of
from agents.telling import STEP_LIMIT, excuse, past_tense
from agents.threads import shorten
from playground.prompts.pages.marking import parts_of

GOOD = AgentSpec(name="scout", title="Scout", prompt="You are {{ agent.title }}.", skills=("a.b",))


def codes(spec: AgentSpec) -> list[tuple[str, str]]:
    errors = errors_of(spec, known_skills={"a.b"}, known_models={"offline/planner"})
    return [(error.field, error.code) for error in errors]


def test_it_finds_nothing_wrong_with_a_good_wiring() -> None:
    assert codes(GOOD) == []


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"name": "Not a slug"}, "name", "agent.name-invalid"),
        ({"name": ""}, "name", "agent.name-invalid"),
        ({"name": "a" * 65}, "name", "agent.name-invalid"),
        ({"name": "new"}, "name", "agent.name-reserved"),
        ({"title": "  "}, "title", "agent.title-empty"),
        ({"title": "x" * 101}, "title", "agent.title-too-long"),
        ({"title": "a\x00"}, "title", "agent.title-nul"),
        ({"description": "x" * 1001}, "description", "agent.description-too-long"),
        ({"prompt": " "}, "prompt", "agent.prompt-empty"),
        ({"prompt": "x" * 64_001}, "prompt", "agent.prompt-too-long"),
        ({"prompt": "{{ open"}, "prompt", "agent.prompt-syntax"),
        ({"prompt": "a\x00"}, "prompt", "agent.prompt-nul"),
        ({"skills": ("no.such",)}, "skills", "agent.unknown-skill"),
        ({"skills": ("a.b", "a.b")}, "skills", "agent.skills-repeated"),
        ({"model": "gpt-99"}, "model", "agent.unknown-model"),
        ({"step_limit": 0}, "step_limit", "agent.step-limit-range"),
        ({"step_limit": 51}, "step_limit", "agent.step-limit-range"),
        ({"suggested": ("a",) * 7}, "suggested", "agent.suggested-too-many"),
        ({"suggested": ("a" * 501,)}, "suggested", "agent.suggested-too-long"),
    ],
)
def test_it_names_field_and_code_when_something_is_wrong(
    change: dict[str, object], field: str, code: str
) -> None:
    assert codes(replace(GOOD, **change)) == [(field, code)]  # type: ignore[arg-type]


def test_it_hashes_alike_when_only_the_note_differs() -> None:
    assert GOOD.content_hash == replace(GOOD, note="why").content_hash
    assert GOOD.content_hash != replace(GOOD, step_limit=3).content_hash


def test_it_shows_what_differs_between_two_versions() -> None:
    lines = differences(GOOD, replace(GOOD, prompt="You are kind.\nBe brief.", skills=()))

    changed = [(line.kind, line.text) for line in lines if line.kind != "same"]
    assert ("removed", "skill: a.b") in changed
    assert ("added", "  Be brief.") in changed


def test_it_finds_the_variables_in_a_prompt() -> None:
    parts = parts_of("Hi {{ name }}{% if x %}!{% endif %}{# note #}")

    assert [part.kind for part in parts] == ["text", "variable", "tag", "text", "tag", "comment"]
    assert "".join(part.text for part in parts) == "Hi {{ name }}{% if x %}!{% endif %}{# note #}"


def test_it_tells_what_was_done_in_the_past() -> None:
    assert past_tense("Search candidates") == "searched candidates"
    assert past_tense("Candidate profile") == "Candidate profile"


def test_it_says_what_was_found_when_it_has_to_stop() -> None:
    records = [{"ok": True, "title": "Search candidates", "summary": "12 found"}]

    text = excuse(STEP_LIMIT, step_limit=4, records=records)

    assert "all 4 steps" in text
    assert "- searched candidates: 12 found" in text


@pytest.mark.parametrize(
    ("content", "title"),
    [
        ("  hello   world \nmore", "hello world"),
        (
            "word " * 40,
            "word word word word word word word word word word word word word word word word…",
        ),
        ("x" * 200, "x" * 80 + "…"),
    ],
)
def test_it_makes_a_title_of_the_first_message(content: str, title: str) -> None:
    assert shorten(content) == title
