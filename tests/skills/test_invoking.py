import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from django.db import connections
from pydantic import BaseModel, Field

from playground.core import spans
from playground.policy.models import AuditRow, User
from skills import limiting
from skills.declaring import Skill, SkillArgs, SkillContext, skill
from skills.invoking import MAX_ARGUMENT_BYTES, invoke

Register = Callable[[Skill], Skill]


class Wish(SkillArgs):
    count: int = Field(default=1, ge=1, le=5, description="How many.")
    name: str = Field(description="Whose.")


@pytest.fixture
def echo(registered: Register) -> Skill:
    @skill("demo.echo", title="Echo", description="Return the arguments.", team="hiring")
    def echo_arguments(args: Wish, context: SkillContext) -> dict[str, Any]:
        return {**args.model_dump(), "team": context.team, "summary": "1 echo"}

    return registered(echo_arguments)


def _declare(registered: Register, work: Callable[[SkillContext], Any], **options: Any) -> str:
    @skill("demo.work", title="Work", description="Works.", **options)
    def run(args: SkillArgs, context: SkillContext) -> Any:
        return work(context)

    return registered(run).name


@pytest.mark.parametrize("name", ["demo.echo", "demo__echo"])
def test_it_returns_the_output_when_all_is_well(echo: Skill, alice: User, name: str) -> None:
    outcome = invoke(alice.context(), name, {"name": " Ana ", "count": 2})

    assert outcome.ok
    assert outcome.output == {"count": 2, "name": "Ana", "team": "hiring", "summary": "1 echo"}
    assert outcome.summary == "1 echo"
    assert outcome.version == echo.version
    assert len(outcome.trace_id or "") == 32


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({}, "name: is required"),
        ({"name": "a", "count": 9}, "count: should be less than or equal to 5, not '9'"),
        ({"name": "a", "cuont": 2}, "cuont: there is no such argument; there are: count, name"),
        ("[1]", "not a JSON object"),
        ('{"name": ', "not a JSON object"),
        ('{"name": "a\\u0000"}', "NUL"),
        ('{"name": "\\ud800"}', "not a JSON object"),
        ({"name": "x" * MAX_ARGUMENT_BYTES}, "larger than"),
        ('{"name": ' + "[" * 5000 + "]" * 5000 + "}", "not a JSON object"),
    ],
)
def test_it_tells_the_model_what_is_wrong_when_the_arguments_are(
    echo: Skill, alice: User, arguments: Any, told: str
) -> None:
    outcome = invoke(alice.context(), "demo.echo", arguments)

    assert not outcome.ok
    assert outcome.error_code == "skill.arguments-invalid"
    assert told in (outcome.error_detail or "")


def test_it_takes_a_text_that_tells_of_an_escape(echo: Skill, alice: User) -> None:
    assert invoke(alice.context(), "demo.echo", {"name": "a\\u0000"}).ok


def test_it_answers_alike_when_the_skill_is_another_teams_or_unknown(
    echo: Skill, charlie: User
) -> None:
    hidden = invoke(charlie.context(), "demo.echo", {"name": "a"})
    unknown = invoke(charlie.context(), "demo.nothing", {"name": "a"})

    assert hidden.error_code == unknown.error_code == "skill.not-found"
    assert hidden.error_detail == unknown.error_detail


def test_it_is_denied_and_audited_when_the_role_only_looks(echo: Skill, vera: User) -> None:
    outcome = invoke(vera.context(), "demo.echo", {"name": "a"})

    assert outcome.error_code == "policy.denied"
    row = AuditRow.objects.latest("id")
    assert (row.entry["action"], row.entry["resource"]) == ("invoke", "skill:demo.echo")
    assert row.entry["outcome"] == "denied"


def test_it_hides_the_text_of_an_exception_when_the_skill_raises(
    registered: Register, alice: User
) -> None:
    def fail(context: SkillContext) -> None:
        raise RuntimeError("password=hunter2")

    outcome = invoke(alice.context(), _declare(registered, fail), {})

    assert outcome.error_code == "skill.failed"
    assert "hunter2" not in str(outcome)


