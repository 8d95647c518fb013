"""Columns are asked at once, each for itself, and cells keep what was asked and answered."""

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.db.models import F
from django.test import Client
from pydantic import Field

from playground.console.workbench.continuing import continue_cell
from playground.console.workbench.keeping import add_column, change_workbench, remove_column
from playground.console.workbench.merging import Changes
from playground.console.workbench.models import Cell, Column, Turn
from playground.console.workbench.running import KEPT_CELLS, run_columns, stop
from playground.core import spans
from playground.core.errors import Conflict, InvalidInput, NotFound, PolicyDenied
from playground.gateway.models import Quota
from playground.gateway.providers import scripted
from playground.messaging.draining import drain
from playground.messaging.models import Lane, Run
from playground.policy.models import User
from playground.prompts.models import PromptVersion
from playground.tracing.models import Span
from skills import registry
from skills.declaring import SkillArgs, SkillContext, skill
from tests.console.workbench.conftest import Bench, Work, draft

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

SIX_TIMES_SEVEN = {"id": "c1", "name": "math__calculate", "arguments": {"expression": "6*7"}}
MULTIPLY = {"tool_calls": [SIX_TIMES_SEVEN]}
TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


class Sending(SkillArgs):
    word: str = Field(description="What to send.")


def texts(cells: list[Cell]) -> list[str]:
    return [cell.turns.last().said[-1]["content"].strip() for cell in cells]  # type: ignore[union-attr]


def turn_of(cell: Cell) -> Turn:
    found = cell.turns.last()
    assert found is not None
    return found


def test_it_answers_in_every_column_with_figures_and_a_trace(
    alice: User, bench_of: Bench, work: Work
) -> None:
    bench = bench_of(draft("Say {{ word }}."), draft("Shout {{ word }}!"))

    run_columns(alice.context(), bench.pk)
    cells = work(bench)

    assert texts(cells) == ["You said: Say hello.", "You said: Shout hello!"]
    figures = turn_of(cells[0]).figures
    assert figures["finish_reason"] == "stop"
    assert figures["input_tokens"] > 0
    assert figures["output_tokens"] > 0
    assert 0 <= figures["first_token_ms"] <= figures["total_ms"]
    spans.flush()
    kinds = Span.objects.filter(trace_id=turn_of(cells[0]).trace_id).values_list("kind", flat=True)
    assert sorted(kinds) == ["chain", "model"]


def test_it_asks_a_stored_version_by_number_and_by_label(
    alice: User, bench_of: Bench, work: Work, outreach: PromptVersion
) -> None:
    bench = bench_of(
        {"source": "hiring/outreach@1", "model": "scripted"},
        {"source": "hiring/outreach", "model": "scripted"},
        variables={"name": "Ana", "job": {"title": "Engineer"}},
    )

    run_columns(alice.context(), bench.pk)
    cells = work(bench)

    assert texts(cells) == [
        "You said: Write to Ana.",
        "You said: Write warmly to Ana about Engineer.",
    ]
    spans.flush()
    root = Span.objects.get(trace_id=turn_of(cells[1]).trace_id, kind="chain")
    assert root.attribute("playground.prompt.version") == 2


def test_it_shows_an_error_in_place_and_lets_the_others_go_on(
    alice: User, bench_of: Bench, work: Work
) -> None:
    bench = bench_of(
        draft("{{ nobody }}"),
        draft("{% if %}"),
        draft(model="no/such-model"),
        {"source": "hiring/nothing:production"},
        draft(),
    )

    run_columns(alice.context(), bench.pk)
    cells = work(bench)

    codes = [cell.error and cell.error["code"] for cell in cells]
    assert codes == ["prompt.inputs", "prompt.syntax", "model.unknown", "prompt.not-found", None]
    assert texts(cells[4:]) == ["You said: Say hello."]


