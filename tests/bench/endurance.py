"""Measure what calls leave behind in memory: ``python -m tests.bench.endurance``.

10,000 calls through ``/v1``, then 90,000 more, streamed and whole, with everything switched on; the
web process's memory (PSS) is read after both.
"""

import asyncio
import gc
import itertools
import sys

import aiohttp
import psutil

from playground.core.embedded.credentials import free_port
from tests.bench.figures import Figure, as_json, as_table
from tests.bench.gateway import Seen, Ways, _call, _measured, _mock, _session
from tests.stack import Stack

WARM, ALL = 10_000, 100_000
AT_ONCE = 16
STREAMED = 10


def main() -> None:
    """Start a mock and a product in front of it, call, and print JSON lines and a table."""
    port = free_port()
    with _mock(port, 0):
        figures = _measured(port, _endure)
    print(as_json(figures))
    print(as_table(figures), file=sys.stderr)


async def _endure(stack: Stack, ways: Ways) -> list[Figure]:
    web = stack.child("web")
    async with _session(ways) as session:
        await _calls(session, ways, WARM)
        await asyncio.sleep(5)
        after_warm = _mib(web)
        await _calls(session, ways, ALL - WARM)
        await asyncio.sleep(5)
        after_all = _mib(web)
    return [
        Figure(f"memory of the web process after {WARM:,} calls", after_warm, "MiB", WARM),
        Figure(
            f"memory of the web process after {ALL:,} calls",
            after_all,
            "MiB",
            ALL,
            f"after {WARM:,}",
            after_all / after_warm,
        ),
    ]


async def _calls(session: aiohttp.ClientSession, ways: Ways, number: int) -> None:
    numbers = itertools.count()

    async def caller() -> None:
        while (at := next(numbers)) < number:
            await _call(session, ways.gateway, Seen(), stream=at % STREAMED == 0)

    await asyncio.gather(*(caller() for _ in range(AT_ONCE)))
    gc.collect()


def _mib(process: psutil.Process) -> float:
    return float(process.memory_full_info().pss) / 2**20


if __name__ == "__main__":
    main()
