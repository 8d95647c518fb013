"""Mock endpoints that count what they serve, and the rows that connect them."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from playground.gateway.models import Endpoint, Route, ServedModel, Target

SECRET = "sk-upstream-secret-0123456789"


@dataclass
class Mock:
    """One endpoint: it says ``words`` one by one, or fails as ``status`` says.

    ``calls`` counts the requests, ``told`` what it has told of tokens; ``failures`` fails only
    that many of the first calls; ``usage`` is told in place of the truth.
    """

    words: list[str] = field(default_factory=lambda: ["Hello", " there"])
    status: int = 200
    failures: int = 10**9
    headers: dict[str, str] = field(default_factory=dict)
    pause_s: float = 0.0
    hang: bool = False
    cut_after: int | None = None
    calls: int = 0
    running: int = 0
    most_running: int = 0
    told: list[tuple[int, int]] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    usage: dict[str, Any] | None = None
    finish: str | None = "stop"
    member: str = "content"
    url: str = ""
    left: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.calls += 1
        body = await request.json()
        self.bodies.append(body)
        self.running += 1
        self.most_running = max(self.running, self.most_running)
        try:
            return await self._answer(request, body)
        except (asyncio.CancelledError, ConnectionError):
            self.left.set()
            raise
        finally:
            self.running -= 1

    async def _answer(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        if self.hang:
            await asyncio.Event().wait()
        if self.status != 200 and self.calls <= self.failures:
            error = {"error": {"message": "no", "type": "x", "code": None}}
            return web.json_response(error, status=self.status, headers=self.headers)
        if request.path.endswith("/embeddings"):
            texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
            self.told.append((len(texts), 0))
            vectors = [{"index": n, "embedding": [float(len(t)), 1.0]} for n, t in enumerate(texts)]
            usage = {"prompt_tokens": len(texts), "total_tokens": 1}
            usage = usage if self.usage is None else self.usage
            return web.json_response({"data": vectors, "usage": usage})
        usage = {"prompt_tokens": 11, "completion_tokens": len(self.words), "total_tokens": 0}
        usage = usage if self.usage is None else self.usage
        if not body.get("stream"):
            await asyncio.sleep(self.pause_s)
            self.told.append((11, len(self.words)))
            message = {"role": "assistant", "content": "".join(self.words)}
            choice = {"index": 0, "message": message, "finish_reason": self.finish}
            return web.json_response({"id": "c", "choices": [choice], "usage": usage})
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for number, word in enumerate(self.words):
            if number == self.cut_after:
                assert request.transport is not None
                request.transport.abort()
                return response
            await self._event(response, [{"index": 0, "delta": {self.member: word}}])
            await asyncio.sleep(self.pause_s)
        self.told.append((11, len(self.words)))
        await self._event(response, [{"index": 0, "delta": {}, "finish_reason": self.finish}])
        await self._event(response, [], usage=usage)
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _event(self, response: web.StreamResponse, choices: Any, **more: Any) -> None:
        event = {"id": "c", "object": "chat.completion.chunk", "choices": choices, **more}
        await response.write(f"data: {json.dumps(event)}\n\n".encode())


@contextlib.asynccontextmanager
async def mocks(number: int) -> AsyncIterator[list[Mock]]:
    """Run endpoints on the loop of the test."""
    made, runners = [], []
    for _ in range(number):
        mock = Mock()
        app = web.Application(client_max_size=32 * 2**20)
        for route in ("chat/completions", "embeddings"):
            app.router.add_post(f"/v1/{route}", mock.handle)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        mock.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        made.append(mock)
        runners.append(runner)
    try:
        yield made
    finally:
        for runner in runners:
            await runner.cleanup()


def serve(name: str, url: str, **fields: Any) -> ServedModel:
    """Connect an endpoint of this name with one model, ``m``."""
    of_endpoint = {key: fields.pop(key) for key in ("silence_s", "kind") if key in fields}
    endpoint = Endpoint(name=name, base_url=url, external=False, **of_endpoint)
    endpoint.secret = SECRET
    endpoint.save()
    return ServedModel.objects.create(endpoint=endpoint, name="m", **fields)


def lead(name: str, *models: ServedModel, retries: int = 0, **fields: Any) -> Route:
    """Make a route that tries the models in this order."""
    route = Route.objects.create(name=name, retries=retries, **fields)
    for priority, model in enumerate(models):
        Target.objects.create(route=route, model=model, priority=priority)
    return route
