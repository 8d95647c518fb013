"""Two people on one workbench: what each of them typed stays, or both are told."""

from collections.abc import Callable

import pytest
from django.test import Client

from playground.console.workbench.keeping import change_workbench
from playground.console.workbench.merging import Changes
from playground.console.workbench.models import Workbench
from playground.core.errors import Conflict
from playground.policy.models import AuditRow, User
from tests.console.dom import Element, parse
from tests.console.workbench.conftest import Bench, draft

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

Sign = Callable[..., Client]
PARTS = {"hx-request": "true"}


def form_of(client: Client, bench: Workbench, *columns: int) -> dict[str, str]:
    """Return what the page sends of these columns, and of name and variables, untouched."""
    page = client.get(f"/workbench/{bench.pk}").content.decode()
    form = {"name": bench.name, "input.word": "hello", "revision": _value(page, "revision-bench")}
    for column in [bench.columns.all()[index] for index in columns]:
        form |= {
            f"{column.pk}.role": "user",
            f"{column.pk}.template": column.spec["content"]["messages"][0]["template"],
            f"{column.pk}.model": "scripted",
            f"{column.pk}.revision": _value(page, f"revision-{column.pk}"),
        }
    return form


def _value(page: str, name: str) -> str:
    found = parse(page).find(name)
    assert found is not None
    parent, index = found
    element = parent.children[index]
    assert isinstance(element, Element)
    return str(element.attributes["value"])


def said(bench: Workbench) -> list[str]:
    return [
        column.spec["content"]["messages"][0]["template"]
        for column in bench.columns.order_by("position")
    ]


def test_it_keeps_a_table_that_somebody_else_uploaded_meanwhile(
    alice: User, bob: User, bench_of: Bench, client_for: Sign
) -> None:
    bench = bench_of()
    column = bench.columns.get()
    mine = form_of(client_for(alice), bench, 0)
    table = {"do": "table", "table": "word\nein\nzwei"}
    client_for(bob).post(f"/workbench/{bench.pk}", table, headers=PARTS)

    mine[f"{column.pk}.template"] = "Whisper {{ word }}."
    answer = client_for(alice).post(f"/workbench/{bench.pk}/save", mine, headers=PARTS)

    bench.refresh_from_db()
    assert answer.status_code == 200
    assert len(bench.inputs) == 2
    assert said(bench) == ["Whisper {{ word }}."]


def test_it_keeps_what_two_people_type_in_different_columns(
    alice: User, bob: User, bench_of: Bench, client_for: Sign
) -> None:
    bench = bench_of(draft("one {{ word }}"), draft("two {{ word }}"))
    first, second = bench.columns.all()
    hers, his = form_of(client_for(alice), bench, 0), form_of(client_for(bob), bench, 1)

    hers[f"{first.pk}.template"] = "ONE {{ word }}"
    his[f"{second.pk}.template"] = "TWO {{ word }}"
    answers = [
        client_for(person).post(f"/workbench/{bench.pk}/save", form, headers=PARTS)
        for person, form in ((alice, hers), (bob, his))
    ]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert said(bench) == ["ONE {{ word }}", "TWO {{ word }}"]


def test_it_refuses_what_was_typed_over_something_older(
    alice: User, bob: User, bench_of: Bench, client_for: Sign
) -> None:
    bench = bench_of(name="Before")
    column = bench.columns.get()
    key = f"{column.pk}.template"
    hers, his = form_of(client_for(alice), bench, 0), form_of(client_for(bob), bench, 0)
    client_for(alice).post(f"/workbench/{bench.pk}/save", {**hers, key: "A"}, headers=PARTS)

    late = client_for(bob).post(
        f"/workbench/{bench.pk}/save", {**his, key: "B", "name": "After"}, headers=PARTS
    )

    bench.refresh_from_db()
    assert late.status_code == 409
    assert "workbench.edited-meanwhile" in late.content.decode()
    assert said(bench) == ["A"]
    assert bench.name == "Before"


