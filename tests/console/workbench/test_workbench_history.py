"""The last runs of a column, and one of them beside its newest outputs."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from playground.console.workbench.continuing import continue_cell
from playground.console.workbench.keeping import change_workbench
from playground.console.workbench.merging import Changes
from playground.console.workbench.models import Cell
from playground.console.workbench.recalling import SHOWN, past_runs
from playground.console.workbench.running import run_columns
from playground.gateway.providers import scripted
from playground.messaging.models import Run
from playground.policy.models import User
from playground.prompts.models import PromptVersion
from tests.console.workbench.conftest import Bench, Work, draft

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

Sign = Callable[..., Client]
TABLE = {"names": ["word"], "rows": [["a"], ["b"], ["c"]]}


def test_it_tells_the_last_runs_of_a_column(
    alice: User, bob: User, bench_of: Bench, work: Work, outreach: PromptVersion
) -> None:
    bench = bench_of(
        {"source": "hiring/outreach@1", "model": "scripted"},
        draft(),
        variables={"name": "Ana", "word": "hi"},
        table=TABLE,
    )
    named, drafted = bench.columns.all()
    scripted.queue(["one", {"error": {"code": "provider.refused", "retryable": False}}])
    run_columns(alice.context(), bench.pk, columns=[named.pk])
    work(bench)
    run_columns(bob.context(), bench.pk, columns=[drafted.pk], table=True)
    work(bench)

    [first] = past_runs(bench, [named])
    [second] = past_runs(bench, [drafted])

    assert (first.author, first.ref, first.model) == (
        "user:alice",
        "hiring/outreach@1",
        "scripted",
    )
    assert (first.rows, first.failed) == (0, 0)
    assert first.input_tokens > 0
    assert (second.author, second.ref) == ("user:bob", "")
    assert (second.rows, second.failed) == (3, 1)


def test_it_counts_a_row_as_failed_by_what_came_of_it_last(
    alice: User, bench_of: Bench, work: Work
) -> None:
    bench = bench_of(table=TABLE)
    column = bench.columns.get()
    scripted.queue([{"error": {"code": "provider.refused", "retryable": False}}, "b", "c"])
    run_columns(alice.context(), bench.pk, table=True)
    cells = work(bench)
    [broken] = [cell for cell in cells if cell.turns.get().state == "failed"]
    [left, _] = [cell for cell in cells if cell != broken]

    [before] = past_runs(bench, [column])
    continue_cell(alice.context(), bench.pk, broken.pk, content="Once more, please.")
    work(bench)
    [mended] = past_runs(bench, [column])
    # Its worker was lost until nobody tried again.
    Run.objects.filter(pk=left.turns.get().run_id).update(status="dead")
    left.turns.update(status="running")
    [lost] = past_runs(bench, [column])

    assert (before.failed, mended.failed, lost.failed) == (1, 0, 1)


def test_it_lists_the_newest_first_and_not_all(alice: User, bench_of: Bench) -> None:
    bench = bench_of(draft("{{ nobody }}"))
    for _ in range(SHOWN + 2):
        run_columns(alice.context(), bench.pk)
    newest = Cell.objects.filter(column__bench=bench).order_by("-created_at")

    runs = past_runs(bench, list(bench.columns.all()))

    assert [run.batch for run in runs] == [cell.batch for cell in newest[:SHOWN]]


def test_it_shows_an_earlier_run_beside_the_newest(
    alice: User, bench_of: Bench, work: Work, client_for: Sign
) -> None:
    bench = bench_of(table=TABLE)
    column = bench.columns.get()
    for text in ("the old words", "the new words"):
        scripted.queue([text])
        run_columns(alice.context(), bench.pk)
        work(bench)
    older = past_runs(bench, [column])[1]
    client = client_for(alice)

    listed = client.get(
        f"/workbench/{bench.pk}/columns/{column.pk}/history?against={column.pk}"
    ).content.decode()
    page = client.get(
        f"/workbench/{bench.pk}?earlier={older.batch}&against={column.pk}"
    ).content.decode()
    alone = client.get(f"/workbench/{bench.pk}").content.decode()

    link = f"/workbench/{bench.pk}?against={column.pk}&amp;earlier={older.batch}"
    assert link in listed
    assert f'id="earlier-{column.pk}"' in page
    assert "the <mark>old</mark> words" in page
    assert "the new words" in page
    assert "Say hello." in page
    assert "the old words" not in alone


def test_it_shows_the_rows_of_an_earlier_run_beside_the_newest(
    alice: User, bench_of: Bench, work: Work, client_for: Sign
) -> None:
    bench = bench_of(draft(), draft(), table=TABLE)
    first = bench.columns.all()[0]
    run_columns(alice.context(), bench.pk, table=True)
    work(bench)
    older = past_runs(bench, [first])[0]
    run_columns(alice.context(), bench.pk, table=True)
    work(bench)

    address = f"/workbench/{bench.pk}?earlier={older.batch}"
    page = client_for(alice).get(address).content.decode()
    change_workbench(alice.context(), bench.pk, Changes(table={"names": ["word"], "rows": [["z"]]}))
    replaced = client_for(alice).get(address)

    assert page.count('id="earlier-') == 1 + 3
    assert page.count('id="cell-') == 2 + 6
    # Its rows are those of another table.
    assert replaced.status_code == 200
    assert 'id="earlier-' not in replaced.content.decode()


def test_it_tells_the_same_over_the_api_and_strangers_nothing(
    alice: User, charlie: User, bench_of: Bench, work: Work, api_for: Sign
) -> None:
    bench = bench_of(draft(), draft())
    for _ in range(2):
        run_columns(alice.context(), bench.pk)
        work(bench)
    where, api = f"/api/workbench/{bench.pk}", api_for(alice)
    first = bench.columns.all()[0]

    all_runs = api.get(f"{where}/runs").json()["items"]
    runs = api.get(f"{where}/runs?column={first.pk}").json()["items"]
    cells = api.get(f"{where}/cells?batch={runs[1]['batch']}").json()["items"]

    assert len(all_runs) == 4
    assert [run["column_id"] for run in runs] == [str(first.pk)] * 2
    assert runs[0]["prompt"] is None
    assert runs[0]["author"] == "user:alice"
    assert [cell["batch"] for cell in cells] == [runs[1]["batch"]]
    assert api_for(charlie).get(f"{where}/runs").status_code == 404


@pytest.mark.parametrize("query", ["earlier=x", "earlier=0190e0e0-0000-7000-8000-000000000000"])
def test_it_shows_nothing_beside_where_there_is_no_such_run(
    alice: User, bench_of: Bench, client_for: Sign, query: str
) -> None:
    bench = bench_of()

    answer: Any = client_for(alice).get(f"/workbench/{bench.pk}?{query}")

    assert answer.status_code == 200
    assert "wb-earlier" not in answer.content.decode()