def test_it_gives_up_and_stops_the_thread_when_the_time_is_up(
    registered: Register, alice: User
) -> None:
    stopped = threading.Event()

    def spin(context: SkillContext) -> None:
        try:
            while True:
                time.sleep(0.01)
        finally:
            stopped.set()

    started = time.monotonic()
    outcome = invoke(alice.context(), _declare(registered, spin, timeout_s=0.2), {})

    assert outcome.error_code == "skill.timed-out"
    assert outcome.retryable
    assert time.monotonic() - started < 2
    assert stopped.wait(2)
    assert limiting.wait_settled(2)


def test_it_refuses_more_when_earlier_calls_still_hang(registered: Register, alice: User) -> None:
    release = threading.Event()
    name = _declare(registered, lambda context: release.wait(20), timeout_s=0.05)

    codes = [invoke(alice.context(), name, {}).error_code for _ in range(5)]
    release.set()

    assert codes == ["skill.timed-out"] * 4 + ["skill.overloaded"]
    assert limiting.wait_settled(5)


def test_it_cancels_the_statement_when_the_database_is_slow(
    registered: Register, alice: User
) -> None:
    def sleep(context: SkillContext) -> None:
        with connections["client_data"].cursor() as cursor:
            cursor.execute("SELECT pg_sleep(20) /* slow skill */")

    started = time.monotonic()
    outcome = invoke(alice.context(), _declare(registered, sleep, timeout_s=0.3), {})

    assert outcome.error_code in ("skill.timed-out", "skill.failed")
    assert limiting.wait_settled(5)
    assert time.monotonic() - started < 5
    with connections["client_data"].cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active'"
            " AND query LIKE '%%/* slow skill */%%' AND pid <> pg_backend_pid()"
        )
        assert cursor.fetchone()[0] == 0


def test_it_gives_connections_back_clean_when_a_skill_has_used_them(
    registered: Register, alice: User
) -> None:
    def ask(context: SkillContext) -> list[Any]:
        with connections["client_data"].cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            return [cursor.fetchone()[0]]

    assert invoke(alice.context(), _declare(registered, ask, timeout_s=3), {}).output == ["3s"]

    seen: list[Any] = []

    def look() -> None:
        with connections["client_data"].cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            seen.append(cursor.fetchone()[0])
        connections["client_data"].close()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == ["0"]


class Big(BaseModel):
    text: str


@pytest.mark.parametrize(
    ("result", "code"),
    [
        (Big(text="x" * 300_000), "skill.output-too-large"),
        ({1, 2}, "skill.output-invalid"),
        (object(), "skill.output-invalid"),
    ],
)
def test_it_refuses_the_output_when_it_is_too_large_or_no_json(
    registered: Register, alice: User, result: Any, code: str
) -> None:
    name = _declare(registered, lambda context: result)

    assert invoke(alice.context(), name, {}).error_code == code


def test_it_refuses_to_block_when_called_on_an_event_loop(echo: Skill) -> None:
    async def call() -> None:
        invoke(None, "demo.echo", {})  # type: ignore[arg-type]

    with pytest.raises(RuntimeError, match="event loop"):
        asyncio.run(call())


def test_it_opens_a_skill_span_when_it_runs_in_a_trace(
    echo: Skill, alice: User, recorded_spans: list[spans.SpanRecord]
) -> None:
    with spans.trace("t", team="hiring", subject="user:a", run_id=None, thread_id=None):
        outcome = invoke(alice.context(), "demo.echo", {"name": "a"}, call_id="call_7")
    spans.flush()

    span = next(each for each in recorded_spans if each.name == "demo.echo")
    assert span.span_id == outcome.span_id
    assert span.kind == "skill"
    assert span.attributes["gen_ai.tool.call.id"] == "call_7"
    assert span.attributes["gen_ai.operation.name"] == "execute_tool"
    assert orjson.dumps(span.output)
