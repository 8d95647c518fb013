"""The pages of prompts: what they show, keep, refuse, and hide from other teams."""

from collections.abc import Callable

import pytest
from django.test import Client

from playground.gateway import calibrating
from playground.gateway.models import Endpoint, Quota, ServedModel
from playground.policy.models import Role, User
from playground.prompts.content import content_of
from playground.prompts.drafting import save_draft
from playground.prompts.held.revising import revisions
from playground.prompts.held.telling import Teller
from playground.prompts.labelling import move_label
from playground.prompts.models import Draft, Label, LabelProposal, Prompt, PromptVersion
from playground.prompts.saving import About, create_prompt, save_version

pytestmark = pytest.mark.django_db(databases="__all__")

SignIn = Callable[[User], Client]


def _form(*templates: str, **rest: str) -> dict[str, object]:
    return {
        "role": ["user"] * len(templates),
        "template": list(templates),
        "placeholder": [""] * len(templates),
        "extra": [""] * len(templates),
        "inputs_mode": "discover",
        **rest,
    }


def _content(*templates: str, kind: str = "chat") -> object:
    role = "user" if kind == "chat" else "text"
    messages = [{"role": role, "template": text} for text in templates]
    return content_of({"kind": kind, "messages": messages})


@pytest.fixture
def outreach(alice: User) -> Prompt:
    about = About(title="Outreach")
    content = _content("Write to {{ name }}.\n\nBe brief.")
    return create_prompt(
        alice.context(), name="outreach", content=content, about=about, note="First"
    ).prompt


def _save(person: User, *templates: str, note: str = "") -> PromptVersion:
    return save_version(person.context(), "outreach", content=_content(*templates), note=note)


def _role(person: User, role: Role) -> None:
    person.memberships.update(role=role)


# the list


def test_it_says_what_a_prompt_is_when_there_is_none(client_for: SignIn, alice: User) -> None:
    page = client_for(alice).get("/prompts").content.decode()

    assert "No prompt yet" in page
    assert "/prompts/new" in page


def test_it_lists_prompts_with_labels_and_the_last_change(
    client_for: SignIn, alice: User, outreach: Prompt
) -> None:
    _save(alice, "Write to {{ name }} warmly.", note="Warmer")
    move_label(alice.context(), "outreach", label="staging", version=1)

    page = client_for(alice).get("/prompts").content.decode()

    assert "Outreach" in page
    assert "staging <b>v1</b>" in page
    assert "Warmer" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=outr", True),
        ("q=nothing", False),
        ("kind=chat", True),
        ("kind=fragment", False),
        ("kind=nonsense", True),
        ("label=staging", True),
        ("label=production", False),
        ("archived=1", False),
        ("q=hiring/outreach", True),
    ],
)
def test_it_filters_by_what_the_address_says(
    client_for: SignIn, alice: User, outreach: Prompt, query: str, found: bool
) -> None:
    move_label(alice.context(), "outreach", label="staging", version=1)

    page = client_for(alice).get(f"/prompts?{query}").content.decode()

    assert ("/prompts/hiring/outreach" in page) is found
    assert found or "No prompt matches" in page


def test_it_answers_a_keystroke_with_the_list_alone(
    client_for: SignIn, alice: User, outreach: Prompt
) -> None:
    page = client_for(alice).get("/prompts?q=out", headers={"hx-request": "true"})

    assert page.content.decode().strip().startswith('<div id="prompts"')


def test_it_lists_no_prompt_of_another_team(
    client_for: SignIn, charlie: User, outreach: Prompt
) -> None:
    client = client_for(charlie)

    assert b"Outreach" not in client.get("/prompts").content
    assert client.get("/prompts/hiring/outreach").status_code == 404
    assert client.get("/prompts/hiring/outreach/edit").status_code == 404


# one prompt


