"""Run the benchmarks against a product of their own: ``python -m tests.bench``."""

import asyncio
import sys
import time

import psutil

from tests.bench import measures
from tests.bench.figures import Figure, as_json, as_table, percentile
from tests.bench.measures import Target
from tests.stack import Stack

SETTINGS = {"PLAYGROUND_SCRIPTED": "1", "PLAYGROUND_RATE_LIMITS": "off"}
CLOCK = (
    "from playground.gateway.providers import scripted;"
    "scripted.queue([{'clock': 150, 'chunk_ms': 20}])"
)


def main() -> None:
    """Start a fresh product, measure, stop it, and print JSON lines and a table."""
    stack = Stack(extra=SETTINGS)
    begun = time.monotonic()
    stack.start()
    cold_s = time.monotonic() - begun
    stack.stop()
    begun = time.monotonic()
    stack.start()
    warm_s = time.monotonic() - begun
    try:
        figures = [
            Figure("start on a fresh data folder", cold_s, "s", 1, "warm start", cold_s / warm_s),
            Figure("start on known data", warm_s, "s", 1),
            *idle_memory(stack),
            *asyncio.run(traffic(stack)),
        ]
    finally:
        stack.stop()
        stack.remove()
    print(as_json(figures))
    print(as_table(figures), file=sys.stderr)


def idle_memory(stack: Stack) -> list[Figure]:
    """Sum the PSS of all processes once they have settled."""
    time.sleep(5)
    sizes = {}
    for process in stack.family.values():
        try:
            sizes[process.pid] = process.memory_full_info().pss / 2**20
        except psutil.NoSuchProcess:
            continue
    bare = psutil.Process().memory_full_info().pss / 2**20
    total = sum(sizes.values())
    return [
        Figure("idle memory, sum of PSS", total, "MiB", len(sizes), "this script", total / bare)
    ]


async def traffic(stack: Stack) -> list[Figure]:
    """Measure what needs requests."""
    key = stack.manage("create_api_key", "--user", "bench", "--team", "hiring").strip()
    async with Target(stack.base, key).session() as session:
        agent = await measures.make_agent(session)
        base = percentile(await measures.health_baseline(session), 50)
        figures = [Figure("GET /healthz p50", base, "ms", 60)]
        figures += await measures.turn_overhead(session, agent, base=base)
        stack.manage("shell", "-c", CLOCK)
        one = await measures.token_latency(session, agent, sockets=1, base=0)
        stack.manage("shell", "-c", CLOCK)
        figures += one
        figures += await measures.token_latency(
            session, agent, sockets=measures.SOCKETS, base=one[0].value
        )
        figures += await measures.throughput(session, agent)
    return figures


if __name__ == "__main__":
    main()
