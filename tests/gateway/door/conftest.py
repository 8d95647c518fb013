"""The door as programs find it: a key of Alice's team, and two mock endpoints behind a route."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from asgiref.sync import sync_to_async
from openai import AsyncOpenAI

from playground.asgi import application
from playground.gateway import connecting, endpoints, keeping, watching
from playground.gateway.models import LedgerRow
from playground.gateway.quotas.ledger_queue import LedgerQueue
from playground.policy.models import User
from tests.gateway.mock import Mock, lead, mocks, serve

ASK: Any = {"model": "both", "messages": [{"role": "user", "content": "hi"}]}


@dataclass
class Door:
    """``/v1`` for one key; ``first`` answers for the route ``both`` as long as it can."""

    http: httpx.AsyncClient
    openai: AsyncOpenAI
    first: Mock
    second: Mock

    async def ask(self, **more: Any) -> httpx.Response:
        """Ask the route for a whole answer."""
        return await self.http.post("/v1/chat/completions", json=ASK | more)

    async def leave_after(self, words: bytes, **more: Any) -> None:
        """Ask the route for a stream and hang up when the words have come."""
        heard = asyncio.Event()
        messages = [
            {"type": "http.request", "body": json.dumps(ASK | {"stream": True} | more).encode()}
        ]

        async def receive() -> dict[str, Any]:
            if messages:
                return messages.pop()
            await heard.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if words in message.get("body", b""):
                heard.set()

        authorization = self.http.headers["authorization"].encode()
        scope = {
            "type": "http", "method": "POST", "path": "/v1/chat/completions", "query_string": b"",
            "headers": [(b"host", b"127.0.0.1"), (b"authorization", authorization)],
        }  # fmt: skip
        await asyncio.wait_for(application(scope, receive, send), 10)

    async def ledger(self) -> list[LedgerRow]:
        """Return the ledger, oldest first, with all that waits to be kept."""
        await LedgerQueue(connecting.client(), consumer="test").drain(keeping.keep)
        return [row async for row in LedgerRow.objects.order_by("settled_at", "id")]


@pytest.fixture
async def door(
    transactional_db: None, alice: User, key_for: Callable[[User], str], valkey: object
) -> AsyncIterator[Door]:
    key = await sync_to_async(key_for)(alice)
    async with mocks(2) as (first, second):
        one = await sync_to_async(serve)("one", first.url, silence_s=1.5)
        two = await sync_to_async(serve)("two", second.url, silence_s=1.5)
        await sync_to_async(lead)("both", one, two)
        watching.forget()
        transport = httpx.ASGITransport(app=application)  # type: ignore[arg-type]
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://127.0.0.1", headers=headers, timeout=10
        ) as http:
            client = AsyncOpenAI(
                base_url="http://127.0.0.1/v1", api_key=key, http_client=http, max_retries=0
            )
            yield Door(http, client, first, second)
        await endpoints.close()