def test_it_shows_a_version_with_its_jinja_tinted(
    client_for: SignIn, alice: User, outreach: Prompt
) -> None:
    page = client_for(alice).get("/prompts/hiring/outreach").content.decode()

    assert '<span class="jinja" data-part="variable">{{ name }}</span>' in page
    assert "v1 latest" in page


def test_it_links_fragments_both_ways(client_for: SignIn, alice: User, outreach: Prompt) -> None:
    context = alice.context()
    create_prompt(context, name="tone", content=_content("Be kind.", kind="fragment"))
    _save(alice, '{% include "tone" %} Write to {{ name }}.')
    save_version(context, "tone", content=_content("Be kinder.", kind="fragment"))
    client = client_for(alice)

    prompt = client.get("/prompts/hiring/outreach").content.decode()
    fragment = client.get("/prompts/hiring/tone").content.decode()

    assert 'href="/prompts/hiring/tone"' in prompt
    assert "behind" in prompt
    assert "hiring/outreach v2" in fragment


def test_it_moves_a_free_label_at_once(client_for: SignIn, alice: User, outreach: Prompt) -> None:
    form = {"do": "label", "label": "staging", "version": "1", "reason": "try it"}

    answer = client_for(alice).post("/prompts/hiring/outreach/act", form, follow=True)

    assert "“staging” is at version 1 now." in answer.content.decode()
    assert Label.objects.get(prompt=outreach).version.number == 1


def test_it_proposes_a_protected_label_and_a_reviewer_approves(
    client_for: SignIn, alice: User, bob: User, outreach: Prompt
) -> None:
    _role(alice, Role.DEVELOPER)
    _role(bob, Role.REVIEWER)
    form = {"do": "label", "label": "production", "version": "1"}

    said = client_for(alice).post("/prompts/hiring/outreach/act", form, follow=True)
    seen = client_for(bob).get("/prompts/hiring/outreach").content.decode()
    proposal = LabelProposal.objects.get(prompt=outreach)
    client_for(bob).post(
        "/prompts/hiring/outreach/act", {"do": "approve", "proposal": str(proposal.pk)}
    )

    assert "waits for a reviewer" in said.content.decode()
    assert "Approve" in seen
    assert Label.objects.get(prompt=outreach, name="production").version.number == 1


def test_it_says_that_a_label_moved_meanwhile_and_moves_nothing(
    client_for: SignIn, alice: User, outreach: Prompt
) -> None:
    _save(alice, "Two {{ name }}")
    _save(alice, "Three {{ name }}")
    move_label(alice.context(), "outreach", label="staging", version=2)
    form = {"do": "label", "label": "staging", "version": "3", "expected": "1"}

    answer = client_for(alice).post("/prompts/hiring/outreach/act", form, follow=True)

    assert "points at version 2" in answer.content.decode()
    assert Label.objects.get(prompt=outreach).version.number == 2


@pytest.mark.parametrize("form", [{"do": "x"}, {}, {"do": "label", "label": "a", "version": "x"}])
def test_it_says_so_when_there_is_no_such_thing_to_do(
    client_for: SignIn, alice: User, outreach: Prompt, form: dict[str, str]
) -> None:
    answer = client_for(alice).post("/prompts/hiring/outreach/act", form)

    assert answer.status_code == 302
    assert not Label.objects.exists()


def test_it_lets_the_proposer_alone_withdraw(
    client_for: SignIn, alice: User, bob: User, outreach: Prompt
) -> None:
    client = client_for(alice)
    form = {"do": "label", "label": "production", "version": "1"}
    client.post("/prompts/hiring/outreach/act", form)
    proposal = LabelProposal.objects.get()
    shown = 'value="withdraw"'

    page = client.get("/prompts/hiring/outreach").content.decode()
    others = client_for(bob).get("/prompts/hiring/outreach").content.decode()
    client.post("/prompts/hiring/outreach/act", {"do": "withdraw", "proposal": str(proposal.pk)})

    assert shown in page
    assert shown not in others
    assert not LabelProposal.objects.exists()


