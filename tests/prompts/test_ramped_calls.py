"""Calls under a ramp: each tells its arm and why, together they take a bad candidate back."""

import pytest
from asgiref.sync import sync_to_async

from playground.core import spans
from playground.gateway import connecting, keeping
from playground.gateway.quotas.ledger_queue import LedgerQueue, Row
from playground.policy.models import User
from playground.prompts.models import ArmSums, Prompt, Ramp
from playground.prompts.ramps.observing_calls import observe
from playground.tracing.models import Span
from tests.gateway.door.conftest import Door, door
from tests.prompts.ramped import arms, greeting, started

__all__ = ["door", "greeting"]
pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

SAID = {"baseline": "Hi.", "candidate": "Hello."}
GUARDS = [
    {"kind": "error_rate", "tolerated": 0.05},
    {"kind": "latency_ms", "tolerated": 1000},
    {"kind": "cost_usd", "tolerated": 1},
]


def asked(key: str) -> dict[str, str]:
    return {"name": "hiring/greeting", "label": "production", "key": key}


@pytest.fixture
def ramp(door: Door, rhea: User, greeting: Prompt) -> Ramp:
    return started(rhea, stages=[{"percent": 50}], guards=GUARDS)


async def test_it_tells_arm_and_reason_with_every_call(door: Door, ramp: Ramp, rhea: User) -> None:
    expected = await sync_to_async(arms)(rhea, 4)

    for key, arm in expected.items():
        await door.ask(prompt=asked(key))
        said = door.first.bodies[-1]["messages"][0]["content"]
        assert said == SAID[str(arm)]

    await door.ledger()
    await sync_to_async(spans.flush)()
    seen = [span.attributes async for span in Span.objects.order_by("started_at")]
    assert [each["playground.prompt.arm"] for each in seen] == list(expected.values())
    assert {each["playground.prompt.label"] for each in seen} == {"production"}
    assert all("50 %" in each["playground.prompt.why"] for each in seen)
    sums = [row async for row in ArmSums.objects.filter(ramp=ramp, metric="error_rate")]
    assert (sum(row.n for row in sums), sum(row.total for row in sums)) == (4, 0)


async def test_it_rolls_a_bad_candidate_back_by_itself(door: Door, ramp: Ramp, rhea: User) -> None:
    expected = await sync_to_async(arms)(rhea, 40)

    for key, arm in expected.items():
        door.first.status = 400 if arm == "candidate" else 200
        await door.ask(prompt=asked(key))
    await door.ledger()

    await ramp.arefresh_from_db()
    last = await ramp.events.alast()
    assert ramp.state == "rolled_back"
    assert last is not None
    assert last.reason.startswith("Error rate got worse: 100 % against 0 %, by at least ")
    door.first.status = 200
    for key in list(expected)[:5]:
        await door.ask(prompt=asked(key))
        assert door.first.bodies[-1]["messages"][0]["content"] == SAID["baseline"]


async def test_it_counts_a_call_once_when_its_row_comes_twice(door: Door, ramp: Ramp) -> None:

    rows: list[Row] = []

    async def keep_twice(batch: list[Row]) -> None:
        rows.extend(batch)
        await keeping.keep(batch)
        await keeping.keep(batch)

    await door.ask(prompt=asked("member:1"))
    await LedgerQueue(connecting.client(), consumer="test").drain(keep_twice)

    assert len(rows) == 1
    assert sum([row.n async for row in ArmSums.objects.filter(metric="error_rate")]) == 1


async def test_it_learns_from_the_other_calls_when_a_row_makes_no_sense(
    door: Door, ramp: Ramp
) -> None:
    rows: list[Row] = []

    async def spoil(batch: list[Row]) -> None:
        rows.extend(batch)
        (row,) = batch
        observed = row["observed"]
        strange = ({"ramp": "none"}, {"ramp": 7}, {**observed, "arm": "third"})
        spoilt = [{**row, "observed": each} for each in strange]
        dear = {**row, "cost_micro_usd": 10**20, "price_known": True}
        await sync_to_async(observe)([*spoilt, dear, row])

    await door.ask(prompt=asked("member:1"))
    await LedgerQueue(connecting.client(), consumer="test").drain(spoil)

    assert len(rows) == 1
    assert [row.n async for row in ArmSums.objects.filter(metric="error_rate")] == [1]


async def test_it_knows_the_api_key_that_a_call_came_with(
    door: Door, rhea: User, greeting: Prompt
) -> None:
    await sync_to_async(started)(rhea, unit="key", stages=[{"percent": 100}])

    await door.ask(prompt={"name": "hiring/greeting", "label": "production"})

    assert door.first.bodies[-1]["messages"][0]["content"] == SAID["candidate"]


async def test_it_refuses_a_key_that_is_no_text(door: Door, ramp: Ramp) -> None:
    answer = await door.ask(prompt={"name": "hiring/greeting", "key": 7})

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "prompt.key")
