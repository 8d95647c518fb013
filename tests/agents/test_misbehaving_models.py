"""A whole product whose model misbehaves: each run ends once, with a code, and the lane goes on."""

import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pytest

from tests.stack import Stack

WITHIN_S = 90
QUEUE = (
    "import json; from playground.gateway.providers import scripted;"
    "scripted.clear(); scripted.queue(json.loads({!r}))"
)
REFUSED = [{"error": {"code": "provider.unauthorized", "retryable": False}}]
SUM = {"name": "math__calculate", "arguments": {"expression": "1+1"}}


class Talk:
    """A script with a key, and an agent on the scripted model."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        key = stack.manage("create_api_key", "--user", "tester", "--team", "hiring")
        self.http = httpx.Client(
            base_url=stack.base, headers={"Authorization": f"Bearer {key}"}, timeout=30
        )
        self.call(
            "POST",
            "/api/agents",
            {
                "name": "scripted",
                "title": "Scripted",
                "description": "Says what it is told.",
                "prompt": "Answer.",
                "skills": ["math.calculate"],
                "model": "scripted",
                "step_limit": 6,
                "planning": False,
                "suggested": [],
            },
        )

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = self.http.request(method, path, json=body)
        answer.raise_for_status()
        return answer.json()

    def script(self, replies: Sequence[dict[str, Any]]) -> None:
        self.stack.manage("shell", "-c", QUEUE.format(json.dumps(replies)))

    def open(self) -> str:
        return str(self.call("POST", "/api/threads", {"agent": "scripted"})["id"])

    def say(self, thread: str, content: str) -> str:
        sent = self.call("POST", f"/api/threads/{thread}/messages", {"content": content})
        return str(sent["run_id"])

    def ended(self, run: str) -> dict[str, Any]:
        deadline = time.monotonic() + WITHIN_S
        while (found := self.call("GET", f"/api/runs/{run}"))["status"] in ("queued", "running"):
            assert time.monotonic() < deadline, found
            time.sleep(0.1)
        return dict(found)

    def said(self, thread: str) -> list[tuple[str, str]]:
        items = self.call("GET", f"/api/threads/{thread}/messages")["items"]
        return [(item["role"], item["content"].strip()) for item in items]


@pytest.fixture(scope="module")
def talk() -> Iterator[Talk]:
    stack = Stack(
        extra={"PLAYGROUND_SCRIPTED": "1", "PLAYGROUND_LEASE_S": "4", "PLAYGROUND_STATIC": "plain"}
    )
    stack.start()
    try:
        yield Talk(stack)
    finally:
        stack.remove()


@pytest.mark.parametrize(
    ("replies", "status", "code"),
    [
        (REFUSED, "failed", "provider.unauthorized"),
        ([{"error": {"code": "provider.rate-limited"}}, {"text": "fine"}], "succeeded", None),
        ([{"tool_calls": [{**SUM, "arguments": "{no json"}]}] * 3, "failed", "agent.model-garbage"),
        ([{"tool_calls": [{**SUM, "name": "nobody"}]}, {"text": "fine"}], "succeeded", None),
        ([{"tool_calls": [SUM]}] * 3, "failed", "agent.loop"),
        ([{"text": ""}] * 3, "failed", "agent.model-garbage"),
    ],
    ids=["refused", "limited", "garbage", "unknown-tool", "loop", "empty"],
)
def test_it_ends_the_run_with_a_code_and_goes_on_when_the_model_misbehaves(
    talk: Talk, replies: list[dict[str, Any]], status: str, code: str | None
) -> None:
    talk.script([*replies, {"text": "still here"}])
    thread = talk.open()

    first = talk.ended(talk.say(thread, "go"))
    second = talk.ended(talk.say(thread, "and now?"))

    assert (first["status"], first["error_code"]) == (status, code)
    assert second["status"] == "succeeded"
    assert talk.said(thread)[-1] == ("assistant", "still here")


def test_it_stops_at_once_when_a_silent_model_is_cancelled(talk: Talk) -> None:
    talk.script([{"text": "never", "hang_s": 60}])
    thread = talk.open()
    run = talk.say(thread, "go")

    talk.call("POST", f"/api/runs/{run}/cancel")
    ended = talk.ended(run)

    assert ended["status"] == "cancelled"
    assert ("assistant", "never") not in talk.said(thread)


@pytest.mark.drill
def test_it_answers_both_messages_in_order_when_the_worker_dies_between(talk: Talk) -> None:
    talk.script([{"text": "word " * 300, "chunk_ms": 20}, {"text": "first"}, {"text": "second"}])
    thread = talk.open()
    runs = [talk.say(thread, "one"), talk.say(thread, "two")]
    while talk.call("GET", f"/api/runs/{runs[0]}")["status"] != "running":
        time.sleep(0.05)
    time.sleep(0.5)

    talk.stack.child("worker").kill()
    ended = [talk.ended(run) for run in runs]

    assert [run["status"] for run in ended] == ["succeeded", "succeeded"]
    assert ended[0]["attempt"] == 2
    assert talk.said(thread) == [
        ("user", "one"),
        ("user", "two"),
        ("assistant", "first"),
        ("assistant", "second"),
    ]
