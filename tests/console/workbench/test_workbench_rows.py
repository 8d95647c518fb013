"""Rows of a table: side by side, stopped together, run again, summed up, and given back."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from playground.console.workbench.looking import ROWS, Look, look_in, page_of
from playground.console.workbench.models import Turn, Workbench
from playground.console.workbench.running import run_columns, stop
from playground.console.workbench.spreading import MOST_ROWS, MOST_TOGETHER, width_of
from playground.console.workbench.standing import standings
from playground.console.workbench.summing import percentile
from playground.core.errors import Conflict
from playground.gateway.models import Quota
from playground.gateway.providers import scripted
from playground.messaging.models import Run
from playground.policy.models import User
from tests.console.dom import parse
from tests.console.workbench.conftest import Bench, Work, draft

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

Sign = Callable[..., Client]
SLOW = {"text": "one two three " * 400, "chunk_ms": 20}
REFUSED = {"error": {"code": "provider.refused", "retryable": False}}


def words(count: int) -> dict[str, Any]:
    return {"names": ["word"], "rows": [[f"word {number}"] for number in range(1, count + 1)]}


def states(bench: Workbench) -> dict[int, str]:
    return {each.row: each.state for each in standings(bench)}


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(600):
        if condition():
            return
        threading.Event().wait(0.05)
    raise AssertionError("it did not come")


def test_it_answers_rows_side_by_side_and_stops_all_of_them(
    alice: User, bench_of: Bench, work: Work
) -> None:
    bench = bench_of(table=words(MOST_ROWS + 2))
    scripted.queue([SLOW] * (MOST_ROWS + 2))
    run_columns(alice.context(), bench.pk, table=True)

    def drained() -> None:
        work(bench)
        connections.close_all()

    worker = threading.Thread(target=drained)
    worker.start()
    try:
        wait_for(lambda: Turn.objects.filter(status="running").count() == MOST_ROWS)
    finally:
        stopped = stop(alice.context(), bench.pk)
        worker.join(30)

    assert stopped == 1
    assert set(states(bench).values()) == {"cancelled"}
    assert not Run.objects.active().exists()


def test_it_shares_what_one_person_may_have_at_work_between_the_columns(
    alice: User, bench_of: Bench
) -> None:
    one, six = bench_of(table=words(9)), bench_of(*[draft()] * 6, table=words(9))

    run_columns(alice.context(), one.pk, table=True)
    alone = width_of(Run.objects.active().get())
    run_columns(alice.context(), six.pk, table=True)
    crowded = [width_of(run) for run in Run.objects.active()]

    assert alone == MOST_ROWS
    assert len(crowded) == 7
    assert 7 <= sum(crowded) <= MOST_TOGETHER


def test_it_waits_its_turn_where_a_quota_lets_one_call_run_at_once(
    alice: User, bench_of: Bench, work: Work, hiring: Any
) -> None:
    Quota.objects.create(team=hiring, kind="streams", cap=1)
    bench = bench_of(table=words(4))
    scripted.queue([{"text": "a few words", "chunk_ms": 30}] * 4)

    run_columns(alice.context(), bench.pk, table=True)
    work(bench)

    assert set(states(bench).values()) == {"succeeded"}


def test_it_runs_only_the_rows_again_that_failed(alice: User, bench_of: Bench, work: Work) -> None:
    bench = bench_of(table=words(5))
    scripted.queue(["fine", REFUSED, "fine", REFUSED, "fine"])
    run_columns(alice.context(), bench.pk, table=True)
    work(bench)
    failed = {row for row, state in states(bench).items() if state == "failed"}

    cells = run_columns(alice.context(), bench.pk, table=True, only="failed")
    work(bench)

    assert len(failed) == 2
    assert {cell.row for cell in cells} == failed
    assert set(states(bench).values()) == {"succeeded"}
    with pytest.raises(Conflict, match="nothing-to-run"):
        run_columns(alice.context(), bench.pk, table=True, only="failed")


def test_it_runs_what_was_stopped_and_what_never_began(
    alice: User, bench_of: Bench, work: Work
) -> None:
    bench = bench_of(draft(), draft(), table=words(2))
    first, second = bench.columns.all()
    run_columns(alice.context(), bench.pk, columns=[first.pk], table=True)
    stop(alice.context(), bench.pk)

    with pytest.raises(Conflict, match="nothing-to-run"):
        run_columns(alice.context(), bench.pk, table=True, only="failed")
    cells = run_columns(alice.context(), bench.pk, table=True, only="rest")
    work(bench)

    assert {(cell.column_id, cell.row) for cell in cells} == {
        (column.pk, row) for column in (first, second) for row in (1, 2)
    }
    assert {each.state for each in standings(bench)} == {"succeeded"}


def test_it_keeps_the_page_small_however_many_rows_there_are(
    alice: User, bench_of: Bench, work: Work, client_for: Sign, django_assert_max_num_queries: Any
) -> None:
    client, queries = client_for(alice), []
    for count in (ROWS, 8 * ROWS):
        bench = bench_of(draft("{{ nobody }}"), draft("{{ nobody }}"), table=words(count))
        run_columns(alice.context(), bench.pk, table=True)
        client.get(f"/workbench/{bench.pk}")
        with django_assert_max_num_queries(200) as asked:
            page = client.get(f"/workbench/{bench.pk}?page=99").content.decode()
        # What the process reads anew every second is no matter of the page.
        queries.append(sum("console_" in each["sql"] for each in asked.captured_queries))
        parts = client.get(f"/workbench/{bench.pk}/outputs?page=99").content.decode()

        assert page.count("<tr data-row=") == ROWS
        assert parts.count('id="cell-') == 2 * ROWS + 2
        assert f'data-row="{count}"' in page
        assert f"{2 * count} of {2 * count} done" in page

    assert queries[0] == queries[1]


def test_it_shows_only_failed_rows_and_keeps_them_while_they_run_again(
    alice: User, bench_of: Bench, work: Work, client_for: Sign
) -> None:
    bench = bench_of(table=words(30))
    scripted.queue(["fine"] * 29 + [REFUSED])
    run_columns(alice.context(), bench.pk, table=True)
    work(bench)
    [failed] = [row for row, state in states(bench).items() if state == "failed"]
    client = client_for(alice)
    column = bench.columns.get()

    shown = client.get(f"/workbench/{bench.pk}?show=failed").content.decode()
    run_columns(alice.context(), bench.pk, table=True, only="failed")
    work(bench)
    address = f"/workbench/{bench.pk}/outputs?show=failed&rows={failed}"
    parts = parse(client.get(address).content.decode())

    assert shown.count("<tr data-row=") == 1
    assert "Retry 1 failed" in shown
    assert parts.find(f"cell-{column.pk}-{failed}") is not None
    # It counts the rows that are in sight, and would lead to none beyond them.
    assert parts.find("pager") is None
    assert "No row" in client.get(f"/workbench/{bench.pk}?show=failed").content.decode()


def test_it_sums_up_what_the_rows_of_a_column_took(
    alice: User, bench_of: Bench, work: Work, api_for: Sign, client_for: Sign
) -> None:
    bench = bench_of(draft(), draft("{{ nobody }}"), table=words(3))
    scripted.queue(["a", "b", REFUSED])
    run_columns(alice.context(), bench.pk, table=True)
    work(bench)

    told = api_for(alice).get(f"/api/workbench/{bench.pk}/summary").json()
    page = client_for(alice).get(f"/workbench/{bench.pk}").content.decode()

    first, second = told["columns"]
    assert (told["total"], told["done"], told["failed"]) == (6, 6, 4)
    assert (first["answered"], first["failed"]) == (2, 1)
    assert 0 < first["p50_ms"] <= first["p95_ms"]
    assert first["input_tokens"] > 0
    assert (second["answered"], second["failed"], second["p95_ms"]) == (0, 3, None)
    assert "Time, p95" in page
    assert "3 failed" in page


def test_it_gives_inputs_and_outputs_back_as_json(
    alice: User, charlie: User, bench_of: Bench, work: Work, api_for: Sign, client_for: Sign
) -> None:
    bench = bench_of(draft(), draft("{{ nobody }}"), table=words(2))
    run_columns(alice.context(), bench.pk, table=True)
    work(bench)

    over_api = api_for(alice).get(f"/api/workbench/{bench.pk}/outputs.jsonl").content
    of_page = client_for(alice).get(f"/workbench/{bench.pk}/outputs.jsonl")

    lines = [json.loads(line) for line in over_api.splitlines()]
    assert [(line["row"], line["column"]) for line in lines] == [
        (1, "A"), (1, "B"), (2, "A"), (2, "B")
    ]  # fmt: skip
    assert lines[0]["inputs"] == {"word": "word 1"}
    assert lines[0]["output"].strip() == "You said: Say word 1."
    assert lines[0]["error"] is None
    assert lines[1]["error"]["code"] == "prompt.inputs"
    assert of_page.content == over_api
    assert "attachment" in of_page["content-disposition"]
    stranger = api_for(charlie).get(f"/api/workbench/{bench.pk}/outputs.jsonl")
    assert stranger.status_code == 404


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("integer", "1" + "0" * 30, None),
        ("object", '{"a": 123456789012345678901234}', None),
        ("number", "1e999", "prompt.inputs"),
        ("number", "NaN", "prompt.inputs"),
    ],
)
def test_it_keeps_numbers_that_json_can_write_and_says_which_it_cannot(
    alice: User, bench_of: Bench, client_for: Sign, kind: str, text: str, said: str | None
) -> None:
    asks = draft("Say {{ n }}.")
    asks["content"]["inputs"] = {
        "type": "object", "properties": {"n": {"type": kind}}, "required": ["n"]
    }  # fmt: skip
    bench = bench_of(asks, variables={}, table={"names": ["n"], "rows": [[text]]})
    client = client_for(alice)
    page, typed = f"/workbench/{bench.pk}", {"input.n": text}

    ran = client.post(page, {"do": "run-table", **typed}, headers={"HX-Request": "true"})
    again = client.post(page, {"do": "save", **typed}, headers={"HX-Request": "true"})
    [line] = client.get(f"{page}/outputs.jsonl").content.splitlines()

    assert (ran.status_code, again.status_code) == (200, 200)
    told = json.loads(line)
    assert (told["error"] or {}).get("code") == said
    assert said or told["inputs"]["n"] == json.loads(text)


@given(st.lists(st.floats(0, 1e6), min_size=1), st.integers(1, 100))
def test_it_finds_a_value_that_so_many_percent_do_not_exceed(
    values: list[float], percent: int
) -> None:
    found = percentile(values, percent)

    assert found in values
    assert sum(value <= found for value in values) * 100 >= len(values) * percent


@given(st.integers(0, 500), st.integers(1, 40))
def test_it_shows_every_row_on_one_page_alone(count: int, wanted: int) -> None:
    numbers = list(range(1, count + 1))

    pages = [
        page_of(Look(page=page), numbers) for page in range(1, page_of(Look(), numbers).count + 1)
    ]

    assert [number for page in pages for number in page.numbers] == numbers
    assert page_of(Look(page=wanted), numbers) == pages[min(wanted, len(pages)) - 1]


@pytest.mark.parametrize("page", ["", "-1", "x", "0", "9" * 30, "²"])
def test_it_looks_at_the_first_page_where_the_address_makes_no_sense(page: str) -> None:
    assert look_in({"page": page, "against": "x", "earlier": "", "rows": "a,2,²"}) == Look(
        rows=(2,)
    )
