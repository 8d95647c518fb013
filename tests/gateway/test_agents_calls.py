"""The chat of an agent calls models as everybody does: metered, in the ledger, with consent."""

import json
import time
from typing import Any

import httpx
import pytest

from tests.stack import Stack

ROWS = """
import json
from playground.gateway.models import LedgerRow
rows = LedgerRow.objects.filter(trace_id={!r}).values_list(
    "actor", "training_consent", "served_by", "outcome", "input_tokens")
print(json.dumps([list(row) for row in rows]))
"""


@pytest.fixture
def client(live_stack: Stack) -> httpx.Client:
    key = live_stack.manage("create_api_key", "--user", "meter", "--team", "hiring").split()[-1]
    return httpx.Client(
        base_url=live_stack.base, headers={"Authorization": f"Bearer {key}"}, timeout=30
    )


def ask(client: httpx.Client, **headers: str) -> str:
    thread = client.post("/api/threads", json={"agent": "hiring-assistant"}).json()["id"]
    told = {"content": "Find senior Python engineers in Berlin"}
    posted = client.post(f"/api/threads/{thread}/messages", json=told, headers=headers).json()
    return str(posted["run_id"])


def ended(client: httpx.Client, run_id: str) -> dict[str, Any]:
    until = time.monotonic() + 40
    while time.monotonic() < until:
        run: dict[str, Any] = client.get(f"/api/runs/{run_id}").json()
        if run["status"] in ("succeeded", "failed", "cancelled", "dead"):
            return run
        time.sleep(0.2)
    raise AssertionError("the run did not end")


def rows_of(stack: Stack, run: dict[str, Any]) -> list[list[Any]]:
    """Return what the ledger holds of a run alone, whoever else calls models meanwhile."""
    until = time.monotonic() + 15
    while True:
        printed = stack.manage("shell", "-c", ROWS.format(run["trace_id"]))
        rows: list[list[Any]] = json.loads(printed.splitlines()[-1])
        if rows or time.monotonic() > until:
            return rows


@pytest.mark.parametrize("consent", ["granted", "denied"])
def test_it_keeps_each_call_of_a_run_with_its_consent(
    live_stack: Stack, client: httpx.Client, consent: str
) -> None:
    run = ended(client, ask(client, **{"Playground-Training-Consent": consent}))

    assert run["status"] == "succeeded"
    rows = rows_of(live_stack, run)
    assert rows, "the run's calls are not in the ledger"
    for actor, kept, served_by, outcome, tokens in rows:
        assert actor.startswith("agent:")
        assert kept is (consent == "granted")
        assert (served_by, outcome) == ("offline/planner", "succeeded")
        assert tokens > 0