def test_it_archives_and_restores(client_for: SignIn, alice: User, outreach: Prompt) -> None:
    client = client_for(alice)

    client.post("/prompts/hiring/outreach/act", {"do": "archive"})
    listed = client.get("/prompts?archived=1").content.decode()
    client.post("/prompts/hiring/outreach/act", {"do": "restore"})

    assert "/prompts/hiring/outreach" in listed
    outreach.refresh_from_db()
    assert outreach.archived_at is None


# comparing


@pytest.mark.parametrize("view", ["side", "unified"])
def test_it_compares_two_versions_with_the_words_marked(
    client_for: SignIn, alice: User, outreach: Prompt, view: str
) -> None:
    _save(alice, "Write to {{ name }}.\n\nBe warm.")

    page = client_for(alice).get(f"/prompts/hiring/outreach/compare?from=1&to=2&view={view}")

    assert "<mark>brief</mark>" in page.content.decode()
    assert "<mark>warm</mark>" in page.content.decode()


@pytest.mark.parametrize("view", ["side", "unified"])
def test_it_compares_what_the_pinned_versions_of_fragments_say(
    client_for: SignIn, alice: User, outreach: Prompt, view: str
) -> None:
    context = alice.context()
    create_prompt(context, name="tone", content=_content("Be kind.", kind="fragment"))
    _save(alice, '{% include "tone" %} Write to {{ name }}.')
    for text in ("Be kinder.", "Be kindest."):
        save_version(context, "tone", content=_content(text, kind="fragment"))
    _save(alice, '{% include "tone" %} Write to {{ name }}.')
    client, path = client_for(alice), f"/prompts/hiring/outreach/compare?view={view}"

    page = client.get(f"{path}&from=2&to=3").content.decode()
    far = client.get(f"{path}&from=1&to=3").content.decode()
    without = client.get(f"{path}&from=2&to=3&fragments=0").content.decode()

    assert 'id="fragment-hiring-tone"' in page
    assert 'href="#fragment-hiring-tone"' in page
    assert "v1 → v3" in page
    assert "<mark>kindest</mark>" in page
    assert 'href="/prompts/hiring/tone/compare?from=1&amp;to=3"' in page
    assert "included now, v3" in far
    assert "The two versions are alike" in without


def test_it_compares_the_newest_with_the_one_before_when_nothing_is_named(
    client_for: SignIn, alice: User, outreach: Prompt
) -> None:
    _save(alice, "Hello {{ name }}")

    page = client_for(alice).get("/prompts/hiring/outreach/compare").content.decode()

    assert "Hello" in page
    assert client_for(alice).get("/prompts/hiring/outreach/compare?from=9").status_code == 404


# the editor


def test_it_makes_a_prompt_and_opens_its_editor(client_for: SignIn, alice: User) -> None:
    form = {"name": "greeting", "kind": "text", "title": "Greeting"}

    answer = client_for(alice).post("/prompts/new", form)

    assert answer["Location"] == "/prompts/hiring/greeting/edit"
    assert Prompt.objects.get(name="greeting").kind == "text"


@pytest.mark.parametrize(
    ("wrong", "field", "said"),
    [
        ({"name": "Not A Name"}, "name", "lower-case letters"),
        ({"description": "x" * 1001}, "description", "at most 1000 characters"),
    ],
)
def test_it_keeps_what_was_typed_and_says_at_the_field_why_no_prompt_was_made(
    client_for: SignIn, alice: User, wrong: dict[str, str], field: str, said: str
) -> None:
    form = {"name": "mine", "title": "Mine", "kind": "chat", **wrong}

    answer = client_for(alice).post("/prompts/new", form)

    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'value="Mine"' in page
    assert page.count(said) == page.count('aria-invalid="true"') == 1
    assert said in page.split(f'id="hint_{field}"')[1].split("</div>")[0]


