"""Prompts go from the store into files and back, and what differs is told."""

import io
import itertools
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from playground.core.errors import InvalidInput, PolicyDenied
from playground.policy.models import AuditRow, Role, User
from playground.policy.people import ensure_member
from playground.prompts import syncing
from playground.prompts.archiving import archive_version
from playground.prompts.content import Content, content_of
from playground.prompts.files.basing import Base, rebased
from playground.prompts.labelling import move_label
from playground.prompts.models import Label, Prompt, PromptVersion
from playground.prompts.protecting import require_fragment
from playground.prompts.saving import create_prompt, save_version

pytestmark = pytest.mark.django_db


def chat(template: str, **others: Any) -> Content:
    return content_of({"messages": [{"role": "user", "template": template}], **others})


def fragment(template: str) -> Content:
    return content_of({"kind": "fragment", "messages": [{"role": "text", "template": template}]})


def write(folder: Path, name: str, text: str) -> None:
    path = folder / "hiring" / f"{name}.prompt"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def edit(folder: Path, name: str, before: str, after: str) -> None:
    path = folder / "hiring" / f"{name}.prompt"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def told(findings: list[syncing.Finding]) -> list[tuple[str, str, int, int]]:
    return [(each.file, each.code, each.line, each.column) for each in findings]


@pytest.fixture
def stored(alice: User) -> User:
    context = alice.context()
    create_prompt(context, name="rules", content=fragment("Be fair to {{ group }}."))
    create_prompt(
        context, name="outreach", content=chat('{% include "rules" %}\nHi {{ name }}\r\n')
    )
    return alice


def test_it_finds_no_difference_when_it_has_just_pulled(stored: User, tmp_path: Path) -> None:
    pulled = syncing.pull(stored.context(), tmp_path)

    assert [(each.file, each.written) for each in pulled] == [
        ("hiring/outreach.prompt", True),
        ("hiring/rules.prompt", True),
    ]
    assert syncing.check(stored.context(), tmp_path) == []
    assert [each.written for each in syncing.pull(stored.context(), tmp_path)] == [False, False]


def test_it_makes_versions_of_changed_files_only(stored: User, tmp_path: Path) -> None:
    syncing.pull(stored.context(), tmp_path)
    edit(tmp_path, "outreach", "Hi {{ name }}", "Hello {{ name }}")

    saved, findings = syncing.push(stored.context(), tmp_path, note="Say hello")

    assert findings == []
    assert [(each.wanted.name, each.outcome.value) for each in saved] == [
        ("rules", "unchanged"),
        ("outreach", "saved"),
    ]
    newest = PromptVersion.objects.get(prompt__name="outreach", number=2)
    assert (newest.author, newest.note) == (stored.urn, "Say hello")
    assert newest.messages[0]["template"].endswith("Hello {{ name }}\r\n")
    assert Prompt.objects.get(name="rules").versions.count() == 1


def test_it_saves_fragments_before_what_includes_them(alice: User, tmp_path: Path) -> None:
    write(tmp_path, "a", '=== user\n{% include "hiring/b" %}\n')
    write(tmp_path, "b", '---\nkind: fragment\n---\n{% include "c" %}\n')
    write(tmp_path, "c", "---\nkind: fragment\n---\nHi {{ name }}\n")

    saved, findings = syncing.push(alice.context(), tmp_path)

    assert findings == []
    assert [each.wanted.name for each in saved] == ["c", "b", "a"]
    version = PromptVersion.objects.get(prompt__name="a")
    assert version.inputs["required"] == ["name"]
    assert syncing.check(alice.context(), tmp_path) == []


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_it_tells_of_no_move_of_a_label_that_was_taken_back(alice: User, tmp_path: Path) -> None:
    admin = ensure_member("olga", team="hiring", role=Role.ADMIN).user
    create_prompt(alice.context(), name="rules", content=fragment("Be fair."))
    require_fragment(admin.context(), label="staging", fragment="hiring/rules")
    for name in ("a", "b"):
        write(tmp_path, name, '=== user\n{% include "rules" %}\nHi {{ name }}\n')
    write(tmp_path, "c", "=== user\nHi {{ name }}\n")

    with pytest.raises(InvalidInput, match="include"):
        syncing.push(alice.context(), tmp_path, label="staging")

    assert _moves_told() == []
    edit(tmp_path, "c", "Hi", '{% include "rules" %}\nHi')
    syncing.push(alice.context(), tmp_path, label="staging")
    assert _moves_told() == [1, 1, 1]


