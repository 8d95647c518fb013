"""A model endpoint of the tests' own: a real server on the loopback interface."""

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

from aiohttp import web

from playground.gateway import endpoints, looping
from playground.gateway.chat import ChatRequest, Chunk
from playground.gateway.events import Asked, Reading, of_provider
from playground.gateway.providers.openai_compatible import OpenAICompatible, body_of

KEY = "sk-very-secret"
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Endpoint:
    """One server whose answer a test sets; ``left`` tells that the caller hung up."""

    def __init__(self) -> None:
        self.answer: Answer = refuse(500)
        self.bodies: list[dict[str, Any]] = []
        self.left = threading.Event()
        self.url = ""
        self.provider: OpenAICompatible

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.method == "POST":
            self.bodies.append(await request.json())
        try:
            return await self.answer(request)
        except (asyncio.CancelledError, ConnectionError):
            self.left.set()
            raise


async def spoken(provider: OpenAICompatible, request: ChatRequest) -> AsyncGenerator[Chunk]:
    """Let an endpoint answer as the gateway asks it, streamed."""
    reading = Reading()
    async with contextlib.aclosing(
        of_provider(provider, Asked(request, body_of(request)))
    ) as events:
        async for event in events:
            yield reading.chunk(event)


@contextlib.asynccontextmanager
async def serve() -> AsyncIterator[Endpoint]:
    """Run an endpoint on the loop of the test."""
    endpoint = Endpoint()
    app = web.Application()
    app.router.add_route("*", "/v1/{rest:.*}", endpoint.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    endpoint.url = f"http://{host}:{port}/v1"
    endpoint.provider = OpenAICompatible(
        name="openai", base_url=endpoint.url, api_key=KEY, silence_s=2.0
    )
    try:
        yield endpoint
    finally:
        await endpoint.provider.close()
        await runner.cleanup()


@contextlib.contextmanager
def served_beside() -> Iterator[Endpoint]:
    """Run an endpoint on a loop in a thread, for callers that are not asynchronous."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    running = serve()
    try:
        yield asyncio.run_coroutine_threadsafe(running.__aenter__(), loop).result(5)
    finally:
        asyncio.run_coroutine_threadsafe(running.__aexit__(None, None, None), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


@contextlib.contextmanager
def connected(settings: Any) -> Iterator[Endpoint]:
    """Run an endpoint that this Playground is connected to, as an operator connects it."""
    with served_beside() as endpoint:
        settings.OPENAI_BASE_URL, settings.OPENAI_API_KEY = endpoint.url, KEY
        try:
            yield endpoint
        finally:
            looping.run(endpoints.close())


def refuse(status: int, text: str = f'{{"error": {{"message": "{KEY}"}}}}') -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=text, content_type="application/json")

    return answer


def redirect(status: int) -> Answer:
    """Point to the same server, where following would go round and round."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, headers={"Location": str(request.url)})

    return answer


def stream(*events: Any, then: str = "end", field: str = "data") -> Answer:
    """Send events, then end, hang, cut the connection, break off in a line, or write a last one."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for event in events:
            data = event if isinstance(event, str) else json.dumps(event)
            await response.write(f"data: {data}\n\n".encode())
        if then == "hang":
            await asyncio.Event().wait()
        elif then == "half":
            await response.write(b'data: {"choices": [{"del')
        elif then == "cut":
            assert request.transport is not None
            request.transport.abort()
        elif then != "end":
            await response.write(f"{field}: {then}".encode())
        return response

    return answer


def endless(piece: bytes, *, status: int = 200, kind: str = "text/event-stream") -> Answer:
    """Send the same for ever."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=status, headers={"Content-Type": kind})
        await response.prepare(request)
        while True:
            await response.write(piece)
            await asyncio.sleep(0.02)

    return answer


def delta(finish: str | None = None, **content: Any) -> dict[str, Any]:
    return {"choices": [{"delta": content, "finish_reason": finish}]}


def piece(
    name: str | None = None, arguments: Any = None, *, id: str | None = None, **more: Any
) -> dict[str, Any]:
    """Write a piece of a tool call with only those members that are given."""
    function = {"name": name, "arguments": arguments}
    told = {key: value for key, value in function.items() if value is not None}
    return {"function": told} | more | ({} if id is None else {"id": id})


# How endpoints speak of the calls of two tools: the events, and the calls that are meant.
TWO = [("a", "look", '{"x": 1}'), ("b", "find", '{"y": 2}')]
UNNAMED = [("call_0", "look", '{"x": 1}'), ("call_1", "find", '{"y": 2}')]
SPOKEN: dict[str, tuple[list[Any], list[tuple[str, str, str]]]] = {
    "vllm: the id at first only, the index always": (
        [
            [piece("look", "", id="a", index=0)],
            [piece(None, '{"x"', index=0)],
            [piece(None, ": 1}", index=0)],
            [piece("find", "", id="b", index=1)],
            [piece(None, '{"y": 2}', index=1)],
        ],
        TWO,
    ),
    "vllm: a new id and the name in every piece of one call": (
        [
            [piece("look", "", id="a", index=0)],
            [piece(None, '{"x": 1}', id="zz", index=0)],
            [piece("find", '{"y"', id="b", index=1)],
            [piece("find", ": 2}", id="b", index=1)],
        ],
        TWO,
    ),
    "llama.cpp: interleaved, several in one event": (
        [
            [piece("look", "{", id="a", index=0), piece("find", "{", id="b", index=1)],
            [piece(None, '"y": 2', index=1)],
            [piece(None, '"x": 1}', index=0), piece(None, "}", index=1)],
        ],
        TWO,
    ),
    "the index always 0": (
        [
            [piece("look", '{"x": 1}', id="a", index=0)],
            [piece("find", '{"y"', id="b", index=0)],
            [piece(None, ": 2}", id="b", index=0)],
        ],
        TWO,
    ),
    "no index, ids at first": (
        [
            [piece("look", '{"x"', id="a")],
            [piece(None, ": 1}")],
            [piece("find", '{"y"', id="b", index=None)],
            [piece(None, ": 2}", index=None)],
        ],
        TWO,
    ),
    "no index, interleaved by ids": (
        [
            [piece("look", '{"x"', id="a")],
            [piece("find", '{"y"', id="b")],
            [piece(None, ": 1}", id="a")],
            [piece(None, ": 2}", id="b")],
        ],
        TWO,
    ),
    "neither index nor id, the name repeated": (
        [
            [piece("look", '{"x"')],
            [piece("look", ": 1}", id="")],
            [piece("find", '{"y": 2}')],
            [piece("find", "")],
        ],
        UNNAMED,
    ),
    "ollama: whole calls, arguments as objects": (
        [[piece("look", {"x": 1}), piece("find", {"y": 2})]],
        UNNAMED,
    ),
    "the same tool twice, neither index nor id": (
        [[piece("look", {"x": 1})], [piece("look", {"x": 1})]],
        [("call_0", "look", '{"x": 1}'), ("call_1", "look", '{"x": 1}')],
    ),
    "no arguments, as an object": ([[piece("look", {}, index=0)]], [("call_0", "look", "{}")]),
    "no arguments, as null": (
        [[{"index": 0, "id": None, "function": {"name": "look", "arguments": None}}]],
        [("call_0", "look", "")],
    ),
    "the name after the id": (
        [[piece(None, None, id="a", index=0)], [piece("look", "{}", index=0)]],
        [("a", "look", "{}")],
    ),
}