def test_it_saves_a_version_and_throws_the_draft_away(
    client_for: SignIn, alice: User, outreach: Prompt
) -> None:
    save_draft(alice.context(), "outreach", content={}, based_on=1)
    form = _form("Hello {{ name }}", based_on="1", note="Shorter", temperature="0.4")

    answer = client_for(alice).post("/prompts/hiring/outreach/edit", form)

    assert answer.status_code == 302
    newest = outreach.versions.newest_first()[0]
    assert (newest.number, newest.note) == (2, "Shorter")
    assert newest.settings == {"temperature": 0.4}
    assert not Draft.objects.exists()


def test_it_keeps_what_was_typed_and_saves_nothing_when_a_field_is_wrong(
    client_for: SignIn, alice: User, outreach: Prompt
) -> None:
    form = _form("Mine {{ name }}", based_on="1", tools="[{,]", temperature="warm")

    answer = client_for(alice).post("/prompts/hiring/outreach/edit", form)

    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Mine {{ name }}" in page
    assert "[{,]" in page
    assert 'value="warm"' in page
    assert outreach.versions.count() == 1


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"inputs_mode": "own", "inputs": '{"type": "objekt"}'}, "inputs", "not valid at /type"),
        ({"settings": '{"stream": true}'}, "settings", "stream"),
        ({"tools": "[{,]"}, "tools", "Line 1"),
    ],
)
def test_it_unfolds_and_links_the_field_that_was_refused(
    client_for: SignIn, alice: User, outreach: Prompt, typed: dict[str, str], field: str, said: str
) -> None:
    form = _form("Mine {{ name }}", based_on="1") | typed

    answer = client_for(alice).post("/prompts/hiring/outreach/edit", form)

    page = answer.content.decode()
    assert answer.status_code == 422
    assert '<details class="card2 more" open>' in page
    assert f'href="#id_{field}"' in page
    assert page.count('aria-invalid="true"') == 1
    assert said in page.split(f'id="hint_{field}"')[1].split("</div>")[0]


def test_it_leaves_the_fold_closed_when_nothing_in_it_is_wrong(
    client_for: SignIn, alice: User, outreach: Prompt
) -> None:
    form = _form("Mine {{ name | nofilter }}", based_on="1")

    answer = client_for(alice).post("/prompts/hiring/outreach/edit", form)

    page = answer.content.decode()
    assert answer.status_code == 422
    assert "nofilter" in page
    assert '<details class="card2 more">' in page


def test_it_shows_what_the_other_saved_when_two_edit_one_prompt(
    client_for: SignIn, alice: User, bob: User, outreach: Prompt
) -> None:
    _save(bob, "Write to {{ name }}.\n\nBe kind.")
    client = client_for(alice)
    mine = _form("Write to {{ name }} today.\n\nBe brief.", based_on="1")

    met = client.post("/prompts/hiring/outreach/edit", mine)
    merged = client.post("/prompts/hiring/outreach/edit", {**mine, "do": "merge"})
    onto = client.post("/prompts/hiring/outreach/edit", {**mine, "onto": "2"})

    assert met.status_code == 409
    assert "Bob saved version 2 while you were editing" in met.content.decode()
    assert "<mark>kind</mark>" in met.content.decode()
    assert "Write to {{ name }} today.\n\nBe kind." in merged.content.decode()
    assert 'name="based_on" value="2"' in merged.content.decode()
    assert onto.status_code == 302
    assert outreach.versions.count() == 3


def test_it_says_that_nothing_is_saved_until_it_is(
    client_for: SignIn, alice: User, bob: User, outreach: Prompt
) -> None:
    client, address = client_for(alice), "/prompts/hiring/outreach/edit"
    mine = _form("Mine {{ name }}", based_on="1")

    opened = client.get(address)
    refused = client.post(address, {**mine, "tools": "[{,]"})
    _save(bob, "Write to {{ name }}.\n\nBe kind.")
    met = client.post(address, mine)
    merged = client.post(address, {**mine, "do": "merge"})

    assert "As saved in v1" in opened.content.decode()
    for answer in (refused, met, merged):
        assert "Not saved</span>" in answer.content.decode()
        assert "As saved in" not in answer.content.decode()


