"""Measure what ``/v1`` adds to a call: ``python -m tests.bench.gateway``.

Calls through the gateway and calls straight to the same mock endpoint take turns in rounds, so that
whatever else the machine does falls on both.
"""

import asyncio
import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field

import aiohttp
import psutil

from playground.core.embedded.credentials import free_port
from tests.bench.figures import Figure, as_json, as_table, pair, percentile
from tests.stack import ROOT, Stack

# All that a careful team switches on.
RULES = """
from playground.gateway.models import Guardrail, Quota
from playground.policy.models import Team
team = Team.objects.get(slug="hiring")
Guardrail.objects.create(name="no-pii", check_kind="pii", action="redact", team=team)
Guardrail.objects.create(name="no-secrets", check_kind="secrets", action="redact", team=team)
for kind in ("requests", "tokens", "streams", "day"):
    Quota.objects.create(kind=kind, cap=10**8, team=team)
"""
ROUNDS = 6
UNARY, STREAMS = 60, 12
PACED_STREAMS, PACE_MS = 20, 10
SUSTAINED = 100
BODY = {"model": "mock", "messages": [{"role": "user", "content": "Count to sixty-four."}]}


@dataclass
class Seen:
    """Milliseconds of one way of calling."""

    whole: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)


def main() -> None:
    """Start a mock and a product in front of it, measure, and print JSON lines and a table."""
    fast, paced = free_port(), free_port()
    with _mock(fast, 0), _mock(paced, PACE_MS):
        figures = [*_measured(fast, _overhead), *_measured(paced, _pace)]
    print(as_json(figures))
    print(as_table(figures), file=sys.stderr)


@contextlib.contextmanager
def _mock(port: int, pause_ms: float) -> Iterator[None]:
    command = [sys.executable, "-m", "tests.bench.upstream", str(port), str(pause_ms)]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(10)


def _measured(
    port: int, measure: "Callable[[Stack, Ways], Coroutine[None, None, list[Figure]]]"
) -> list[Figure]:
    upstream = f"http://127.0.0.1:{port}/v1"
    stack = Stack(
        extra={
            "OPENAI_BASE_URL": upstream,
            "OPENAI_API_KEY": "sk-mock",
            "PLAYGROUND_RATE_LIMITS": "off",
            "PLAYGROUND_STATIC": "plain",
        }
    )
    try:
        stack.start()
        key = stack.manage("create_api_key", "--user", "bench", "--team", "hiring").split()[-1]
        stack.manage("shell", "-c", RULES)
        ways = Ways(direct=upstream, gateway=f"{stack.base}/v1", key=key)
        return asyncio.run(measure(stack, ways))
    finally:
        stack.remove()


@dataclass(frozen=True)
class Ways:
    """The two addresses of the same model."""

    direct: str
    gateway: str
    key: str


async def _overhead(stack: Stack, ways: Ways) -> list[Figure]:
    """Time and CPU of calls that come one after another."""
    seen = {"direct": Seen(), "gateway": Seen()}
    streamed = {"direct": Seen(), "gateway": Seen()}
    cpu = {"unary": 0.0, "stream": 0.0}
    web = stack.child("web")
    async with _session(ways) as session:
        for address in (ways.direct, ways.gateway):
            for _ in range(10):
                await _call(session, address, Seen(), stream=False)
        for _ in range(ROUNDS):
            for name, address in (("direct", ways.direct), ("gateway", ways.gateway)):
                begun = _cpu_ms(web)
                for _ in range(UNARY):
                    await _call(session, address, seen[name], stream=False)
                between = _cpu_ms(web)
                for _ in range(STREAMS):
                    await _call(session, address, streamed[name], stream=True)
                if name == "gateway":
                    cpu["unary"] += between - begun
                    cpu["stream"] += _cpu_ms(web) - between
        kept_up = await _sustained(session, ways)
    unary = percentile(seen["direct"].whole, 50)
    stream = percentile(streamed["direct"].whole, 50)
    calls = ROUNDS * UNARY
    return [
        *pair("unary, direct", seen["direct"].whole, "ms"),
        *pair("unary, gateway", seen["gateway"].whole, "ms", baseline="direct", base=unary),
        Figure("unary, CPU of the web process", cpu["unary"] / calls, "ms", calls),
        *pair(
            "64-chunk stream, gateway",
            streamed["gateway"].whole,
            "ms",
            baseline="direct",
            base=stream,
        ),
        Figure(
            "64-chunk stream, CPU of the web process",
            cpu["stream"] / (ROUNDS * STREAMS),
            "ms",
            ROUNDS * STREAMS,
        ),
        kept_up,
    ]


async def _sustained(session: aiohttp.ClientSession, ways: Ways) -> Figure:
    """Streams at once through the gateway: how many a second end."""
    begun = time.perf_counter()
    await asyncio.gather(
        *(_call(session, ways.gateway, Seen(), stream=True) for _ in range(SUSTAINED))
    )
    each_s = SUSTAINED / (time.perf_counter() - begun)
    return Figure(f"streams a second, {SUSTAINED} at once", each_s, "streams/s", SUSTAINED)


async def _pace(stack: Stack, ways: Ways) -> list[Figure]:
    """The wait for the first word and the gaps between words that come 10 ms apart."""
    seen = {"direct": Seen(), "gateway": Seen()}
    async with _session(ways) as session:
        for address in (ways.direct, ways.gateway):
            await _call(session, address, Seen(), stream=True)
        for _ in range(PACED_STREAMS):
            for name, address in (("direct", ways.direct), ("gateway", ways.gateway)):
                await _call(session, address, seen[name], stream=True)
    direct, gateway = seen["direct"], seen["gateway"]
    added = [g - d for g, d in zip(sorted(gateway.first), sorted(direct.first), strict=True)]
    gap = percentile(direct.gaps, 95)
    return [
        Figure("added time to the first word p50", percentile(added, 50), "ms", len(added)),
        Figure(
            "gap between words p95, 10 ms apart",
            percentile(gateway.gaps, 95),
            "ms",
            len(gateway.gaps),
            "direct",
            percentile(gateway.gaps, 95) / gap,
        ),
    ]


def _session(ways: Ways) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        headers={"Authorization": f"Bearer {ways.key}"}, connector=aiohttp.TCPConnector(limit=0)
    )


async def _call(session: aiohttp.ClientSession, address: str, seen: Seen, *, stream: bool) -> None:
    begun = time.perf_counter()
    last = begun
    async with session.post(
        f"{address}/chat/completions", json={**BODY, "stream": stream}
    ) as answer:
        answer.raise_for_status()
        if not stream:
            await answer.read()
        first = True
        async for line in answer.content:
            if b'"content"' in line:
                now = time.perf_counter()
                (seen.first if first else seen.gaps).append(
                    (now - (begun if first else last)) * 1000
                )
                first, last = False, now
    seen.whole.append((time.perf_counter() - begun) * 1000)


def _cpu_ms(process: psutil.Process) -> float:
    times = process.cpu_times()
    return (times.user + times.system) * 1000


if __name__ == "__main__":
    main()