def _moves_told() -> list[int]:
    rows = [row.entry for row in AuditRow.objects.filter(team="hiring").order_by("seq")]
    return [row["details"]["after"] for row in rows if row["action"] == "move_label"]


def test_it_saves_nothing_when_one_file_is_wrong(stored: User, tmp_path: Path) -> None:
    syncing.pull(stored.context(), tmp_path)
    edit(tmp_path, "rules", "Be fair", "Be kind")
    edit(tmp_path, "outreach", "Hi {{ name }}", "Hi {{ name }")

    _, findings = syncing.push(stored.context(), tmp_path)

    assert [(each.file, each.code) for each in findings] == [
        ("hiring/outreach.prompt", "prompt.syntax")
    ]
    assert PromptVersion.objects.count() == 2


def test_it_saves_nothing_when_a_file_reads_what_its_inputs_do_not_name(
    stored: User, tmp_path: Path
) -> None:
    syncing.pull(stored.context(), tmp_path)
    edit(tmp_path, "rules", "Be fair", "Be kind")
    edit(tmp_path, "outreach", "Hi {{ name }}", "Hi {{ name }} {{ stranger }}")

    saved, findings = syncing.push(stored.context(), tmp_path, label="staging", force="It is")

    checked = syncing.check(stored.context(), tmp_path)
    assert saved == []
    assert [(each.file, each.code) for each in findings] == [
        ("hiring/outreach.prompt", "variable-undeclared")
    ]
    assert findings == [each for each in checked if each.code != "differs"]
    assert PromptVersion.objects.count() == 2
    assert not Label.objects.exists()


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("=== user\nHi\n\n=== robot\n", "prompt.file-invalid", 4, 5),
        ("---\nkind: chat\n---\n\n=== user\nHi\n  {% if %}\n", "prompt.syntax", 7, 9),
        ('=== system\nHi\n\n=== user\n{% include "no/such" %}\n',
         "prompt.fragment-not-found", 5, 13),
        ("---\ninputs:\n  type: object\n---\n=== user\nA\n{{ b }} {{ c }}\n",
         "variable-undeclared", 7, 4),
        ("---\ninputs:\n  type: nonsense\n---\n=== user\nA\n", "prompt.schema", 2, 1),
    ],
)  # fmt: skip
def test_it_says_where_a_file_is_wrong(
    alice: User, tmp_path: Path, text: str, code: str, line: int, column: int
) -> None:
    write(tmp_path, "a", text)

    found = told(syncing.check(alice.context(), tmp_path))

    assert ("hiring/a.prompt", code, line, column) in found
    assert not Prompt.objects.exists()


def test_it_finds_an_undeclared_variable_when_a_fragment_reads_it(
    stored: User, tmp_path: Path
) -> None:
    syncing.pull(stored.context(), tmp_path)
    edit(tmp_path, "rules", "Be fair to {{ group }}.", "Be fair to {{ everyone }}.")

    found = syncing.check(stored.context(), tmp_path)

    assert [(each.file, each.code) for each in found if each.code == "variable-undeclared"] == [
        ("hiring/outreach.prompt", "variable-undeclared"),
        ("hiring/rules.prompt", "variable-undeclared"),
    ]
    assert PromptVersion.objects.count() == 2


def test_it_finds_what_differs_in_both_directions(stored: User, tmp_path: Path) -> None:
    context = stored.context()
    syncing.pull(context, tmp_path)
    edit(tmp_path, "outreach", "Hi {{ name }}", "Hello {{ name }}")
    (tmp_path / "hiring/rules.prompt").unlink()
    write(tmp_path, "new-one", "=== user\nHi\n")

    found = told(syncing.check(context, tmp_path))

    assert found == [
        ("hiring/new-one.prompt", "prompt-missing", 1, 1),
        ("hiring/outreach.prompt", "differs", 1, 1),
        ("hiring/rules.prompt", "file-missing", 1, 1),
    ]
    assert Prompt.objects.count() == 2


def test_it_finds_a_difference_when_the_store_went_on(stored: User, tmp_path: Path) -> None:
    context = stored.context()
    syncing.pull(context, tmp_path)
    save_version(context, "outreach", content=chat("Hey {{ name }}"))

    assert told(syncing.check(context, tmp_path)) == [("hiring/outreach.prompt", "differs", 1, 1)]