def test_it_goes_on_from_the_revision_that_an_answer_brings(
    alice: User, bench_of: Bench, client_for: Sign
) -> None:
    bench = bench_of()
    column = bench.columns.get()
    key, client = f"{column.pk}.template", client_for(alice)
    form = form_of(client, bench, 0)

    for text in ("A", "B"):
        answer = client.post(f"/workbench/{bench.pk}/save", {**form, key: text}, headers=PARTS)
        form[f"{column.pk}.revision"] = _value(answer.content.decode(), f"revision-{column.pk}")

    assert said(bench) == ["B"]


def test_it_writes_nothing_and_one_audit_row_where_nothing_was_typed(
    alice: User, bench_of: Bench, client_for: Sign
) -> None:
    bench = bench_of()
    client = client_for(alice)
    form = form_of(client, bench, 0)
    before = Workbench.objects.get(pk=bench.pk).updated_at
    rows = AuditRow.objects.count()

    answer = client.post(f"/workbench/{bench.pk}/save", form, headers=PARTS)

    assert answer.status_code == 200
    assert Workbench.objects.get(pk=bench.pk).updated_at == before
    assert AuditRow.objects.count() == rows + 1


def test_it_holds_the_api_to_revisions_that_it_names(
    alice: User, bench_of: Bench, api_for: Sign
) -> None:
    bench = bench_of()
    where, json = f"/api/workbench/{bench.pk}", "application/json"
    column = bench.columns.get()
    seen = api_for(alice).get(where).json()
    change_workbench(alice.context(), bench.pk, Changes(name="Mine"))
    change_workbench(alice.context(), bench.pk, Changes(columns={str(column.pk): draft("x")}))

    late = api_for(alice).patch(where, {"name": "Late", "revision": seen["revision"]}, json)
    late_column = api_for(alice).put(
        f"{where}/columns/{column.pk}",
        {**draft("y"), "revision": seen["columns"][0]["revision"]},
        json,
    )
    over = api_for(alice).patch(where, {"name": "Over"}, json)

    assert late.status_code == late_column.status_code == 409
    assert late_column.json()["code"] == "workbench.edited-meanwhile"
    assert late_column.json()["column"] == str(column.pk)
    assert over.json()["name"] == "Over"


def test_it_refuses_a_change_of_an_older_column(alice: User, bench_of: Bench) -> None:
    bench = bench_of()
    key = str(bench.columns.get().pk)
    change_workbench(alice.context(), bench.pk, Changes(columns={key: draft("new")}))

    with pytest.raises(Conflict, match="edited-meanwhile"):
        change_workbench(
            alice.context(), bench.pk, Changes(columns={key: draft("old")}, revisions={key: 1})
        )

    assert said(bench) == ["new"]


def test_it_refuses_a_table_over_one_that_was_never_seen(
    alice: User, bob: User, bench_of: Bench, client_for: Sign
) -> None:
    bench = bench_of()
    seen = {"table_key": str(bench.table_key)}
    hers = {"do": "table", "table": "word\nein", **seen}
    client_for(alice).post(f"/workbench/{bench.pk}", hers, headers=PARTS)

    late = [
        client_for(bob).post(f"/workbench/{bench.pk}", {**his, **seen}, headers=PARTS)
        for his in ({"do": "table", "table": "word\nzwei"}, {"do": "clear-table"})
    ]
    same = client_for(bob).post(f"/workbench/{bench.pk}", hers, headers=PARTS)

    bench.refresh_from_db()
    assert [answer.status_code for answer in late] == [409, 409]
    assert "workbench.edited-meanwhile" in late[0].content.decode()
    assert same.status_code == 204
    assert bench.inputs == [{"word": "ein"}]


def test_it_holds_a_table_over_the_api_to_the_revision_that_it_names(
    alice: User, bob: User, bench_of: Bench, api_for: Sign
) -> None:
    bench = bench_of()
    where, json = f"/api/workbench/{bench.pk}", "application/json"
    seen = api_for(alice).get(where).json()["revision"]
    body = {"table": {"csv": "word\nein"}, "revision": seen}
    api_for(bob).patch(where, {"table": {"csv": "word\nzwei"}, "revision": seen}, json)

    late = api_for(alice).patch(where, body, json)

    bench.refresh_from_db()
    assert late.status_code == 409
    assert late.json()["code"] == "workbench.edited-meanwhile"
    assert bench.inputs == [{"word": "zwei"}]
