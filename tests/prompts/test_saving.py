"""Prompts are saved as versions that never change, with the fragments that they had then."""

import pytest
from django.db import DatabaseError, connection, transaction

from playground.core.errors import Conflict, InvalidInput, NotFound, PolicyDenied
from playground.policy.models import User
from playground.prompts.archiving import archive_prompt, archive_version, delete_prompt, describe
from playground.prompts.changing import PromptChanged, on_change
from playground.prompts.content import RESERVED_SETTINGS, content_of
from playground.prompts.drafting import discard_draft, draft_of, save_draft
from playground.prompts.models import Prompt, PromptVersion
from playground.prompts.resolving import find, render_version
from playground.prompts.saving import About, create_prompt, save_version
from tests.prompts.conftest import chat, fragment

pytestmark = pytest.mark.django_db


def said(version: PromptVersion, **variables: object) -> str:
    return str(render_version(version, variables).messages[0]["content"])


def test_it_makes_version_one_when_a_prompt_is_new(alice: User) -> None:
    version = create_prompt(alice.context(), name="hello", content=chat("Hi {{ name }}"), note="N")

    assert (version.number, version.author, version.note) == (1, "user:alice", "N")
    assert version.inputs == {"type": "object", "properties": {"name": {}}, "required": ["name"]}
    assert version.content.content_hash == version.content_hash


def test_it_makes_no_version_when_nothing_changed(alice: User, outreach: PromptVersion) -> None:
    again = save_version(alice.context(), "outreach", content=outreach.content)

    assert again == outreach


def test_it_makes_a_version_when_only_a_fragment_moved(
    alice: User, charlie: User, outreach: PromptVersion
) -> None:
    save_version(charlie.context(), "responsible-ai", content=fragment("Be kind."))

    again = save_version(alice.context(), "outreach", content=outreach.content)

    assert again.number == 2
    assert again.inclusions.get().fragment.number == 2


