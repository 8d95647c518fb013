"""A process that ends closes its connections with endpoints, and says nothing of it."""

import asyncio
import gc
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from playground.gateway import endpoints, looping
from playground.gateway.configuration import Model, Server
from playground.gateway.providers.openai_compatible import OpenAICompatible
from tests.gateway.mock import mocks
from tests.gateway.upstream import refuse, serve
from tests.stack import Stack

ASKED: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


async def _call(stack: Stack, key: str) -> None:
    """Call a model from the web server's loop, streamed and whole, and from a worker's."""
    headers = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(base_url=stack.base, headers=headers) as session:

        async def sent(path: str, body: dict[str, Any]) -> Any:
            async with session.post(path, json=body, raise_for_status=True) as answer:
                return await answer.read() if body.get("stream") else await answer.json()

        await sent("/v1/chat/completions", ASKED)
        await sent("/v1/chat/completions", {**ASKED, "stream": True})
        thread = (await sent("/api/threads", {"agent": "hiring-assistant"}))["id"]
        run = (await sent(f"/api/threads/{thread}/messages", {"content": "Hello"}))["run_id"]
        async with asyncio.timeout(60):
            status = ""
            while status not in ("succeeded", "failed"):
                await asyncio.sleep(0.1)
                async with session.get(f"/api/runs/{run}") as answer:
                    status = (await answer.json())["status"]


def test_it_leaves_no_connection_open_when_an_endpoint_was_changed_before_the_end() -> None:
    unclosed: list[str] = []

    async def call_change_and_leave() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, told: unclosed.append(told["message"]))
        async with serve() as endpoint:
            endpoint.answer = refuse(200, '{"data": []}')
            for secret in ("old", "new"):
                server = Server("leaving", "openai", endpoint.url, secret=secret, external=False)
                provider = endpoints.provider_of(Model("m", server))
                assert isinstance(provider, OpenAICompatible)
                assert await provider.models() == []
            await looping.close()

    asyncio.run(call_change_and_leave())
    gc.collect()

    assert unclosed == []


@pytest.mark.drill
@pytest.mark.timeout(240)
def test_it_says_nothing_of_connections_when_it_is_stopped_after_calls(tmp_path: Path) -> None:
    async def calls_and_stop() -> tuple[int, str]:
        async with mocks(1) as (mock,):
            stack = Stack(
                home=tmp_path,
                extra={
                    "OPENAI_BASE_URL": mock.url,
                    "OPENAI_API_KEY": "sk-mock",
                    "OPENAI_MODEL": "m",
                    "PLAYGROUND_STATIC": "plain",
                },
            )
            try:
                await asyncio.to_thread(stack.start)
                asked = ("create_api_key", "--user", "drill", "--team", "hiring")
                key = (await asyncio.to_thread(stack.manage, *asked)).split()[-1]
                await _call(stack, key)
                assert mock.calls > 2, "the worker did not call the endpoint"
                before = len(stack.said())
                status = await asyncio.to_thread(stack.stop)
                return status, stack.said()[before:]
            finally:
                await asyncio.to_thread(stack.remove)

    status, said = asyncio.run(calls_and_stop())

    assert status == 0
    assert "Unclosed" not in said
