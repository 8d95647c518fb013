import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from django.conf import settings

from playground.gateway.quotas.limits import Amount, Kind, Limit, Scope
from playground.gateway.quotas.reservations import Outcome
from playground.gateway.quotas.reserving import PREFIX, Quotas
from tests.gateway.quotas.conftest import Clock
from tests.gateway.quotas.test_reserving import TEAM, ledger, left

ROOT = Path(__file__).parents[3]
HOLD = """
import asyncio, sys
from playground.gateway.quotas.limits import Amount, Kind, Limit, Scope
from playground.gateway.quotas.reserving import Quotas, connect

async def hold():
    team = Scope(team="killed")
    limits = [Limit(team, Kind.MONEY_PER_DAY, 1_000), Limit(team, Kind.CONCURRENT_STREAMS, 1)]
    quotas = Quotas(connect(sys.argv[1]), fail_open=False, lease_s=0.3)
    await quotas.reserve(limits, Amount(70, 300), row={"team": "killed"})
    print("held", flush=True)
    await asyncio.sleep(60)

asyncio.run(hold())
"""
STREAMS = Limit(TEAM, Kind.CONCURRENT_STREAMS, 1)
TOKENS = Limit(TEAM, Kind.TOKENS_PER_MINUTE, 1_000)


async def test_it_settles_in_full_when_a_process_is_killed_between_reserving_and_settling(
    client, valkey
):
    quotas = Quotas(client, fail_open=False, lease_s=0.3)
    day = Limit(Scope(team="killed"), Kind.MONEY_PER_DAY, 1_000)
    permit = Limit(Scope(team="killed"), Kind.CONCURRENT_STREAMS, 1)
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, settings.REDIS_URL], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"

    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert await left(quotas, permit) == 0
    await asyncio.sleep(0.35)
    reaped = [await quotas.reap(), await quotas.reap()]

    assert reaped == [1, 0]
    assert await left(quotas, permit) == 1
    assert await left(quotas, day) == 700
    [row] = await ledger(client)
    assert (row["team"], row["outcome"], row["tokens"], row["cost_micro_usd"]) == (
        "killed",
        "abandoned",
        70,
        300,
    )
    assert not valkey.exists(f"{PREFIX}:leases", f"{PREFIX}:lease:{row['reservation_id']}")


async def test_it_changes_nothing_when_a_call_is_settled_after_it_was_reaped(
    quotas: Quotas, client, clock: Clock
):
    held = await quotas.reserve([TOKENS], Amount(100, 0), row={})
    clock.ms += 60_000
    await quotas.reap()

    settled = await quotas.settle(held, Amount(1, 0), outcome=Outcome.SUCCEEDED)

    assert not settled
    assert [row["outcome"] for row in await ledger(client)] == ["abandoned"]


async def test_it_leaves_a_lease_alone_when_it_is_extended(quotas: Quotas, clock: Clock):
    held = await quotas.reserve([STREAMS], Amount(1, 0), row={})
    dead = await quotas.reserve([], Amount(1, 0), row={})

    clock.ms += 40_000
    lost_at_first = await quotas.extend(held)
    clock.ms += 40_000
    reaped = await quotas.reap()
    lost_then = await quotas.extend(held, dead)

    assert (lost_at_first, reaped, lost_then) == (set(), 1, {dead.id})
    assert await left(quotas, STREAMS) == 0


async def test_it_reaps_each_lease_once_when_several_reap_at_once(
    quotas: Quotas, client, clock: Clock
):
    for _ in range(30):
        await quotas.reserve([TOKENS], Amount(1, 0), row={})
    clock.ms += 60_001

    reaped = await asyncio.gather(*(quotas.reap(most=7) for _ in range(8)))

    assert sum(reaped) == 30
    assert len({row["reservation_id"] for row in await ledger(client)}) == 30