@pytest.mark.parametrize("name", ["", "A", "new", "a b", "-a", "a" * 65, "a/b", "a@1"])
def test_it_refuses_a_name_that_cannot_be_called(alice: User, name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        create_prompt(alice.context(), name=name, content=chat("Hi"))

    assert caught.value.code == "prompt.name-invalid"


def test_it_refuses_a_name_that_is_taken(alice: User, outreach: PromptVersion) -> None:
    with pytest.raises(Conflict) as caught:
        create_prompt(alice.context(), name="outreach", content=chat("Hi"))

    assert caught.value.code == "prompt.name-taken"


def test_it_refuses_a_save_when_somebody_saved_meanwhile(
    alice: User, bob: User, outreach: PromptVersion
) -> None:
    save_version(bob.context(), "outreach", content=chat("Bob"), based_on=1)

    with pytest.raises(Conflict) as caught:
        save_version(alice.context(), "outreach", content=chat("Alice"), based_on=1)

    assert caught.value.code == "prompt.edited-meanwhile"
    assert caught.value.extra["latest"] == 2
    assert outreach.prompt.versions.count() == 2


def test_it_keeps_the_kind_of_a_prompt(alice: User, outreach: PromptVersion) -> None:
    with pytest.raises(InvalidInput) as caught:
        save_version(alice.context(), "outreach", content=fragment("Hi"))

    assert caught.value.code == "prompt.kind"


@pytest.mark.parametrize(
    "inputs",
    [
        {"type": "array"},
        {"type": "object", "properties": {"a": {"type": "no-type"}}},
        {"type": "object", "properties": {"a": {"$ref": "https://example.org/schema"}}},
        {"type": "object", "properties": {"a": {"pattern": "(a+)+$(?=b)"}}},
        {"type": "object", "description": "x" * 70_000},
    ],
)
def test_it_refuses_inputs_that_are_no_usable_schema(
    alice: User, inputs: dict[str, object]
) -> None:
    with pytest.raises(InvalidInput) as caught:
        create_prompt(alice.context(), name="hello", content=chat("Hi", inputs=inputs))

    assert caught.value.code == "prompt.schema"
    assert caught.value.extra["field"] == "inputs"


@pytest.mark.parametrize("kind", ["chat", "text", "fragment"])
def test_it_stores_no_secret_that_stands_in_a_template(alice: User, kind: str) -> None:
    role = "user" if kind == "chat" else "text"
    said = {"role": role, "template": "Use it:\n  sk-" + "Ab1" * 16}

    with pytest.raises(InvalidInput) as caught:
        create_prompt(
            alice.context(), name="leaky", content=content_of({"kind": kind, "messages": [said]})
        )

    assert caught.value.code == "prompt.secret"
    place = caught.value.extra
    assert (place["message"], place["line"], place["column"]) == (0, 2, 3)
    assert "sk-" not in caught.value.detail
    assert not Prompt.objects.filter(name="leaky").exists()


def test_it_stores_no_secret_in_a_later_version(alice: User, outreach: PromptVersion) -> None:
    with pytest.raises(InvalidInput) as caught:
        save_version(alice.context(), "outreach", content=chat("Use sk-" + "Ab1" * 16))

    assert caught.value.code == "prompt.secret"
    assert outreach.prompt.versions.count() == 1


@pytest.mark.parametrize("name", sorted(RESERVED_SETTINGS))
def test_it_takes_no_setting_that_would_override_the_call_itself(alice: User, name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        create_prompt(alice.context(), name="sly", content=chat("Hi", settings={name: []}))

    assert caught.value.code == "prompt.settings"
    assert name in caught.value.detail
    assert not Prompt.objects.filter(name="sly").exists()


def test_it_still_reads_a_version_that_was_saved_with_such_a_setting(
    outreach: PromptVersion,
) -> None:
    old = PromptVersion.objects.create(
        prompt=outreach.prompt, number=2, messages=outreach.messages, settings={"n": 2},
        inputs=outreach.inputs, content_hash="0" * 64, author="user:alice",
    )  # fmt: skip

    assert old.content.settings == {"n": 2}


def test_it_holds_variables_to_the_schema_when_it_renders(alice: User) -> None:
    inputs = {
        "type": "object",
        "properties": {"person": {"type": "object", "properties": {"age": {"type": "integer"}}}},
        "required": ["person"],
    }
    version = create_prompt(
        alice.context(), name="hello", content=chat("{{ person.age }}", inputs=inputs)
    )

    with pytest.raises(InvalidInput) as missing:
        said(version)
    with pytest.raises(InvalidInput) as wrong:
        said(version, person={"age": "old"})

    assert said(version, person={"age": 42}) == "42"
    assert missing.value.extra["errors"] == [{"path": "/person", "message": "is required"}]
    assert wrong.value.extra["errors"] == [
        {"path": "/person/age", "message": "is not of type integer"}
    ]


@pytest.mark.parametrize(
    ("names", "end"),
    [
        (3, "/n2 is required."),
        (4, "/n2 is required; and 1 more."),
        (30, "/n2 is required; and at least 17 more."),
    ],
)
def test_it_counts_the_variables_that_are_missing_beyond_the_first_three(
    alice: User, names: int, end: str
) -> None:
    reads = " ".join(f"{{{{ n{number} }}}}" for number in range(names))
    inputs = {"type": "object", "required": [f"n{number}" for number in range(names)]}
    version = create_prompt(alice.context(), name="hello", content=chat(reads, inputs=inputs))

    with pytest.raises(InvalidInput) as refused:
        said(version)

    assert refused.value.detail.endswith(end)


def test_it_refuses_a_prompt_that_is_too_large(alice: User) -> None:
    messages = [{"role": "user", "template": "x" * 60_000} for _ in range(20)]

    with pytest.raises(InvalidInput) as caught:
        create_prompt(alice.context(), name="hello", content=content_of({"messages": messages}))

    assert (caught.value.code, caught.value.status) == ("prompt.too-large", 413)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE prompts_promptversion SET messages = '[]'",
        "UPDATE prompts_promptversion SET number = 7, archived_at = now()",
        "UPDATE prompts_inclusion SET name = 'other'",
        "DELETE FROM prompts_inclusion; SET CONSTRAINTS ALL IMMEDIATE",
    ],
)
def test_it_keeps_versions_in_the_database_itself(outreach: PromptVersion, statement: str) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_it_passes_over_an_archived_version_that_nobody_names(
    alice: User, outreach: PromptVersion
) -> None:
    save_version(alice.context(), "outreach", content=chat("Second"))
    archive_version(alice.context(), "outreach", version=2)

    assert find(alice.context(), name="outreach").number == 1
    assert find(alice.context(), name="outreach", version=2).number == 2


