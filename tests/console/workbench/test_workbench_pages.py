"""The pages and the API of the workbench: the same verbs, the same people, errors in place."""

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from playground.console.workbench.models import Cell, Workbench
from playground.console.workbench.running import run_columns
from playground.core import spans
from playground.core.capture import CaptureMode
from playground.gateway.providers import scripted
from playground.policy.models import User
from playground.prompts.models import PromptVersion
from playground.tracing.models import Span
from tests.console.dom import Element, parse
from tests.console.workbench.conftest import Bench, Work, draft

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

Sign = Callable[..., Client]
PARTS = {"hx-request": "true"}


def page_of(client: Client, bench: Workbench, query: str = "") -> str:
    answer = client.get(f"/workbench/{bench.pk}{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_it_shows_a_shared_link_to_the_team_and_to_nobody_else(
    alice: User, bob: User, charlie: User, bench_of: Bench, work: Work, client_for: Sign
) -> None:
    bench = bench_of()
    run_columns(alice.context(), bench.pk)
    work(bench)

    for person, sees in ((alice, True), (bob, True), (charlie, False)):
        answer = client_for(person).get(f"/workbench/{bench.pk}")
        assert ("You said: Say hello." in answer.content.decode()) is sees
        assert answer.status_code == (200 if sees else 404)


@pytest.mark.parametrize("columns", [5, 6])
def test_it_offers_another_column_and_says_why_not_when_there_are_six(
    alice: User, bench_of: Bench, client_for: Sign, columns: int
) -> None:
    bench = bench_of(*[draft()] * columns)

    page = page_of(client_for(alice), bench)

    add = re.search(r'<button[^>]* value="add"[^>]*>', page)
    copies = re.findall(r'<button[^>]* value="add:[^>]*>', page)
    assert add is not None
    for button in (add[0], *copies):
        assert ("disabled" in button) is (columns == 6)
    assert len(copies) == columns
    assert ("6 columns at most</span>" in page) is (columns == 6)


def test_it_lets_a_viewer_look_and_offers_nothing_else(
    vera: User, bench_of: Bench, client_for: Sign
) -> None:
    bench = bench_of()

    page = page_of(client_for(vera), bench)
    refused = client_for(vera).post(f"/workbench/{bench.pk}", {"do": "run"})

    assert 'name="do" value="run' not in page
    assert refused.status_code == 403


def test_it_shows_a_viewer_fields_to_copy_and_none_to_change(
    alice: User, vera: User, bench_of: Bench, client_for: Sign
) -> None:
    bench = bench_of()
    theirs = re.compile(
        r'<(?:input|textarea|select)(?=[^>]*name="(?:input\.|[0-9a-f-]{36}\.))[^>]*>'
    )

    looks = page_of(client_for(vera), bench)
    edits = page_of(client_for(alice), bench)

    shown = [tag for tag in theirs.findall(looks) if "revision" not in tag and "skills" not in tag]
    assert len(shown) > 10
    assert [tag for tag in shown if not re.search(r" (readonly|disabled|hidden)\b", tag)] == []
    assert '<fieldset class="wb-skills" disabled>' in looks
    assert not any(" readonly" in tag or " disabled" in tag for tag in theirs.findall(edits))
    assert "You may look" in looks
    assert "Kept " not in looks


def test_it_offers_to_open_a_prompt_to_those_alone_who_may(
    alice: User, vera: User, scripted_model: None, outreach: PromptVersion, client_for: Sign
) -> None:
    looks = client_for(vera).get("/prompts/hiring/outreach").content.decode()
    works = client_for(alice).get("/prompts/hiring/outreach").content.decode()

    assert "Open in workbench" in works
    assert "Open in workbench" not in looks