def test_it_fails_one_cell_where_the_model_fails(alice: User, bench_of: Bench, work: Work) -> None:
    bench = bench_of(table={"names": ["word"], "rows": [["a"], ["b"], ["c"]]})
    refused = {"error": {"code": "provider.refused", "retryable": False}}
    scripted.queue(["first", refused, "third"])

    run_columns(alice.context(), bench.pk, table=True)
    cells = work(bench)

    by_state = {
        state: [cell for cell in cells if turn_of(cell).state == state]
        for state in ("failed", "succeeded")
    }
    [failed] = by_state["failed"]
    failure = turn_of(failed).failure
    assert failure is not None
    assert failure["code"] == "provider.refused"
    assert sorted(texts(by_state["succeeded"])) == ["first", "third"]


def test_it_refuses_in_place_what_a_quota_forbids(
    alice: User, bench_of: Bench, work: Work, hiring: Any
) -> None:
    Quota.objects.create(team=hiring, kind="requests", cap=1)
    bench = bench_of(draft(), draft())

    run_columns(alice.context(), bench.pk)
    cells = work(bench)

    assert sorted(turn_of(cell).state for cell in cells) == ["failed", "succeeded"]
    failed = next(turn_of(cell) for cell in cells if turn_of(cell).state == "failed")
    assert failed.failure is not None
    assert failed.failure["code"].startswith("quota.")


def test_it_goes_on_with_a_conversation(alice: User, bench_of: Bench, work: Work) -> None:
    bench = bench_of()
    run_columns(alice.context(), bench.pk)
    [cell] = work(bench)

    continue_cell(alice.context(), bench.pk, cell.pk, content="And louder?")
    [cell] = work(bench)

    assert [turn.number for turn in cell.turns.all()] == [1, 2]
    assert texts([cell]) == ["You said: And louder?"]


def test_it_waits_for_a_result_and_takes_one_that_is_made_up(
    alice: User, bench_of: Bench, work: Work
) -> None:
    bench = bench_of(draft(tools=[TOOL]))
    asks = {"tool_calls": [{"id": "c1", "name": "weather", "arguments": {"city": "Oslo"}}]}
    scripted.queue([asks, "Take a coat"])
    run_columns(alice.context(), bench.pk)
    [cell] = work(bench)
    assert turn_of(cell).figures["finish_reason"] == "tool_calls"

    with pytest.raises(Conflict, match="calls-waiting"):
        continue_cell(alice.context(), bench.pk, cell.pk, content="Well?")
    with pytest.raises(InvalidInput, match="results-missing"):
        continue_cell(alice.context(), bench.pk, cell.pk, results={})
    continue_cell(alice.context(), bench.pk, cell.pk, results={"c1": {"celsius": -3}})
    [cell] = work(bench)

    assert texts([cell]) == ["Take a coat"]
    told = turn_of(cell).asked[0]
    assert json.loads(told["content"]) == {"celsius": -3}
    assert told["by"] == "simulated"


def test_it_answers_calls_from_what_was_simulated(alice: User, bench_of: Bench, work: Work) -> None:
    simulated = {"weather": {"celsius": 30}}
    bench = bench_of(draft(tools=[TOOL], tool_mode="simulate", simulated=simulated))
    scripted.queue([{"tool_calls": [{"name": "weather", "arguments": {}}]}, "Swim"])

    run_columns(alice.context(), bench.pk)
    [cell] = work(bench)

    assert [message["role"] for message in turn_of(cell).said] == ["assistant", "tool", "assistant"]
    assert texts([cell]) == ["Swim"]
    assert turn_of(cell).figures["calls"] == 2


def test_it_calls_the_real_skill_where_that_was_chosen(
    alice: User, bench_of: Bench, work: Work
) -> None:
    bench = bench_of(draft(skills=["math.calculate"], tool_mode="skills"))
    scripted.queue([MULTIPLY, "It is 42"])

    run_columns(alice.context(), bench.pk)
    [cell] = work(bench)

    result = turn_of(cell).said[1]
    assert result["by"] == "math.calculate"
    assert "42" in result["content"]
    assert texts([cell]) == ["It is 42"]