def test_it_keeps_a_draft_and_shows_it_again(
    client_for: SignIn, alice: User, outreach: Prompt
) -> None:
    client = client_for(alice)

    kept = client.post("/prompts/hiring/outreach/draft", _form("Half a th", based_on="1"))
    page = client.get("/prompts/hiring/outreach/edit").content.decode()
    client.post("/prompts/hiring/outreach/draft", {"do": "discard"})

    assert "Draft kept" in kept.content.decode()
    assert "Half a th" in page
    assert "This is your draft" in page
    assert not Draft.objects.exists()


@pytest.mark.parametrize(
    "content",
    [
        {"kind": "sonnet", "messages": ["Be kind."]},
        {"messages": "Be kind.", "settings": [1]},
        {"kind": [], "messages": [{"role": 7, "template": None}], "inputs": 3},
    ],
)
def test_it_opens_a_draft_whatever_a_script_has_kept(
    client_for: SignIn, alice: User, outreach: Prompt, content: dict[str, object]
) -> None:
    save_draft(alice.context(), "outreach", content=content)

    page = client_for(alice).get("/prompts/hiring/outreach/edit")

    assert page.status_code == 200
    assert 'name="template"' in page.content.decode()


def test_it_saves_nothing_when_the_form_does_not_say_what_it_began_with(
    client_for: SignIn, alice: User, outreach: Prompt
) -> None:
    _save(alice, "Somebody else's words.")

    page = client_for(alice).post("/prompts/hiring/outreach/edit", _form("Mine."))

    assert page.status_code == 422
    assert "which version" in page.content.decode()
    assert outreach.versions.count() == 2


def test_it_says_who_else_is_editing(
    client_for: SignIn, alice: User, bob: User, outreach: Prompt
) -> None:
    save_draft(bob.context(), "outreach", content={}, based_on=1)

    client = client_for(alice)
    page = client.get("/prompts/hiring/outreach/edit").content.decode()
    _save(bob, "Hello {{ name }}")
    meanwhile = client.get("/prompts/hiring/outreach/draft?based_on=1").content.decode()

    assert "Bob is editing" in page
    assert "v2 was saved since" in meanwhile
    assert "Bob is editing" in meanwhile


def test_it_begins_with_an_older_version_when_one_is_named(
    client_for: SignIn, alice: User, outreach: Prompt
) -> None:
    _save(alice, "New {{ name }}")

    page = client_for(alice).get("/prompts/hiring/outreach/edit?version=1").content.decode()

    assert "Be brief." in page
    assert 'name="based_on" value="2"' in page


def test_it_shows_a_viewer_the_prompt_and_no_editor(
    client_for: SignIn, bob: User, outreach: Prompt
) -> None:
    _role(bob, Role.VIEWER)
    client = client_for(bob)

    assert b"/edit" not in client.get("/prompts/hiring/outreach").content
    assert client.get("/prompts/hiring/outreach/edit").status_code == 403
    assert client.post("/prompts/hiring/outreach/act", {"do": "archive"}).status_code == 403


# preview


def _preview(client: Client, **form: object) -> str:
    return client.post("/prompts/hiring/outreach/preview", form).content.decode()


def test_it_renders_what_is_typed_with_the_inputs_that_were_filled_in(
    client_for: SignIn, alice: User, outreach: Prompt
) -> None:
    page = _preview(
        client_for(alice), **_form("Dear {{ name }}, {{ place }}?"), **{"input.name": "Ada"}
    )

    assert "Dear Ada, ‹place›?" in page
    assert "tokens" in page
    assert "Fine" in page