def test_it_opens_prompts_in_columns_and_lists_the_newest(
    alice: User, scripted_model: None, outreach: PromptVersion, client_for: Sign
) -> None:
    client = client_for(alice)

    opened = client.post(
        "/workbench", {"source": ["hiring/outreach@1", "hiring/outreach"]}, follow=True
    )

    page = opened.content.decode()
    assert page.count('class="wb-column"') == 2
    assert "hiring/outreach@2" in page
    assert 'name="input.job.title"' in page
    assert ">outreach</a>" in client.get("/workbench").content.decode()


def test_it_names_the_offline_planner_where_it_would_answer(
    alice: User, bench_of: Bench, client_for: Sign
) -> None:
    bench = bench_of(draft(), draft(model=""))
    first, second = bench.columns.all()

    page = page_of(client_for(alice), bench)

    note = "offline planner, rule-based, not a language model"
    assert note not in page.partition(f'id="problem-{first.pk}"')[2].partition("</div>")[0]
    assert note in page.partition(f'id="problem-{second.pk}"')[2].partition("</div>")[0]


def test_it_keeps_what_is_typed_and_runs_exactly_that(
    alice: User, bench_of: Bench, work: Work, client_for: Sign
) -> None:
    bench = bench_of()
    column = bench.columns.get()
    typed = {
        "name": "Greetings",
        "input.word": "goodbye",
        f"{column.pk}.role": "user",
        f"{column.pk}.template": "Whisper {{ word }}.",
        f"{column.pk}.model": "scripted",
        f"{column.pk}.temperature": "0.3",
        f"{column.pk}.seed": "7",
        f"{column.pk}.stop": "END",
        f"{column.pk}.others": '{"user": "u1"}',
        "do": "run",
    }

    answer = client_for(alice).post(f"/workbench/{bench.pk}", typed, headers=PARTS)
    [cell] = work(bench)

    assert answer.status_code == 200
    assert cell.request is not None
    assert cell.request["messages"] == [{"role": "user", "content": "Whisper goodbye."}]
    assert cell.request["parameters"] == {
        "temperature": 0.3,
        "seed": 7,
        "stop": "END",
        "user": "u1",
    }
    bench.refresh_from_db()
    assert bench.name == "Greetings"


def test_it_says_at_the_field_what_cannot_be_read_and_runs_nothing(
    alice: User, bench_of: Bench, client_for: Sign
) -> None:
    bench = bench_of()
    column = bench.columns.get()
    typed = {
        f"{column.pk}.template": "x",
        f"{column.pk}.role": "user",
        f"{column.pk}.others": "{oops",
        "do": "run",
    }

    answer = client_for(alice).post(f"/workbench/{bench.pk}", typed, headers=PARTS)

    problem = parse(answer.content.decode()).find(f"problem-{column.pk}")
    assert answer.status_code == 422
    assert problem is not None
    assert "Line 1" in answer.content.decode()
    assert not Cell.objects.exists()
    column.refresh_from_db()
    assert column.spec == draft_spec(bench)


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("simulated", "{oops", "A JSON object"),
        ("temperature", "hot", "Temperature is a number."),
        ("tools", "{}", "It is a list."),
        ("response_format", "[]", "It is an object."),
        ("others", '{"messages": []}', "messages: not a parameter here"),
        ("source", "no such name!", "A prompt is named"),
        ("model", "x" * 251, "model: "),
    ],
)
def test_it_says_below_each_field_what_is_wrong_with_it(
    alice: User, bench_of: Bench, client_for: Sign, name: str, text: str, why: str
) -> None:
    bench = bench_of()
    column = bench.columns.get()
    typed = {f"{column.pk}.template": "x", f"{column.pk}.role": "user", f"{column.pk}.{name}": text}
    client = client_for(alice)

    page = page_of(client, bench)
    answer = client.post(f"/workbench/{bench.pk}/save", typed, headers=PARTS)

    mistake = f"{column.pk}-{name}-mistake"
    assert answer.status_code == 422
    assert why in words_in(answer.content.decode(), mistake)
    assert why not in words_in(answer.content.decode(), f"problem-{column.pk}")
    assert words_in(page, mistake) == ""
    assert f'aria-describedby="{mistake}"' in page