def test_it_tells_a_skill_calls_apart_to_which_a_provider_gave_the_same_id(
    alice: User, bench_of: Bench, work: Work
) -> None:
    steps: list[str] = []

    @skill("test.look", title="Look", description="Look at a word.")
    def look(args: Sending, context: SkillContext) -> str:
        steps.append(f"{context.call_id} {context.step}")
        return "seen"

    registry.register(look)
    try:
        bench = bench_of(draft(skills=["test.look"], tool_mode="skills"))
        asks = {"tool_calls": [{"id": "c1", "name": "test__look", "arguments": {"word": "hi"}}]}
        scripted.queue([asks, asks, "Done"])
        run_columns(alice.context(), bench.pk)
        [cell] = work(bench)
    finally:
        registry.unregister("test.look")

    turn = turn_of(cell).pk
    assert steps == [f"c1 {turn}/1", f"c1 {turn}/2"]
    assert texts([cell]) == ["Done"]


def test_it_calls_a_skill_once_a_person_says_so(alice: User, bench_of: Bench, work: Work) -> None:
    bench = bench_of(draft(skills=["math.calculate"]))
    scripted.queue([MULTIPLY, "It is 42"])
    run_columns(alice.context(), bench.pk)
    [cell] = work(bench)
    assert [message["role"] for message in turn_of(cell).said] == ["assistant"]

    continue_cell(alice.context(), bench.pk, cell.pk, invoke=True)
    [cell] = work(bench)

    assert [message["role"] for message in turn_of(cell).said] == ["tool", "assistant"]


def test_it_asks_before_a_skill_changes_something(alice: User, bench_of: Bench, work: Work) -> None:
    sent: list[str] = []

    @skill("test.send", title="Send", description="Send a word.", effect="write")
    def send(args: Sending, context: SkillContext) -> str:
        sent.append(args.word)
        return "sent"

    registry.register(send)
    try:
        bench = bench_of(draft(skills=["test.send"], tool_mode="skills"))
        asks = {"tool_calls": [{"name": "test__send", "arguments": {"word": "hi"}}]}
        scripted.queue([asks, "Done"])
        run_columns(alice.context(), bench.pk)
        [cell] = work(bench)
        assert sent == []

        continue_cell(alice.context(), bench.pk, cell.pk, invoke=True)
        [cell] = work(bench)
    finally:
        registry.unregister("test.send")

    assert sent == ["hi"]
    assert texts([cell]) == ["Done"]


def test_it_asks_a_person_where_a_worker_was_lost_after_a_skill_had_acted(
    alice: User, bench_of: Bench, work: Work, client_for: Callable[..., Client]
) -> None:
    sent: list[str] = []

    @skill("test.send", title="Send", description="Send a word.", effect="write")
    def send(args: Sending, context: SkillContext) -> str:
        sent.append(args.word)
        if args.word == "lost":
            # Somebody else has the lane now: nothing that this worker knows can be written.
            Lane.objects.filter(kind="workbench").update(lease_epoch=F("lease_epoch") + 1)
        return "sent"

    registry.register(send)
    try:
        bench = bench_of(draft(skills=["test.send"]))
        calls = [
            {"id": word, "name": "test__send", "arguments": {"word": word}}
            for word in ("before", "lost", "after")
        ]
        scripted.queue([{"tool_calls": calls}, "Done"])
        run_columns(alice.context(), bench.pk)
        [cell] = work(bench)
        continue_cell(alice.context(), bench.pk, cell.pk, invoke=True)
        work(bench)
        Lane.objects.filter(kind="workbench").update(lease_until=None, lease_owner="")
        [cell] = work(bench)
        page = client_for(alice).get(f"/workbench/{bench.pk}").content.decode()
        turn = turn_of(cell)

        assert sent == ["before", "lost", "after"]
        assert turn.state == "succeeded"
        assert [each["tool_call_id"] for each in turn.said] == ["before", "after"]
        assert turn.unknown == ["lost"]
        assert "it may have acted" in page

        # A person who looked says that it was not sent.
        continue_cell(alice.context(), bench.pk, cell.pk, invoke=True)
        [cell] = work(bench)
    finally:
        registry.unregister("test.send")
    assert sent == ["before", "lost", "after", "lost"]


