"""The page that takes prompts of other products in shows what changes before it saves."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError, connection
from django.test import Client

from playground.policy.models import User
from playground.policy.people import ensure_member
from playground.prompts.adopting import Adopted, adopt_agreed
from playground.prompts.importing.reading import Source, read_document
from playground.prompts.models import Prompt, PromptVersion

pytestmark = pytest.mark.django_db(databases="__all__")

SignIn = Callable[[User], Client]
DOCUMENT = [
    {"name": "rules", "type": "text", "version": 1, "prompt": "Be fair to {{group}}."},
    {
        "name": "First Contact",
        "type": "chat",
        "version": 1,
        "labels": ["production"],
        "prompt": [
            {"role": "system", "content": "@@@langfusePrompt:name=rules|version=1@@@ Hi {{who}}."}
        ],
    },
]
KEY = "sk-" + "Ab1" * 16


def form(document: Any, do: str = "look", **more: Any) -> dict[str, Any]:
    text = document if isinstance(document, str) else json.dumps(document)
    return {"source": "langfuse", "document": text, "do": do, **more}


def save(client: Client, document: Any, **more: Any) -> Any:
    """Look at a document and save what is shown."""
    shown = digest(client.post("/prompts/import", form(document, **more)).content.decode())
    return client.post("/prompts/import", form(document, "save", shown=shown, **more), follow=True)


def digest(page: str) -> str:
    """Return by what the page knows again what it shows; empty where it shows nothing."""
    found = re.search(r'name="shown" value="([0-9a-f]{64})"', page)
    return found[1] if found else ""


def test_it_says_what_to_do_when_nothing_is_pasted_yet(client_for: SignIn, alice: User) -> None:
    page = client_for(alice).get("/prompts/import").content.decode()

    assert "Nothing is saved before you have seen it" in page
    assert all(name in page for name in ("Langfuse", "LangSmith", "MLflow", "OpenAI"))


def test_it_shows_what_changes_and_saves_nothing_yet(client_for: SignIn, alice: User) -> None:
    page = client_for(alice).post("/prompts/import", form(DOCUMENT)).content.decode()

    assert "Save 2 versions" in page
    assert "first-contact" in page
    assert "production: set them where they are wanted" in page
    assert not Prompt.objects.exists()


def test_it_saves_what_was_looked_at(client_for: SignIn, alice: User) -> None:
    answer = save(client_for(alice), DOCUMENT)

    assert "2 prompt versions saved." in answer.content.decode()
    assert sorted(Prompt.objects.values_list("name", "kind")) == [
        ("first-contact", "chat"),
        ("rules", "fragment"),
    ]


def test_it_takes_a_file_and_calls_the_prompt_after_it(client_for: SignIn, alice: User) -> None:
    request = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Sort {{things}}."}]}
    client, text = client_for(alice), json.dumps(request)
    file = SimpleUploadedFile("Sort it.json", text.encode())
    page = client.post("/prompts/import", form("", source="openai", file=file)).content.decode()

    # What the file held stands in the page now.
    more = {"source": "openai", "name": "Sort it", "shown": digest(page)}
    client.post("/prompts/import", form(text, "save", **more))

    assert Prompt.objects.get().name == "sort-it"


def test_it_says_that_there_is_nothing_new_when_it_was_imported_before(
    client_for: SignIn, alice: User
) -> None:
    client = client_for(alice)
    save(client, DOCUMENT)

    page = client.post("/prompts/import", form(DOCUMENT, "save")).content.decode()

    assert "There is nothing new in it" in page
    assert PromptVersion.objects.count() == 2


def test_it_saves_nothing_and_says_why_when_a_part_is_refused(
    client_for: SignIn, alice: User
) -> None:
    document = [*DOCUMENT, {"name": "leaky", "type": "text", "prompt": f"Use {KEY}"}]

    answer = client_for(alice).post("/prompts/import", form(document, "save"))

    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Nothing can be saved yet" in page
    assert "prompt.secret" in page
    assert not Prompt.objects.exists()


@pytest.mark.parametrize("looked", [True, False])
def test_it_shows_again_and_saves_nothing_when_the_form_is_not_what_was_shown(
    client_for: SignIn, alice: User, looked: bool
) -> None:
    client = client_for(alice)
    before = client.post("/prompts/import", form(DOCUMENT)).content.decode() if looked else ""
    typed = [{"name": "rules", "type": "text", "version": 1, "prompt": "Be kind to {{group}}."}]

    refused = client.post("/prompts/import", form(typed, "save", shown=digest(before)))

    page = refused.content.decode()
    assert refused.status_code == 409
    assert "This is not what was shown before" in page
    assert "Save 1 version" in page
    assert not Prompt.objects.exists()
    client.post("/prompts/import", form(typed, "save", shown=digest(page)))
    assert PromptVersion.objects.get().messages[0]["template"] == "Be kind to {{ group }}."


def test_it_shows_again_when_another_team_would_get_what_was_shown(
    client_for: SignIn, alice: User
) -> None:
    ensure_member("alice", team="trust")
    client = client_for(alice)
    client.post("/team/switch", {"team": "hiring"})
    shown = digest(client.post("/prompts/import", form(DOCUMENT[:1])).content.decode())
    client.post("/team/switch", {"team": "trust"})

    refused = client.post("/prompts/import", form(DOCUMENT[:1], "save", shown=shown))

    assert shown
    assert refused.status_code == 409
    assert not Prompt.objects.exists()


def test_it_shows_again_when_somebody_saved_another_version_meanwhile(
    client_for: SignIn, alice: User
) -> None:
    client = client_for(alice)
    newer = [{**DOCUMENT[0], "version": 2, "prompt": "Be kind to {{group}}."}]
    save(client, DOCUMENT[:1])
    shown = digest(client.post("/prompts/import", form(newer)).content.decode())
    save(client, [{**DOCUMENT[0], "version": 2, "prompt": "Be strict with {{group}}."}])

    refused = client.post("/prompts/import", form(newer, "save", shown=shown))

    assert refused.status_code == 409
    assert "version 3" in refused.content.decode()
    assert PromptVersion.objects.count() == 2


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_it_lets_nobody_save_between_the_look_and_the_saving(
    client_for: SignIn, alice: User
) -> None:
    client = client_for(alice)
    save(client, DOCUMENT[:1])
    newer = [{**DOCUMENT[0], "version": 2, "prompt": "Be kind to {{group}}."}]
    report = read_document(Source.LANGFUSE, newer, team="hiring", name="prompt")
    other = connection.copy()

    def agreed(adopted: Adopted) -> bool:
        with pytest.raises(OperationalError, match="lock"), other.cursor() as cursor:
            cursor.execute("SELECT 1 FROM prompts_prompt FOR UPDATE NOWAIT")
        return True

    adopted, saved = adopt_agreed(alice.context(), report, agreed)
    other.close()

    assert (saved, [each.outcome.value for each in adopted.saved]) == (True, ["saved"])
    assert PromptVersion.objects.count() == 2


@pytest.mark.parametrize(
    ("document", "more", "said"),
    [
        ("", {}, "Paste a document, or choose a file."),
        ('{\n  "a": }', {}, "Line 2, column 8: Expecting value."),
        ("[" * 5000, {}, "It nests too deeply"),
        ('{"name": "a", "prompt": NaN}', {}, "It nests too deeply, or holds a number"),
        ('{"name": "a", "prompt": "\\u0000"}', {}, "or character that JSON has not"),
        ('{"name": "a", "prompt": "b", "config": {"x": 1e400}}', {}, "holds a number"),
        ('{"some": "thing"}', {}, "it has no prompt"),
        ("[]", {}, "the document holds no prompt"),
        (DOCUMENT, {"source": "elsewhere"}, "Say where the document comes from."),
    ],
)
def test_it_keeps_what_was_typed_and_says_what_is_wrong(
    client_for: SignIn, alice: User, document: Any, more: dict[str, str], said: str
) -> None:
    answer = client_for(alice).post("/prompts/import", form(document, **more))

    page = answer.content.decode()
    assert 400 <= answer.status_code < 500
    assert said in page
    assert "import-document" in page


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * 1_000_001], ids=["bytes", "large"])
def test_it_refuses_a_file_that_it_cannot_read(
    client_for: SignIn, alice: User, content: bytes
) -> None:
    file = SimpleUploadedFile("a.json", content)

    answer = client_for(alice).post("/prompts/import", form("", file=file))

    assert answer.status_code == 422


def test_it_lets_nobody_import_who_may_only_look(client_for: SignIn, vera: User) -> None:
    client = client_for(vera)

    assert client.get("/prompts/import").status_code == 403
    assert client.post("/prompts/import", form(DOCUMENT, "save")).status_code == 403
    assert b"/prompts/import" not in client.get("/prompts").content


def test_it_shows_an_error_in_its_place_when_only_that_part_is_asked_for(
    client_for: SignIn, alice: User
) -> None:
    answer = client_for(alice).post("/prompts/import", form("{"), headers={"HX-Request": "true"})

    page = answer.content.decode()
    assert answer.status_code == 200
    assert page.strip().startswith('<section id="import-report"')
    assert "It cannot be read." in page
