"""Measure prompts on the hot path: ``python -m tests.bench.prompts``.

Every way of asking takes its turn in rounds, so that whatever else the machine does falls on all.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable

import aiohttp
import jinja2
import psutil

from playground.prompts.content import content_of
from playground.prompts.templating.fragments import Piece
from playground.prompts.templating.rendering import render
from tests.bench.figures import Figure, as_json, as_table, pair, percentile
from tests.stack import Stack

RENDERINGS = 3_000
ROUNDS, CALLS = 12, 40
# Calls are limited as they are for everybody: the pause lets the bucket fill again.
PAUSE_S = 1.3
GUARDRAIL = "Be fair. Judge nobody by age, origin, religion or gender.\n" * 8
TEMPLATE = (
    "You write for {{ sender.name }} of {{ sender.company }}.\n"
    "{% for skill in candidate.skills %}- {{ skill.name }}, {{ skill.years }} years\n{% endfor %}"
    "{% if candidate.city %}They live in {{ candidate.city }}.{% endif %}\n"
    + "Write briefly, in plain words, and promise nothing that the job does not hold.\n"
    * 16
)
VARIABLES = {
    "sender": {"name": "Ada", "company": "Example"},
    "candidate": {
        "city": "Berlin",
        "skills": [{"name": f"Skill {number}", "years": number} for number in range(8)],
    },
}
MADE = f"""
from playground.core.context import RequestContext
from playground.prompts.content import content_of
from playground.prompts.labelling import move_label
from playground.prompts.saving import create_prompt
context = RequestContext(subject="user:bench", team="hiring")
text = content_of({{"kind": "fragment", "messages": [
    {{"role": "text", "template": {GUARDRAIL!r}}}]}})
create_prompt(context, name="fair", content=text)
chat = content_of({{"messages": [
    {{"role": "system", "template": {TEMPLATE!r} + "{{% include 'fair' %}}"}},
    {{"role": "user", "template": "Write to them."}}]}})
create_prompt(context, name="bench", content=chat)
move_label(context, "bench", label="live", version=1)
"""


def main() -> None:
    """Measure in this process and over HTTP, and print JSON lines and a table."""
    figures = in_process()
    stack = Stack(extra={"PLAYGROUND_STATIC": "plain"})
    try:
        stack.start()
        key = stack.manage("create_api_key", "--user", "bench", "--team", "hiring").split()[-1]
        stack.manage("shell", "-c", MADE)
        figures += asyncio.run(over_http(stack, key))
    finally:
        stack.remove()
    print(as_json(figures))
    print(as_table(figures), file=sys.stderr)


def in_process() -> list[Figure]:
    """Time a rendering in the sandbox beside plain Jinja's of the same text, templates warm."""
    body = TEMPLATE + "{% include 'fair' %}"
    content = content_of({"messages": [{"role": "system", "template": body}]})
    includes = {"fair": Piece(GUARDRAIL, ref="hiring/fair@1")}
    plain = jinja2.Environment(loader=jinja2.DictLoader({"fair": GUARDRAIL})).from_string(body)
    times: dict[str, list[float]] = {"plain": [], "sandbox": []}
    for _ in range(RENDERINGS):
        begun = time.perf_counter()
        plain.render(VARIABLES)
        between = time.perf_counter()
        rendered = render(content, VARIABLES, includes=includes)
        times["sandbox"].append((time.perf_counter() - between) * 1e6)
        times["plain"].append((between - begun) * 1e6)
    size = len(rendered.messages[0]["content"]) / 1000
    base = percentile(times["plain"], 50)
    return [
        *pair(f"render {size:.1f} kB, plain Jinja", times["plain"], "µs"),
        *pair(
            f"render {size:.1f} kB, in the sandbox",
            times["sandbox"],
            "µs",
            baseline="plain Jinja",
            base=base,
        ),
    ]


async def over_http(stack: Stack, key: str) -> list[Figure]:
    """Time each way of asking, one call after another, and weigh the web process's CPU."""
    web = stack.child("web")
    headers = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(base_url=stack.base, headers=headers) as session:
        asked: dict[str, Callable[[], Awaitable[None]]] = {
            "GET /v1/models": lambda: _ask(session, "GET", "/v1/models"),
            "resolve by label": lambda: _ask(session, "GET", "/v1/prompts/hiring/bench?label=live"),
            "resolve and render": lambda: _ask(
                session,
                "POST",
                "/v1/prompts/hiring/bench/render",
                {"label": "live", "key": "member:42", "variables": VARIABLES},
            ),
        }
        times: dict[str, list[float]] = {name: [] for name in asked}
        cpu = dict.fromkeys(asked, 0.0)
        for ask in asked.values():
            for _ in range(CALLS):
                await ask()
        for _ in range(ROUNDS):
            await asyncio.sleep(PAUSE_S)
            for name, ask in asked.items():
                before = _cpu_ms(web)
                for _ in range(CALLS):
                    begun = time.perf_counter()
                    await ask()
                    times[name].append((time.perf_counter() - begun) * 1000)
                cpu[name] += _cpu_ms(web) - before
    base = percentile(times["GET /v1/models"], 50)
    figures: list[Figure] = []
    for name, seen in times.items():
        beside = "" if name == "GET /v1/models" else "GET /v1/models"
        figures += pair(name, seen, "ms", baseline=beside, base=base if beside else 0.0)
        figures.append(
            Figure(f"{name}, CPU of the web process", cpu[name] / len(seen), "ms", len(seen))
        )
    return figures


async def _ask(session: aiohttp.ClientSession, method: str, path: str, body: object = None) -> None:
    async with session.request(method, path, json=body) as answer:
        answer.raise_for_status()
        await answer.read()


def _cpu_ms(process: psutil.Process) -> float:
    times = process.cpu_times()
    return (times.user + times.system) * 1000


if __name__ == "__main__":
    main()