def test_it_calls_a_skill_again_that_only_looked_when_the_worker_was_lost(
    alice: User, bench_of: Bench, work: Work
) -> None:
    bench = bench_of(draft(skills=["math.calculate"], tool_mode="skills"))
    [cell] = run_columns(alice.context(), bench.pk)
    scripted.queue(["It is 42"])
    asks = {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {
                "id": "c1",
                "type": "function",
                "function": {"name": "math__calculate", "arguments": '{"expression": "6*7"}'},
            }
        ],
    }
    Turn.objects.filter(cell=cell).update(
        status="running", said=[asks], intents={"c1": "math.calculate"}
    )

    [cell] = work(bench)

    assert texts([cell]) == ["It is 42"]
    assert turn_of(cell).unknown == []


def test_it_asks_nothing_when_a_setting_would_take_the_place_of_what_is_asked(
    alice: User, bench_of: Bench, work: Work
) -> None:
    spec = draft()
    settings = {"messages": [{"role": "user", "content": "other"}], "n": 3, "stream": False,
                "tools": [TOOL], "seed": 7}  # fmt: skip
    bench = bench_of({**spec, "content": {**spec["content"], "settings": settings}})

    run_columns(alice.context(), bench.pk)
    [cell] = work(bench)

    assert cell.error is not None
    assert cell.error["code"] == "prompt.settings"
    assert not cell.turns.exists()


def test_it_says_in_the_cells_that_no_time_was_left_to_render_them(
    alice: User, bench_of: Bench, work: Work
) -> None:
    slow = "{% for a in range(4000) %}{{ word }}{% endfor %}"
    bench = bench_of(draft(slow), draft(slow), table={"names": ["word"], "rows": [["a"]] * 20})

    cells = run_columns(alice.context(), bench.pk, table=True, seconds=0.02)

    assert cells[0].error is None
    assert cells[-1].error is not None
    assert cells[-1].error["code"] == "workbench.rendering-slow"
    assert len(cells) == 40


def test_it_keeps_the_newest_outputs(alice: User, bench_of: Bench, work: Work) -> None:
    bench = bench_of(draft("{{ nobody }}"))

    for _ in range(KEPT_CELLS + 3):
        run_columns(alice.context(), bench.pk)

    assert Cell.objects.filter(column__bench=bench).count() == KEPT_CELLS


def test_it_marks_whether_structured_output_fits(alice: User, bench_of: Bench, work: Work) -> None:
    schema = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
    form = {"type": "json_schema", "json_schema": {"name": "person", "schema": schema}}
    bench = bench_of(draft(response_format=form), draft(response_format=form))
    scripted.queue(['{"age": 3}', '{"age": "three"}'])

    run_columns(alice.context(), bench.pk)
    cells = work(bench)

    verdicts = [turn_of(cell).check_result for cell in cells]
    assert verdicts[0] == {"valid": True, "violations": []}
    assert verdicts[1] is not None
    assert verdicts[1]["valid"] is False
    assert verdicts[1]["violations"] == ["/age: type integer"]


def test_it_keeps_what_was_written_when_it_is_stopped(
    alice: User, bench_of: Bench, work: Work
) -> None:
    bench = bench_of()
    scripted.queue([{"text": "one two three " * 200, "chunk_ms": 20}])
    run_columns(alice.context(), bench.pk)
    worker = threading.Thread(target=lambda: work(bench))
    worker.start()
    _wait_for(lambda: Run.objects.exclude(partial_text="").exists())

    stopped = stop(alice.context(), bench.pk)
    worker.join(20)

    [cell] = Cell.objects.shown(bench)
    assert stopped == 1
    assert turn_of(cell).state == "cancelled"
    assert turn_of(cell).said[0]["content"].startswith("one two")