def test_it_says_what_each_model_makes_of_the_prompt_when_it_is_previewed(
    client_for: SignIn, api_for: SignIn, alice: User, outreach: Prompt
) -> None:
    acme = Endpoint.objects.create(name="acme", base_url="http://127.0.0.1:9/v1", external=False)
    for name in ("gpt-4o", "llama3.2", "forbidden"):
        ServedModel.objects.create(
            endpoint=acme, name=name, context_tokens=20, input_price=5, output_price=15
        )
    Quota.objects.create(model="acme/forbidden", kind="requests", cap=0)
    row = {"served_by": "acme/llama3.2", "outcome": "succeeded", "counted_here": False}
    calibrating.learn([row | {"counted_tokens": 100, "input_tokens": 150}] * 8)
    form = _form("Hi {{ name }}, how is the weather?") | {"model": "acme/llama3.2"}
    body = {
        "content": {
            "messages": [{"role": "user", "template": "Hi {{ name }}, how is the weather?"}],
            "settings": {"model": "acme/llama3.2"},
        }
    }

    page = _preview(client_for(alice), **form)
    told = api_for(alice).post(
        "/api/prompts/hiring/outreach/check", body, content_type="application/json"
    )

    shares = {each["model"]: each for each in told.json()["models"]}
    assert next(iter(shares)) == "acme/llama3.2"
    assert shares["acme/gpt-4o"]["exact"]
    assert "8 calls" in shares["acme/llama3.2"]["basis"]
    assert shares["acme/gpt-4o"]["cost_usd"] == shares["acme/gpt-4o"]["tokens"] * 5 / 1_000_000
    assert "acme/forbidden" not in shares
    assert "lint.nearly-too-long" in page or "lint.too-long" in page
    assert "estimated by what 8 calls of it have told" in page


def test_it_says_where_a_template_is_wrong(
    client_for: SignIn, alice: User, outreach: Prompt
) -> None:
    page = _preview(client_for(alice), **_form("fine", "one\n{{ name | nope }}"))

    assert 'data-message="1" data-line="2"' in page
    assert "prompt.syntax" in page


def test_it_names_a_fragment_that_is_not_there_at_its_place(
    client_for: SignIn, alice: User, outreach: Prompt
) -> None:
    page = _preview(client_for(alice), **_form('Hi\n{% include "trust/nothing" %}'))

    assert "prompt.fragment-not-found" in page
    assert 'data-message="0" data-line="2"' in page


def test_it_leaves_the_inputs_alone_while_they_stay_the_same(
    client_for: SignIn, alice: User, outreach: Prompt
) -> None:
    client = client_for(alice)

    first = _preview(client, **_form("Hi {{ name }}"))
    again = _preview(client, **_form("Hello {{ name }}"), fields="name:json")
    other = _preview(client, **_form("Hello {{ surname }}"), fields="name:json")

    assert 'name="input.name"' in first
    assert 'id="inputs-fields"' not in again
    assert 'name="input.surname"' in other


def test_it_compares_what_is_typed_with_the_version_one_began_with(
    client_for: SignIn, alice: User, outreach: Prompt
) -> None:
    page = _preview(
        client_for(alice),
        **_form("Write to {{ name }}.\n\nBe warm."),
        based_on="1",
        compare="1",
    )

    assert "<mark>warm</mark>" in page


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"role": ["nobody"], "template": ["x"]},
        {"role": ["user"] * 60, "template": ["x"] * 60},
        _form("{{ 9**9**9 }}"),
        _form("{% for a in range(10**9) %}x{% endfor %}"),
        _form("x" * 70_000),
        _form("\x00"),
        _form("x", tools="[" * 3000),
        _form("x", inputs_mode="own", inputs='{"type": "object", "properties": 3}'),
        _form("x", settings="[]"),
        _form("{{ a }}", **{"input.a": "{" * 2000}),
    ],
)
def test_it_answers_whatever_is_typed(
    client_for: SignIn, alice: User, outreach: Prompt, form: dict[str, object]
) -> None:
    answer = client_for(alice).post("/prompts/hiring/outreach/preview", form)

    assert answer.status_code in (200, 400)