def words_in(html: str, identifier: str) -> str:
    found = parse(html).find(identifier)
    assert found is not None
    element = found[0].children[found[1]]
    assert isinstance(element, Element)
    return "".join(
        child if isinstance(child, str) else child.normal() for child in element.children
    )


def draft_spec(bench: Workbench) -> Any:
    return Workbench.objects.get(pk=bench.pk).columns.get().spec


def test_it_shows_after_its_parts_what_a_reload_shows(
    alice: User, bench_of: Bench, work: Work, client_for: Sign
) -> None:
    bench = bench_of(draft(), draft("{{ nobody }}"), table={"names": ["word"], "rows": [["a"]]})
    client = client_for(alice)
    window = parse(page_of(client, bench))
    run_columns(alice.context(), bench.pk)
    run_columns(alice.context(), bench.pk, columns=[bench.columns.all()[1].pk], table=True)

    for step in (lambda: None, lambda: work(bench)):
        step()
        parts = parse(client.get(f"/workbench/{bench.pk}/outputs").content.decode())
        fresh = parse(page_of(client, bench))
        for name in _part_ids(bench):
            replaced, reloaded = parts.find(name), fresh.find(name)
            assert replaced is not None
            assert reloaded is not None
            assert _html(replaced) == _html(reloaded)
            assert window.find(name) is not None


def _part_ids(bench: Workbench) -> list[str]:
    names = ["go", "progress", "variables"]
    for column in bench.columns.all():
        names += [f"cell-{column.pk}-0", f"cell-{column.pk}-1", f"problem-{column.pk}"]
    return names


def _html(found: Any) -> str:
    parent, index = found
    return str(parent.children[index].normal())


def test_it_marks_where_an_output_differs(
    alice: User, bench_of: Bench, work: Work, client_for: Sign
) -> None:
    bench = bench_of(draft(), draft())
    scripted.queue(["the same words", "the other words"])
    run_columns(alice.context(), bench.pk)
    work(bench)
    first = bench.columns.all()[0]

    page = page_of(client_for(alice), bench, f"?against={first.pk}")

    assert "the <mark>other</mark> words" in page
    assert page.count("<mark>") == 1


def test_it_runs_over_an_uploaded_table_and_gives_it_back_as_csv(
    alice: User, bench_of: Bench, work: Work, client_for: Sign
) -> None:
    bench = bench_of(draft("Say {{ word }}."), draft("{{ missing }}"))
    client = client_for(alice)
    file = SimpleUploadedFile("rows.csv", "word\nein\nzwei\n".encode("utf-8-sig"))

    client.post(f"/workbench/{bench.pk}", {"do": "table", "file": file}, headers=PARTS)
    client.post(f"/workbench/{bench.pk}", {"do": "run-table"}, headers=PARTS)
    work(bench)
    lines = client.get(f"/workbench/{bench.pk}/outputs.csv").content.decode().splitlines()

    assert lines[0].startswith("word,A output,A status")
    assert lines[1].startswith("ein,You said: Say ein. ,succeeded,,scripted,")
    assert "The variables do not fit: /missing is required.,failed" in lines[2]


@pytest.mark.parametrize(
    ("form", "code", "status"),
    [
        ({"do": "dance"}, "workbench.action-unknown", 422),
        ({"do": "run:nobody"}, "workbench.column-not-found", 404),
        ({"do": "run-table"}, "workbench.no-table", 422),
        ({"do": "table", "table": "a,a\n1,2"}, "workbench.table-invalid", 422),
        ({"do": "say", "say": "more"}, "workbench.nothing-to-continue", 409),
        ({"do": f"give:{uuid.uuid4()}"}, "workbench.cell-not-found", 404),
        ({"do": "invoke:x"}, "workbench.id-invalid", 422),
    ],
)
def test_it_refuses_with_a_stable_code(
    alice: User, bench_of: Bench, client_for: Sign, form: dict[str, str], code: str, status: int
) -> None:
    bench = bench_of()

    answer = client_for(alice).post(f"/workbench/{bench.pk}", form, headers=PARTS)

    assert answer.status_code == status
    assert code in answer.content.decode()


