"""A run's page says in words what was decided for the run."""

from playground.console.explaining import reasons_of


def test_it_says_which_version_of_a_prompt_it_was_and_why() -> None:
    letter = {"name": "hiring/letter", "version": 2, "reason": "bucket 1.00 % < 10 %"}
    other = {"name": "hiring/other", "version": 1, "reason": "label production"}

    said = reasons_of(
        {"agent_version": 3, "skill_prompts": [{**letter, "arm": "candidate"}, other]}
    )

    assert said == [
        ("agent version", "3"),
        (
            "skill prompts",
            "hiring/letter v2, candidate (bucket 1.00 % < 10 %); "
            "hiring/other v1 (label production)",
        ),
    ]