def test_it_compares_with_a_label_when_one_is_named(stored: User, tmp_path: Path) -> None:
    context = stored.context()
    move_label(context, "outreach", label="staging", version=1)
    save_version(context, "outreach", content=chat("Hey {{ name }}"))

    syncing.pull(context, tmp_path, label="staging")

    assert "Hi {{ name }}" in (tmp_path / "hiring/outreach.prompt").read_text()
    assert syncing.check(context, tmp_path, label="staging") == []
    write(tmp_path, "rules", "---\nkind: fragment\n---\nBe fair to {{ group }}.\n")
    assert told(syncing.check(context, tmp_path, label="staging")) == [
        ("hiring/rules.prompt", "label-missing", 1, 1)
    ]


def test_it_moves_a_label_to_the_versions_of_the_files(stored: User, tmp_path: Path) -> None:
    context = stored.context()
    syncing.pull(context, tmp_path)
    edit(tmp_path, "outreach", "Hi {{ name }}", "Hello {{ name }}")

    syncing.push(context, tmp_path, label="staging")

    labels = Label.objects.filter(name="staging").values_list("prompt__name", "version__number")
    assert sorted(labels) == [("outreach", 2), ("rules", 1)]
    assert syncing.check(context, tmp_path, label="staging") == []


def test_it_saves_nothing_when_the_label_takes_a_reviewer(stored: User, tmp_path: Path) -> None:
    syncing.pull(stored.context(), tmp_path)
    edit(tmp_path, "outreach", "Hi {{ name }}", "Hello {{ name }}")

    with pytest.raises(PolicyDenied):
        syncing.push(stored.context(), tmp_path, label="production")

    assert PromptVersion.objects.count() == 2


def test_it_denies_a_push_when_somebody_may_only_look(
    stored: User, vera: User, tmp_path: Path
) -> None:
    syncing.pull(vera.context(), tmp_path)
    edit(tmp_path, "outreach", "Hi {{ name }}", "Hello {{ name }}")

    with pytest.raises(PolicyDenied):
        syncing.push(vera.context(), tmp_path)

    assert PromptVersion.objects.count() == 2


# what was saved since


def read(folder: Path, name: str) -> str:
    return (folder / "hiring" / f"{name}.prompt").read_text()


def test_it_refuses_a_file_when_the_store_went_on_since_it_was_pulled(
    stored: User, bob: User, tmp_path: Path
) -> None:
    context = stored.context()
    syncing.pull(context, tmp_path)
    save_version(bob.context(), "outreach", content=chat("Hey {{ name }}"))
    edit(tmp_path, "outreach", "Hi {{ name }}", "Hello {{ name }}")
    edit(tmp_path, "rules", "Be fair", "Be kind")

    _, (found,) = syncing.push(context, tmp_path)

    assert (found.file, found.code, found.line) == (
        "hiring/outreach.prompt", "prompt.edited-meanwhile", 2,
    )  # fmt: skip
    assert "version 2 of Bob is newer than version 1, which" in found.detail
    assert "+Hey {{ name }}" in found.diff
    assert "Hello" not in found.diff
    assert PromptVersion.objects.count() == 3


def test_it_names_no_number_of_another_playground_when_a_file_was_pulled_there(
    stored: User, bob: User, tmp_path: Path
) -> None:
    context = stored.context()
    syncing.pull(context, tmp_path)
    elsewhere = tmp_path / "hiring" / "outreach.prompt"
    elsewhere.write_text(rebased(elsewhere.read_text(), Base.of(7, "f" * 64)))
    save_version(bob.context(), "outreach", content=chat("Hey {{ name }}"))
    edit(tmp_path, "outreach", "Hi {{ name }}", "Hello {{ name }}")

    _, (pushed,) = syncing.push(context, tmp_path)
    (checked,) = syncing.check(context, tmp_path)

    assert pushed.detail == (
        "this was made from a version that the prompt never had here; it is at version 2 of Bob"
    )
    assert checked.detail.endswith("and was made from a version that the prompt never had here")