def test_it_makes_a_draft_of_a_version_and_saves_it_as_the_next(
    alice: User, bench_of: Bench, outreach: PromptVersion, client_for: Sign
) -> None:
    bench = bench_of({"source": "hiring/outreach@1", "model": "scripted"})
    column = bench.columns.get()
    client = client_for(alice)

    client.post(f"/workbench/{bench.pk}", {"do": f"draft:{column.pk}"}, headers=PARTS)
    column.refresh_from_db()
    assert column.spec["content"]["messages"][0]["template"] == "Write to {{ name }}."
    changed = {
        f"{column.pk}.source": "hiring/outreach@1",
        f"{column.pk}.role": "user",
        f"{column.pk}.template": "Dear {{ name }}",
        "do": f"publish:{column.pk}",
    }
    refused = client.post(f"/workbench/{bench.pk}", changed, headers=PARTS)
    assert refused.status_code == 409
    assert "make this a draft of hiring/outreach@2" in refused.content.decode()
    changed[f"{column.pk}.source"] = "hiring/outreach@2"
    client.post(f"/workbench/{bench.pk}", changed, headers=PARTS)

    column.refresh_from_db()
    assert column.spec["content"] is None
    assert column.spec["source"] == "hiring/outreach@3"


def test_it_notes_the_version_that_a_draft_of_a_label_began_with(
    alice: User, bench_of: Bench, outreach: PromptVersion, client_for: Sign
) -> None:
    bench = bench_of({"source": "hiring/outreach", "model": "scripted"})
    column = bench.columns.get()

    client_for(alice).post(f"/workbench/{bench.pk}", {"do": f"draft:{column.pk}"}, headers=PARTS)

    column.refresh_from_db()
    assert column.spec["source"] == "hiring/outreach@2"


def test_it_finds_a_workbench_by_its_name(
    alice: User, charlie: User, bench_of: Bench, client_for: Sign
) -> None:
    bench_of(name="Tone of outreach")

    for person, sees in ((alice, True), (charlie, False)):
        found = client_for(person).get("/palette?q=tone").content.decode()

        assert ("Tone of outreach" in found) is sees


def test_it_duplicates_and_deletes(alice: User, bench_of: Bench, client_for: Sign) -> None:
    bench = bench_of(draft(), draft("{{ other }}"), name="Mine")
    client = client_for(alice)

    copied = client.post(f"/workbench/{bench.pk}", {"do": "duplicate"}, follow=True)
    client.post(f"/workbench/{bench.pk}", {"do": "delete"})

    assert "Mine (copy)" in copied.content.decode()
    assert copied.content.decode().count('class="wb-column"') == 2
    assert client.get(f"/workbench/{bench.pk}").status_code == 404


