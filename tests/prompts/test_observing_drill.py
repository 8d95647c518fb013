"""Each call is learnt of once, whichever process is killed between ledger and ramp."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError

from playground.core.clock import now
from playground.gateway import connecting, keeping
from playground.gateway.models import LedgerRow
from playground.gateway.quotas.ledger_queue import LedgerQueue
from playground.policy.models import User
from playground.prompts.models import ArmSums, Prompt, Ramp, Told
from playground.prompts.ramps import telling_once
from playground.prompts.ramps.observing_calls import observe
from playground.prompts.ramps.ramping import roll_back
from tests.gateway.door.conftest import Door, door
from tests.prompts.ramped import greeting, started
from tests.stack import ROOT

__all__ = ["door", "greeting"]
pytestmark = [
    pytest.mark.drill,
    pytest.mark.django_db(transaction=True, databases="__all__"),
]

CALLS = 12


@pytest.fixture
def ramp(door: Door, rhea: User, greeting: Prompt) -> Ramp:
    guards = [{"kind": "error_rate", "tolerated": 0.9}]
    return started(rhea, stages=[{"percent": 50}], guards=guards)


async def call(door: Door) -> None:
    for number in range(CALLS):
        prompt = {"name": "hiring/greeting", "label": "production", "key": f"member:{number}"}
        await door.ask(prompt=prompt)


async def drain(consumer: str) -> int:
    queue = LedgerQueue(connecting.client(), consumer=consumer, claim_after_s=0)
    return await queue.drain(keeping.keep)


async def counted(ramp: Ramp) -> int:
    return sum([row.n async for row in ArmSums.objects.filter(ramp=ramp, metric="error_rate")])


@pytest.mark.parametrize("moment", ["before", "midway", "after"])
async def test_it_learns_of_each_call_once_when_the_keeper_is_killed(
    door: Door, ramp: Ramp, moment: str
) -> None:
    await call(door)

    keeper = subprocess.Popen(
        [sys.executable, "-m", "tests.prompts.keeper"],
        cwd=ROOT,
        env=os.environ | {"DRILL_DIES": moment},
    )
    assert await asyncio.to_thread(keeper.wait, 60) == -signal.SIGKILL
    kept = await LedgerRow.objects.acount()
    before = await counted(ramp)
    again = await drain("next")

    assert (kept, again) == (CALLS, CALLS)
    assert before == {"before": 0, "midway": CALLS // 2, "after": CALLS}[moment]
    assert await counted(ramp) == CALLS
    assert await LedgerRow.objects.acount() == CALLS


async def test_it_learns_of_each_call_once_when_two_keep_the_same_rows(
    door: Door, ramp: Ramp
) -> None:
    await call(door)
    rows: list[dict[str, object]] = []

    async def take(batch: object) -> None:
        rows.extend(batch)  # type: ignore[arg-type]

    await LedgerQueue(connecting.client(), consumer="slow").drain(take)
    await asyncio.gather(*(asyncio.to_thread(keep_here, rows) for _ in range(4)))

    assert await counted(ramp) == CALLS


def keep_here(rows: list[dict[str, object]]) -> None:
    from django.db import connection

    try:
        keeping._keep_rows(rows)
    finally:
        connection.close()


async def test_it_hears_a_call_again_when_the_database_goes_away_meanwhile(
    door: Door, ramp: Ramp
) -> None:
    await call(door)

    def fail(_rows: object) -> None:
        raise OperationalError("the connection is lost")

    keeping.register(fail)
    try:
        with pytest.raises(OperationalError):
            await drain("first")
    finally:
        keeping.register(observe)
    await drain("second")

    assert await counted(ramp) == CALLS


async def test_it_forgets_what_was_told_when_the_ramp_is_over(
    door: Door, rhea: User, ramp: Ramp
) -> None:
    await call(door)
    await drain("first")
    known = await Told.objects.acount()
    long_ago = now() - 2 * telling_once.FORGOTTEN

    await sync_to_async(telling_once.forget)()
    still = await Told.objects.acount()
    await sync_to_async(lambda: roll_back(rhea.context(), ramp.pk, reason="enough"))()
    await Ramp.objects.filter(pk=ramp.pk).aupdate(ended_at=long_ago)
    await sync_to_async(telling_once.forget)()

    assert (known, still) == (CALLS, CALLS)
    assert await Told.objects.acount() == 0