def test_it_checks_over_the_api_what_the_editor_checks(
    api_for: SignIn, alice: User, outreach: Prompt
) -> None:
    body = {
        "content": {"messages": [{"role": "user", "template": "Hi {{ name }}\n{{ x | nope }}"}]},
        "values": {"name": "Ada"},
    }

    wrong = api_for(alice).post(
        "/api/prompts/hiring/outreach/check", body, content_type="application/json"
    )
    body["content"] = {"messages": [{"role": "user", "template": "Hi {{ name }}, {{ place }}"}]}
    right = api_for(alice).post(
        "/api/prompts/hiring/outreach/check", body, content_type="application/json"
    )

    (finding,) = wrong.json()["findings"]
    assert (finding["code"], finding["message"], finding["line"]) == ("prompt.syntax", 0, 2)
    assert right.json()["findings"] == []
    assert right.json()["made_up"] == ["place"]
    assert right.json()["tokens"] > 0


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"do": "archive-version", "version": "1"}, "Version 1 is archived."),
        ({"do": "restore-version", "version": "1"}, "Version 1 is restored."),
        ({"do": "unlabel", "label": "staging", "expected": "1"}, "The label “staging” is gone."),
        ({"do": "unlabel", "label": "staging", "expected": "2"}, "points at version 1"),
        ({"do": "discard"}, "Your draft is thrown away."),
        ({"do": "approve", "proposal": "none"}, "There is no such proposal."),
    ],
)
def test_it_says_what_came_of_each_button(
    client_for: SignIn, alice: User, outreach: Prompt, form: dict[str, str], said: str
) -> None:
    _save(alice, "Second {{ name }}")
    if form["do"] == "unlabel":
        move_label(alice.context(), "outreach", label="staging", version=1)

    answer = client_for(alice).post("/prompts/hiring/outreach/act", form, follow=True)

    assert said in answer.content.decode()


def test_it_rejects_a_proposal_with_an_answer(
    client_for: SignIn, alice: User, bob: User, outreach: Prompt
) -> None:
    _role(alice, Role.DEVELOPER)
    _role(bob, Role.REVIEWER)
    form = {"do": "label", "label": "production", "version": "1"}
    client_for(alice).post("/prompts/hiring/outreach/act", form)
    proposal = LabelProposal.objects.get(prompt=outreach)

    client_for(bob).post(
        "/prompts/hiring/outreach/act",
        {"do": "reject", "proposal": str(proposal.pk), "reason": "Not yet"},
    )

    proposal.refresh_from_db()
    assert (proposal.status, proposal.answer) == ("rejected", "Not yet")
    assert not Label.objects.exists()


# processes


def test_it_shows_who_holds_a_version_when_processes_have_it(
    client_for: SignIn, alice: User, outreach: Prompt, valkey: object
) -> None:
    # Revisions are given when a transaction ends, and this one never does.
    current = revisions([outreach.pk]).get(outreach.pk)
    held = {"labels": {}, "latest": 1, "versions": [1]}
    Teller("web").tell({outreach.pk: {**held, "revision": current}})
    Teller("worker").tell({outreach.pk: {**held, "revision": outreach.pk}})

    page = client_for(alice).get("/prompts/hiring/outreach/processes").content.decode()

    assert page.count("<li>") == 2
    assert page.index("web@") < page.index("current") < page.index("worker@")
    assert "catching up" in page[page.index("worker@") :]


def test_it_says_so_when_no_process_holds_a_prompt(
    client_for: SignIn, alice: User, outreach: Prompt, valkey: object
) -> None:
    page = client_for(alice).get("/prompts/hiring/outreach/processes").content.decode()

    assert "No process has used it lately" in page