def test_it_does_over_the_api_what_the_page_does(
    alice: User, charlie: User, scripted_model: None, work: Work, api_for: Sign
) -> None:
    api = api_for(alice)
    json = "application/json"

    opened = api.post(
        "/api/workbench",
        {"name": "By script", "columns": [draft()], "variables": {"word": "hey"},
         "table": {"csv": "word\none\ntwo"}},
        json,
    )  # fmt: skip
    assert opened.status_code == 201
    where = f"/api/workbench/{opened.json()['id']}"
    bench = Workbench.objects.get(pk=opened.json()["id"])
    assert api.post(f"{where}/columns", draft("{{ word }}!"), json).status_code == 201
    ran = api.post(f"{where}/run", {}, json)
    work(bench)
    api.post(f"{where}/run", {"table": True}, json)
    work(bench)
    cells = api.get(f"{where}/cells").json()["items"]

    assert [cell["status"] for cell in ran.json()["items"]] == ["queued", "queued"]
    assert [(cell["row"], cell["status"]) for cell in cells] == [
        (row, "succeeded") for row in (0, 0, 1, 1, 2, 2)
    ]
    assert cells[0]["turns"][0]["figures"]["finish_reason"] == "stop"
    said = api.post(f"{where}/say", {"content": "Both of you?"}, json)
    work(bench)
    assert said.status_code == 202
    assert [cell["turns"][-1]["asked"][0]["content"] for cell in said.json()["items"]] == [
        "Both of you?"
    ] * 2
    more = api.post(f"{where}/cells/{cells[0]['id']}/continue", {"content": "more"}, json)
    assert more.status_code == 202
    assert api.post(f"{where}/stop", {}, json).json() == {"stopped": 1}
    assert api.patch(where, {"name": "Renamed"}, json).json()["name"] == "Renamed"
    assert api_for(charlie).get(where).status_code == 404
    assert api.delete(where).status_code == 204
    assert api.get(where).status_code == 404


def test_it_reads_many_cells_with_as_many_queries_as_one(
    alice: User, bench_of: Bench, api_for: Sign, django_assert_max_num_queries: Any
) -> None:
    api, counts = api_for(alice), []
    for rows in (1, 12):
        bench = bench_of(table={"names": ["word"], "rows": [["a"]] * rows})
        run_columns(alice.context(), bench.pk, table=True)
        api.get(f"/api/workbench/{bench.pk}/cells")
        with django_assert_max_num_queries(100) as asked:
            found = api.get(f"/api/workbench/{bench.pk}/cells").json()["items"]
        assert len(found) == rows
        # Whether the configuration is read again goes by the clock.
        counts.append(sum('"console_' in query["sql"] for query in asked.captured_queries))

    assert counts[0] == counts[1] > 0


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"columns": [{}] * 7}, "workbench.columns-full"),
        ({"columns": [{"source": "Not A Name"}]}, "workbench.source-invalid"),
        ({"columns": [{"parameters": {"stream": True}}]}, "workbench.parameter-reserved"),
        ({"columns": [{"content": {"messages": "x" * 500_000}}]}, "workbench.column-invalid"),
        ({"name": "x" * 101}, "workbench.name-invalid"),
        ({"variables": {"x": "\x00"}}, "request.nul"),
        ({"table": {"names": ["a"], "rows": [["1"]] * 201}}, "workbench.table-too-large"),
    ],
)
def test_it_refuses_over_the_api_what_cannot_be(
    alice: User, api_for: Sign, body: dict[str, Any], code: str
) -> None:
    answer = api_for(alice).post("/api/workbench", body, "application/json")

    assert answer.json()["code"] == code
    assert not Workbench.objects.exists()


def test_it_names_the_members_that_it_does_not_know(
    alice: User, bench_of: Bench, api_for: Sign
) -> None:
    bench = bench_of()
    column = bench.columns.get()
    api = api_for(alice)

    opened = api.post(
        "/api/workbench", {"prompt": "hiring/x", "columns": [{"sauce": ""}]}, "application/json"
    )
    put = api.put(
        f"/api/workbench/{bench.pk}/columns/{column.pk}", {"prompt": "x"}, "application/json"
    )

    assert (opened.status_code, put.status_code) == (422, 422)
    assert "prompt" in str(opened.json()["errors"])
    assert "sauce" in str(opened.json()["errors"])
    assert "prompt" in str(put.json()["errors"])
    assert Workbench.objects.count() == 1
    assert draft_spec(bench) == column.spec


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({"kind": "x"}, "content.kind"),
        ({"messages": ["Say hello"]}, "content.messages.0"),
        ({"messages": [{"role": "user", "template": {}}]}, "content.messages.0.template"),
        ({"settings": "warm"}, "content.settings"),
        ({"tools": {"a": 1}}, "content.tools"),
    ],
)
def test_it_refuses_a_draft_that_nobody_could_edit_and_shows_one_that_is_there(
    alice: User,
    bench_of: Bench,
    api_for: Sign,
    client_for: Sign,
    content: dict[str, Any],
    field: str,
) -> None:
    refused = api_for(alice).post(
        "/api/workbench", {"columns": [{"content": content}]}, "application/json"
    )
    bench = bench_of()
    column = bench.columns.get()
    column.spec = {**column.spec, "content": content}
    column.save()

    page = page_of(client_for(alice), bench)
    kept = client_for(alice).post(
        f"/workbench/{bench.pk}/save", {f"{column.pk}.template": "x", f"{column.pk}.role": "user"}
    )

    assert refused.status_code == 422
    assert refused.json()["code"] == "workbench.column-invalid"
    assert refused.json()["errors"][0]["field"] == field
    assert f'id="column-{column.pk}"' in page
    assert kept.status_code in (200, 422)