def test_it_goes_on_where_a_lost_worker_left_off(alice: User, bench_of: Bench, work: Work) -> None:
    bench = bench_of(table={"names": ["word"], "rows": [["a"], ["b"]]})
    cells = run_columns(alice.context(), bench.pk, table=True)
    Turn.objects.filter(cell=cells[0]).update(
        status="running", said=[{"role": "assistant", "content": "was written"}]
    )

    done = work(bench)

    assert texts(done) == ["was written", "You said: Say b."]


def test_it_holds_what_a_lost_worker_wrote_to_its_format(
    alice: User, bench_of: Bench, work: Work
) -> None:
    bench = bench_of(draft(response_format={"type": "json_object"}))
    [cell] = run_columns(alice.context(), bench.pk)
    Turn.objects.filter(cell=cell).update(
        status="running", said=[{"role": "assistant", "content": "no JSON"}]
    )

    [done] = work(bench)

    assert turn_of(done).check_result == {"valid": False, "violations": ["/: not a JSON object"]}


def test_it_leaves_a_column_alone_that_is_at_work(alice: User, bench_of: Bench) -> None:
    bench = bench_of()
    run_columns(alice.context(), bench.pk)

    with pytest.raises(Conflict, match="column-busy"):
        run_columns(alice.context(), bench.pk)


def test_it_asks_once_where_two_people_run_a_column_at_once(
    alice: User, bob: User, bench_of: Bench
) -> None:
    bench = bench_of()
    column = bench.columns.get()
    at_once = threading.Barrier(3)
    came_of_it: list[str] = []

    def run(person: User) -> None:
        at_once.wait(10)
        try:
            run_columns(person.context(), bench.pk)
            came_of_it.append("asked")
        except Conflict as error:
            came_of_it.append(error.code)
        finally:
            connections.close_all()

    people = [threading.Thread(target=run, args=(person,)) for person in (alice, bob)]
    with transaction.atomic():
        # Both have seen that nothing runs before either of them can write.
        Column.objects.select_for_update().get(pk=column.pk)
        Lane.objects.select_for_update().get(pk=column.lane_id)
        for each in people:
            each.start()
        at_once.wait(10)
        _wait_for(lambda: _waiting() == len(people))
    for each in people:
        each.join(20)

    assert sorted(came_of_it) == ["asked", "workbench.column-busy"]
    assert Run.objects.filter(lane=column.lane_id).count() == 1
    assert Cell.objects.filter(column=column).count() == 1


def _waiting() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return int(cursor.fetchone()[0])


def test_it_shows_only_what_belongs_to_the_present_table(
    alice: User, bench_of: Bench, work: Work
) -> None:
    bench = bench_of(table={"names": ["word"], "rows": [["a"], ["b"]]})
    run_columns(alice.context(), bench.pk, table=True)
    assert len(work(bench)) == 2

    table = {"names": ["word"], "rows": [["z"]]}
    changed = change_workbench(alice.context(), bench.pk, Changes(table=table))

    assert list(Cell.objects.shown(changed)) == []


def test_it_removes_a_column_with_what_runs_in_it(alice: User, bench_of: Bench) -> None:
    bench = bench_of()
    other = add_column(alice.context(), bench.pk)
    run_columns(alice.context(), bench.pk)

    remove_column(alice.context(), bench.pk, other.pk)
    drain(other.lane_id)

    assert bench.columns.count() == 1
    assert Cell.objects.filter(column=other.pk).count() == 0
    with pytest.raises(Conflict, match="last-column"):
        remove_column(alice.context(), bench.pk, bench.columns.get().pk)


def test_it_lets_a_viewer_look_and_a_stranger_not_even_that(
    alice: User, vera: User, charlie: User, bench_of: Bench
) -> None:
    bench = bench_of()

    with pytest.raises(PolicyDenied):
        run_columns(vera.context(), bench.pk)
    with pytest.raises(NotFound, match="not-found"):
        run_columns(charlie.context(), bench.pk)


def _wait_for(condition: Any) -> None:
    for _ in range(200):
        if condition():
            return
        threading.Event().wait(0.05)
    raise AssertionError("it did not come")