def test_it_takes_no_version_when_the_prompt_is_archived(
    alice: User, outreach: PromptVersion
) -> None:
    archive_prompt(alice.context(), "outreach")

    with pytest.raises(Conflict) as caught:
        save_version(alice.context(), "outreach", content=chat("Second"))

    assert caught.value.code == "prompt.archived"
    assert find(alice.context(), name="outreach") == outreach
    archive_prompt(alice.context(), "outreach", archived=False)
    assert save_version(alice.context(), "outreach", content=chat("Second")).number == 2


def test_it_names_the_dependents_when_a_used_fragment_is_deleted(
    alice: User, ada: User, hiring: object
) -> None:
    create_prompt(alice.context(), name="tone", content=fragment("Be warm."))
    create_prompt(alice.context(), name="letter", content=chat('{% include "hiring/tone" %}'))

    with pytest.raises(Conflict) as caught:
        delete_prompt(ada.context(), "tone")
    delete_prompt(ada.context(), "letter")
    delete_prompt(ada.context(), "tone")

    assert caught.value.extra["dependents"] == ["hiring/letter"]
    with pytest.raises(NotFound):
        find(alice.context(), name="tone")


def test_it_names_nobody_of_another_team_when_a_shared_fragment_is_deleted(
    charlie: User, outreach: PromptVersion
) -> None:
    with pytest.raises(Conflict) as caught:
        delete_prompt(charlie.context(), "responsible-ai")

    assert caught.value.extra["dependents"] == []
    assert "outreach" not in caught.value.detail


def test_it_lets_only_fragments_be_shared(alice: User, outreach: PromptVersion) -> None:
    with pytest.raises(InvalidInput) as caught:
        describe(alice.context(), "outreach", shared=True)

    assert caught.value.code == "prompt.about"


def test_it_shares_nothing_that_includes_what_is_not_shared(alice: User) -> None:
    create_prompt(alice.context(), name="secret", content=fragment("Our margin is 40 %."))
    create_prompt(alice.context(), name="open", content=fragment('{% include "hiring/secret" %}'))

    with pytest.raises(InvalidInput) as later:
        describe(alice.context(), "open", shared=True)
    with pytest.raises(InvalidInput) as at_once:
        create_prompt(
            alice.context(),
            name="other",
            content=fragment('{% include "hiring/secret" %}'),
            about=About(shared=True),
        )

    assert later.value.code == at_once.value.code == "prompt.fragment-not-shared"


def test_it_shows_a_shared_fragment_to_others_and_lets_them_change_nothing(
    alice: User, guardrail: PromptVersion
) -> None:
    assert find(alice.context(), name="trust/responsible-ai") == guardrail

    with pytest.raises(PolicyDenied):
        save_version(alice.context(), "trust/responsible-ai", content=fragment("Anything goes."))


def test_it_hides_prompts_from_other_teams(charlie: User, outreach: PromptVersion) -> None:
    with pytest.raises(NotFound):
        find(charlie.context(), name="hiring/outreach")


def test_it_lets_viewers_change_nothing(vera: User, outreach: PromptVersion) -> None:
    with pytest.raises(PolicyDenied):
        save_version(vera.context(), "outreach", content=chat("Mine"))
    with pytest.raises(PolicyDenied):
        archive_prompt(vera.context(), "outreach")
    with pytest.raises(PolicyDenied):
        create_prompt(vera.context(), name="mine", content=chat("Mine"))

    assert find(vera.context(), name="outreach") == outreach


def test_it_keeps_a_draft_for_each_person(alice: User, bob: User, outreach: PromptVersion) -> None:
    save_draft(alice.context(), "outreach", content={"messages": "half"}, based_on=1)
    save_draft(alice.context(), "outreach", content={"messages": "whole"}, based_on=1)

    draft = draft_of(alice.context(), "outreach")

    assert (draft.content, draft.based_on) == ({"messages": "whole"}, 1)
    with pytest.raises(NotFound):
        draft_of(bob.context(), "outreach")
    discard_draft(alice.context(), "outreach")
    with pytest.raises(NotFound):
        draft_of(alice.context(), "outreach")


def test_it_tells_of_a_change_once_it_is_committed(
    alice: User, outreach: PromptVersion, django_capture_on_commit_callbacks: object
) -> None:
    heard: list[PromptChanged] = []
    on_change(heard.append)

    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        save_version(alice.context(), "outreach", content=chat("Second"))
        assert heard == []

    assert heard == [PromptChanged(outreach.prompt.urn, "hiring/outreach", "saved")]
