"""Drafts from the editor beside their version, texts as they render, and what becomes of both."""

from collections.abc import Callable, Iterator

import pytest
from django.db import DatabaseError
from django.test import Client

from playground.console.workbench.changing import make_draft, save_draft
from playground.console.workbench.continuing import continue_cell
from playground.console.workbench.keeping import find_workbench
from playground.console.workbench.models import Workbench
from playground.console.workbench.opening import open_draft, open_prompts
from playground.console.workbench.running import run_columns
from playground.core import provisioning
from playground.core.errors import Conflict
from playground.policy.models import User
from playground.prompts import drafting
from playground.prompts.content import Content, content_of
from playground.prompts.models import Draft, Prompt, PromptVersion
from playground.prompts.saving import create_prompt
from tests.console.workbench.conftest import Bench, Work
from tests.services import Services

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

INPUTS = {
    "type": "object",
    "properties": {"name": {"type": "string", "description": "Whom to write to."}},
    "required": ["name"],
}


def _letter(template: str) -> Content:
    messages = [{"role": "text", "template": template}]
    return content_of({"kind": "text", "messages": messages, "inputs": INPUTS})


@pytest.fixture
def letter(alice: User) -> PromptVersion:
    return create_prompt(alice.context(), name="letter", content=_letter("Dear {{ name }},"))


def _drafted(user: User, template: str) -> None:
    content = _letter(template).as_json()
    drafting.save_draft(user.context(), "hiring/letter", content=content, based_on=1)


def _texts(bench: Workbench, work: Work) -> list[str]:
    return [turn.said[-1]["content"] for cell in work(bench) for turn in cell.turns.all()]


def test_it_shows_what_a_text_renders_to_and_asks_nobody(
    alice: User, letter: PromptVersion, scripted_model: None, work: Work
) -> None:
    bench = open_prompts(alice.context(), ["hiring/letter@1"])
    column = bench.columns.get()
    bench.variables = {"name": "Ana"}
    bench.save()

    run_columns(alice.context(), bench.pk)
    (cell,) = work(bench)

    turn = cell.turns.get()
    assert turn.said == [{"role": "assistant", "content": "Dear Ana,"}]
    assert turn.figures["finish_reason"] == "rendered"
    assert turn.figures["input_tokens"] > 0
    assert column.lane.runs.get().usage in (None, {})
    with pytest.raises(Conflict) as refused:
        continue_cell(alice.context(), bench.pk, cell.pk, content="And then?")
    assert refused.value.code == "workbench.nothing-to-continue"


def test_it_shows_messages_with_their_roles_when_no_model_is_wanted(
    alice: User, bench_of: Bench, work: Work
) -> None:
    messages = [{"role": "system", "template": "Be brief."}, {"role": "user", "template": "Hi."}]
    bench = bench_of({"content": {"kind": "chat", "messages": messages}, "model": "none"})

    run_columns(alice.context(), bench.pk)

    assert _texts(bench, work) == ["system:\nBe brief.\n\nuser:\nHi."]


def test_it_opens_a_draft_beside_the_version_it_began_with(
    alice: User, letter: PromptVersion, scripted_model: None, work: Work
) -> None:
    _drafted(alice, "Hello {{ name }},")

    bench = open_draft(alice.context(), "hiring/letter", values={"name": "Bo"})
    run_columns(alice.context(), bench.pk)

    assert _texts(bench, work) == ["Dear Bo,", "Hello Bo,"]


def test_it_opens_the_draft_from_the_editor(
    alice: User, letter: PromptVersion, client_for: Callable[[User], Client]
) -> None:
    form = {
        "template": "Hello {{ name }},",
        "inputs_mode": "discover",
        "input.name": "Bo",
        "based_on": "1",
        "do": "workbench",
    }

    opened = client_for(alice).post("/prompts/hiring/letter/edit", form)

    bench = Workbench.objects.get()
    first, second = bench.columns.all()
    assert opened.headers["Location"] == f"/workbench/{bench.pk}?against={first.pk}"
    assert bench.variables == {"name": "Bo"}
    assert first.spec["source"] == second.spec["source"] == "hiring/letter@1"
    assert second.spec["content"]["messages"][0]["template"] == "Hello {{ name }},"
    assert Draft.objects.get(author="user:alice").based_on == 1
    assert Prompt.objects.get(name="letter").versions.count() == 1


def test_it_opens_a_draft_over_the_api(
    alice: User, bob: User, letter: PromptVersion, api_for: Callable[[User], Client]
) -> None:
    _drafted(alice, "Hello {{ name }},")
    body = {"prompt": "hiring/letter", "variables": {"name": "Bo"}}

    opened = api_for(alice).post("/api/workbench/from-draft", body, content_type="application/json")
    other = api_for(bob).post("/api/workbench/from-draft", body, content_type="application/json")

    assert opened.status_code == 201
    assert [each["content"] is None for each in opened.json()["columns"]] == [True, False]
    # Bob has no draft: his begins as the newest version.
    assert other.status_code == 201
    assert other.json()["columns"][1]["content"]["messages"][0]["template"] == "Dear {{ name }},"


def test_it_keeps_the_inputs_that_somebody_wrote_and_adds_what_a_draft_reads(
    alice: User, letter: PromptVersion, scripted_model: None
) -> None:
    bench = open_prompts(alice.context(), ["hiring/letter@1"])
    column = make_draft(alice.context(), bench.pk, bench.columns.get().pk)
    column.spec["content"]["messages"][0]["template"] = "Dear {{ name }} of {{ city }},"
    column.save()

    version = save_draft(alice.context(), bench.pk, column.pk, note="Say where from")

    assert version.note == "Say where from"
    assert version.inputs["properties"] == {**INPUTS["properties"], "city": {}}  # type: ignore[dict-item]
    assert version.inputs["required"] == ["city", "name"]


def test_it_throws_the_editors_draft_away_once_a_version_says_the_same(
    alice: User, bob: User, letter: PromptVersion, scripted_model: None
) -> None:
    _drafted(alice, "Hello {{ name }},")
    _drafted(bob, "Hi {{ name }},")
    bench = find_workbench(alice.context(), open_draft(alice.context(), "hiring/letter").pk)

    save_draft(alice.context(), bench.pk, bench.columns.all()[1].pk)

    assert [draft.author for draft in Draft.objects.all()] == ["user:bob"]


def test_it_saves_no_version_when_the_column_cannot_name_it(
    alice: User, letter: PromptVersion, scripted_model: None, refusing_columns: None
) -> None:
    _drafted(alice, "Hello {{ name }},")
    bench = open_draft(alice.context(), "hiring/letter")
    column = bench.columns.all()[1]

    with pytest.raises(DatabaseError):
        save_draft(alice.context(), bench.pk, column.pk)

    column.refresh_from_db()
    assert column.spec["content"] is not None
    assert [each.number for each in letter.prompt.versions.all()] == [1]
    assert Draft.objects.count() == 1


@pytest.fixture
def refusing_columns(embedded_services: Services, transactional_db: None) -> Iterator[None]:
    """Let the database refuse that a column names a second version."""
    silo = next(each for each in embedded_services.silos if each.alias == "default")
    with provisioning.connect_owner(silo, embedded_services.credentials.passwords) as owner:
        refused = "CHECK (spec->>'source' NOT LIKE '%@2')"
        owner.execute(f"ALTER TABLE console_column ADD CONSTRAINT no_second_version {refused}")
        owner.commit()
        yield
        owner.execute("ALTER TABLE console_column DROP CONSTRAINT no_second_version")
        owner.commit()