def test_it_says_that_a_version_is_archived_when_a_file_was_made_from_it(
    stored: User, bob: User, tmp_path: Path
) -> None:
    context = stored.context()
    save_version(bob.context(), "outreach", content=chat("Hey {{ name }}"))
    syncing.pull(context, tmp_path)
    archive_version(context, "hiring/outreach", version=2, archived=True)
    edit(tmp_path, "outreach", "Hey {{ name }}", "Hello {{ name }}")

    _, (found,) = syncing.push(context, tmp_path)

    assert found.detail == (
        "version 2, which this was made from, is archived; the prompt is at version 1 of Alice"
    )


def test_it_saves_again_and_again_when_nobody_else_does(stored: User, tmp_path: Path) -> None:
    context = stored.context()
    syncing.pull(context, tmp_path)
    texts = ["Hi {{ name }}", "Hello {{ name }}", "Hey {{ name }}", "Yo {{ name }}"]

    for before, after in itertools.pairwise(texts):
        edit(tmp_path, "outreach", before, after)
        saved, findings = syncing.push(context, tmp_path)
        assert syncing.rebase(tmp_path, saved) == []
        assert findings == []

    version = PromptVersion.objects.get(prompt__name="outreach", number=4)
    assert f"based_on: 4@{version.content_hash[:12]}\n" in read(tmp_path, "outreach")


def test_it_takes_a_file_that_says_what_the_newest_version_says_already(
    stored: User, tmp_path: Path
) -> None:
    context = stored.context()
    syncing.pull(context, tmp_path)
    edit(tmp_path, "rules", "Be fair", "Be kind")
    save_version(context, "rules", content=fragment("Be kind to {{ group }}."))

    saved, findings = syncing.push(context, tmp_path)

    assert (findings, {each.outcome.value for each in saved}) == ([], {"unchanged"})


def test_it_goes_over_what_was_saved_since_when_it_is_told_why(
    stored: User, bob: User, tmp_path: Path
) -> None:
    context = stored.context()
    syncing.pull(context, tmp_path)
    save_version(bob.context(), "outreach", content=chat("Hey {{ name }}"))
    edit(tmp_path, "outreach", "Hi {{ name }}", "Hello {{ name }}")

    _, findings = syncing.push(context, tmp_path, force="Bob's change was a mistake")

    assert findings == []
    newest = PromptVersion.objects.get(prompt__name="outreach", number=3)
    assert (newest.author, newest.note) == (stored.urn, "Bob's change was a mistake")


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_it_audits_what_a_forced_push_went_over(alice: User, tmp_path: Path) -> None:
    context = alice.context()
    for name in ("a", "b"):
        create_prompt(context, name=name, content=chat("Hi"))
    syncing.pull(context, tmp_path)
    save_version(context, "a", content=chat("Hey"))
    for name in ("a", "b"):
        edit(tmp_path, name, "Hi", "Hello")

    syncing.push(context, tmp_path, force="main is right")

    rows = [row.entry for row in AuditRow.objects.filter(team="hiring").order_by("seq")]
    (forced,) = [row for row in rows if row["action"] == "push_over"]
    assert forced["resource"].startswith("prompt:")
    assert forced["details"] == {
        "reason": "main is right", "made_from": 1, "over": 2, "version": 3,
    }  # fmt: skip


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_it_lets_one_win_and_tells_the_other_when_two_push_at_once(
    alice: User, bob: User, tmp_path: Path
) -> None:
    names = ["a", "b", "c"]
    for name in names:
        create_prompt(alice.context(), name=name, content=chat("Hi"))
    folders = {person: tmp_path / person.username for person in (alice, bob)}
    for person, folder in folders.items():
        folder.mkdir()
        syncing.pull(person.context(), folder)
        for name in names:
            edit(folder, name, "Hi", f"Hi from {person.username}")
    begin = threading.Barrier(2)

    def push(person: User) -> list[str]:
        try:
            begin.wait(10)
            _, findings = syncing.push(person.context(), folders[person])
            return [each.code for each in findings]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        told = sorted(pool.map(push, folders))

    assert told == [[], ["prompt.edited-meanwhile"] * 3]
    newest = [prompt.versions.get(number=2) for prompt in Prompt.objects.all()]
    assert len({version.messages[0]["template"] for version in newest}) == 1
    assert PromptVersion.objects.count() == 6


