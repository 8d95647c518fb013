"""A mock endpoint on the loopback interface: ``python -m tests.bench.upstream PORT PAUSE_MS``.

It answers at once, or streams 64 words; ``pause_ms`` lies between two of them.
"""

import asyncio
import json
import sys
from typing import Any

from aiohttp import web

WORDS = 64
_HEAD = {"id": "c", "created": 1, "model": "mock"}


def _event(content: str | None, finish: str | None = None) -> bytes:
    delta = {"content": content} if content else {}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {**_HEAD, "object": "chat.completion.chunk", "choices": [choice]}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


_USED = {"prompt_tokens": 9, "completion_tokens": WORDS, "total_tokens": 9 + WORDS}
_SAID = "every now and then a river bends so far that it nearly meets itself again ".split()
_PIECES = [_event(f"{_SAID[number % len(_SAID)]} ") for number in range(WORDS)]
_USAGE = {**_HEAD, "object": "chat.completion.chunk", "choices": [], "usage": _USED}
_END = _event(None, "stop") + b"data: " + json.dumps(_USAGE).encode() + b"\n\ndata: [DONE]\n\n"
_MESSAGE = {"role": "assistant", "content": "word " * WORDS}
_WHOLE = json.dumps(
    {
        **_HEAD,
        "object": "chat.completion",
        "choices": [{"index": 0, "message": _MESSAGE, "finish_reason": "stop"}],
        "usage": _USED,
    }
).encode()


def application(pause_s: float) -> web.Application:
    """Make the server."""

    async def complete(request: web.Request) -> web.StreamResponse:
        body: dict[str, Any] = await request.json()
        if not body.get("stream"):
            return web.Response(body=_WHOLE, content_type="application/json")
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for piece in _PIECES:
            await response.write(piece)
            await asyncio.sleep(pause_s)
        await response.write(_END)
        return response

    async def models(_: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "mock"}]})

    served = web.Application()
    served.router.add_post("/v1/chat/completions", complete)
    served.router.add_get("/v1/models", models)
    return served


if __name__ == "__main__":
    port, pause_ms = int(sys.argv[1]), float(sys.argv[2])
    web.run_app(application(pause_ms / 1000), host="127.0.0.1", port=port, print=None)
