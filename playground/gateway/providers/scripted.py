"""A provider for tests and benchmarks: it says what was queued for it, in whichever process asks.

Replies wait in Redis, so that a test can queue them and a worker in another process speaks them.
"""

import asyncio
import functools
import json
import time
import uuid
from collections.abc import AsyncIterator, Iterable
from typing import Any

import redis
from django.conf import settings

from playground.core.errors import ProviderError
from playground.gateway.chat import ChatRequest, Chunk, ToolCallDelta, Usage
from playground.gateway.tokens import count, count_messages

MODEL = "scripted"
QUEUE = "gateway:scripted"


@functools.cache
def _redis() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=5)


def queue(replies: Iterable[dict[str, Any] | str]) -> None:
    """Append replies; each model call takes the next.

    A reply is a text or ``{"text", "tool_calls": [{"name", "arguments"}], "chunk_ms", "hang_s",
    "error": {"code", "detail", "retryable"}, "clock": n}``; ``clock`` makes n chunks of the time.
    """
    encoded = [json.dumps({"text": r} if isinstance(r, str) else r) for r in replies]
    if encoded:
        _redis().rpush(QUEUE, *encoded)


def clear() -> None:
    """Forget what is queued."""
    _redis().delete(QUEUE)


class Scripted:
    """Speak the queued replies; with none left, repeat the last user message."""

    name = "scripted"

    async def stream(self, request: ChatRequest) -> AsyncIterator[Chunk]:
        reply = await asyncio.to_thread(_next) or {"text": f"You said: {last_words(request)}"}
        await asyncio.sleep(reply.get("hang_s", 0))
        if "error" in reply:
            error = reply["error"]
            raise ProviderError(
                error["code"],
                error.get("detail", "The script says so."),
                retryable=error.get("retryable", True),
            )
        pause = reply.get("chunk_ms", 0) / 1000
        written = ""
        for word in words(reply):
            piece = word if word is not None else f"{time.time():.6f} "
            written += piece
            yield Chunk(text=piece)
            await asyncio.sleep(pause)
        calls = [
            ToolCallDelta(
                index=index,
                id=call.get("id") or f"call_{uuid.uuid4().hex[:12]}",
                name=call["name"],
                arguments=call["arguments"]
                if isinstance(call["arguments"], str)
                else json.dumps(call["arguments"]),
            )
            for index, call in enumerate(reply.get("tool_calls", ()))
        ]
        if calls:
            yield Chunk(tool_calls=calls)
        usage = Usage(count_messages(request.messages), count(written))
        yield Chunk(finish_reason="tool_calls" if calls else "stop", usage=usage)


def words(reply: dict[str, Any]) -> Iterable[str | None]:
    """Return the pieces to stream; None stands for the time at which it is sent."""
    if "clock" in reply:
        return [None] * int(reply["clock"])
    return [f"{word} " for word in reply.get("text", "").split(" ")] if reply.get("text") else []


def last_words(request: ChatRequest) -> str:
    spoken = [m["content"] for m in request.messages if m.get("role") == "user"]
    return str(spoken[-1]) if spoken else ""


def _next() -> dict[str, Any] | None:
    taken = _redis().lpop(QUEUE)
    return json.loads(taken) if isinstance(taken, bytes | str) else None