def test_it_finds_a_secret_and_says_where_and_not_what(stored: User, tmp_path: Path) -> None:
    key = "sk-" + "Ab1" * 16
    write(tmp_path, "a", f"---\nkind: chat\nsettings:\n  user: {key}\n---\n=== user\nHi\n")

    (checked,) = [
        each for each in syncing.check(stored.context(), tmp_path) if "secret" in each.code
    ]
    _, (pushed,) = syncing.push(stored.context(), tmp_path)

    assert (checked.code, checked.file, checked.line) == ("prompt.secret", "hiring/a.prompt", 3)
    assert pushed == checked
    assert key not in str(checked.as_json())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("=== user\nHi\n", "---\nbased_on: 2@aaaaaaaaaaaa\n---\n=== user\nHi\n"),
        (
            "---\r\nkind: chat # as ever\r\n---\r\n=== user\r\nHi\r\n",
            "---\r\nbased_on: 2@aaaaaaaaaaaa\r\nkind: chat # as ever\r\n---\r\n=== user\r\nHi\r\n",
        ),
        (
            "---\nkind: chat\nbased_on: 1@bbbbbbbbbbbb\n---\n\n=== user\nbased_on: 3\n",
            "---\nkind: chat\nbased_on: 2@aaaaaaaaaaaa\n---\n\n=== user\nbased_on: 3\n",
        ),
    ],
)
def test_it_changes_nothing_of_a_file_but_what_it_is_based_on(before: str, after: str) -> None:
    assert rebased(before, Base(2, "a" * 12)) == after


def run(*words: str) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("prompts", *words, stdout=out)
    except SystemExit as error:
        return int(error.code or 0), out.getvalue()
    return 0, out.getvalue()


def test_it_exits_with_one_and_a_line_for_each_finding(stored: User, tmp_path: Path) -> None:
    run("pull", str(tmp_path), "--team", "hiring", "--user", "alice")
    edit(tmp_path, "outreach", "Hi {{ name }}", "Hi {% name %}")

    code, lines = run("check", str(tmp_path), "--user", "alice")
    json_code, printed = run("check", str(tmp_path), "--user", "alice", "--json")

    assert (code, json_code) == (1, 1)
    assert lines.startswith("hiring/outreach.prompt:")
    assert [each["code"] for each in json.loads(printed)] == ["prompt.syntax"]


def test_it_tells_which_versions_it_saved(stored: User, tmp_path: Path) -> None:
    run("pull", str(tmp_path), "--team", "hiring", "--user", "alice")
    edit(tmp_path, "outreach", "Hi {{ name }}", "Hello {{ name }}")

    code, lines = run("push", str(tmp_path), "--user", "alice", "--message", "Say hello")

    assert (code, lines) == (0, "saved hiring/outreach (version 2)\n")
    assert run("check", str(tmp_path), "--user", "alice") == (0, "")
    assert "based_on: 2@" in read(tmp_path, "outreach")


def test_it_shows_what_changed_and_annotates_when_a_push_is_refused(
    stored: User, tmp_path: Path
) -> None:
    run("pull", str(tmp_path), "--team", "hiring", "--user", "alice")
    save_version(stored.context(), "outreach", content=chat("Hey {{ name }}"))
    edit(tmp_path, "outreach", "Hi {{ name }}", "Hello {{ name }}")

    code, lines = run("push", str(tmp_path), "--user", "alice")
    github_code, annotations = run("push", str(tmp_path), "--user", "alice", "--github")
    forced, _ = run("push", str(tmp_path), "--user", "alice", "--force", "It was a mistake")

    assert (code, github_code, forced) == (1, 1, 0)
    assert "    +Hey {{ name }}\n" in lines
    assert annotations.startswith(
        "::error file=hiring/outreach.prompt,line=2,col=1,title=prompt.edited-meanwhile::version 2"
    )
    assert annotations.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["check", "nowhere"], "there is no folder"),
        (["check", "."], "holds no team/name.prompt"),
        (["pull", ".", "--user", "nobody"], "there is no user nobody"),
        (["pull", ".", "--team", "trust"], "is in no team trust"),
        (["import", "--from", "openai", "--team", "hiring", "nowhere.json"], "nowhere.json"),
    ],
)
def test_it_says_what_a_command_lacks(
    alice: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], part: str
) -> None:
    monkeypatch.chdir(tmp_path)
    by_alice = [] if "--user" in words else ["--user", "alice"]

    with pytest.raises(CommandError, match=part) as caught:
        call_command("prompts", *words, *by_alice)

    assert caught.value.returncode == 2