def test_it_runs_with_tools_of_any_shape(
    alice: User, bench_of: Bench, work: Work, client_for: Sign
) -> None:
    bench = bench_of(draft(tools=[{"function": "x"}], skills=["math.calculate"]))

    answer = client_for(alice).post(f"/workbench/{bench.pk}", {"do": "run"}, headers=PARTS)

    assert answer.status_code == 200


def test_it_opens_a_traced_call_with_everything_filled_in(
    alice: User, bob: User, charlie: User, bench_of: Bench, work: Work, client_for: Sign
) -> None:
    tool = {"type": "function", "function": {"name": "t", "parameters": {"type": "object"}}}
    form = {"type": "json_object"}
    parameters = {"temperature": 0.5, "max_tokens": 90, "stop": ["END"], "seed": 3}
    template = 'Say {{ word }}, literally {{ "{{ braces }}" }}'
    bench = bench_of(draft(template, tools=[tool], response_format=form, parameters=parameters))
    run_columns(alice.context(), bench.pk)
    [cell] = work(bench)
    spans.flush()
    span = Span.objects.get(trace_id=cell.turns.get().trace_id, kind="model")
    address = f"/workbench/from/{span.trace_id}/{span.span_id}"

    panel = client_for(bob).get(f"/traces/{span.trace_id}/spans/{span.span_id}").content.decode()
    opened = client_for(bob).post(address)
    refused = client_for(charlie).post(address)

    assert address in panel
    assert refused.status_code == 404
    column = Workbench.objects.get(pk=opened["location"].rpartition("/")[2]).columns.get()
    assert column.spec["model"] == "scripted"
    assert column.spec["parameters"] == parameters
    assert column.spec["tools"] == [tool]
    assert column.spec["response_format"] == form
    other = Workbench.objects.get(columns=column)
    run_columns(bob.context(), other.pk)
    [again] = work(other)
    assert again.request is not None
    assert cell.request is not None
    assert again.request["messages"] == cell.request["messages"]


def test_it_says_what_the_capture_mode_kept_out(
    alice: User, bench_of: Bench, work: Work, client_for: Sign, settings: Any
) -> None:
    spans.configure(capture=CaptureMode.NONE, hash_key=b"k")
    try:
        bench = bench_of()
        run_columns(alice.context(), bench.pk)
        [cell] = work(bench)
        spans.flush()
    finally:
        spans.configure(
            capture=settings.PLAYGROUND_CAPTURE, hash_key=settings.SECRET_KEY.encode("utf-8")
        )
    span = Span.objects.get(trace_id=cell.turns.get().trace_id, kind="model")

    page = client_for(alice).post(f"/workbench/from/{span.trace_id}/{span.span_id}", follow=True)

    assert "The messages were not captured" in page.content.decode()
    assert "does not hold which tools" in page.content.decode()
    assert "Say hello" not in page.content.decode()
