"""Read what an endpoint answers: a whole object, or server-sent events.

Source: https://platform.openai.com/docs/api-reference/chat-streaming
"""

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
from aiohttp.http_exceptions import LineTooLong

from playground.gateway.chat import Chunk, Usage
from playground.gateway.providers.failing import cut, garbage, readable
from playground.gateway.providers.numbering import Numbering
from playground.gateway.providers.refusing import is_error, refusal

MAX_LINE = 2**20
# Gemini's lists of what is wrong get long.
MAX_ERROR = 2**16
# How long the usage and ``[DONE]`` are waited for when the answer itself is complete.
AFTER_FINISH_S = 2.0
_FINISHED = re.compile(rb'"finish_reason"\s*:\s*"')


async def lines(answer: aiohttp.ClientResponse, *, choices: int = 1) -> AsyncIterator[bytes]:
    """Yield the data of each server-sent event until ``[DONE]`` or the end.

    When as many ``choices`` as were asked for have finished, only ``AFTER_FINISH_S`` of silence
    are waited for more.

    Raises:
        ProviderError: an error came, or the stream ended before any choice had finished.
    """
    finished: set[Any] = set()
    left_s: float | None = None
    ended_at = 0.0
    try:
        content = answer.content
        # Once for each line of every answer: no coroutine more than it takes.
        while raw := await (content.readline() if left_s is None else _line(answer, left_s)):
            if left_s is not None:
                # Whatever still comes: an answer that is complete is not held open by comments.
                left_s = max(0.0, ended_at + AFTER_FINISH_S - time.monotonic())
            field, _, data = raw.strip().partition(b":")
            # llama.cpp has sent errors in a field of their own.
            if field not in (b"data", b"error"):
                continue
            data = data.strip()
            if data == b"[DONE]":
                return
            if not raw.endswith(b"\n") and not _is_json(data):
                break
            if field == b"error":
                raise refusal(200, data)
            if _FINISHED.search(data):
                finished |= _finished(data)
                if left_s is None and len(finished) >= choices:
                    left_s, ended_at = AFTER_FINISH_S, time.monotonic()
            yield data
    except (LineTooLong, ValueError) as error:
        raise garbage("it sent a line that is too long") from error
    except (aiohttp.ClientError, OSError):
        # What is lost after the finish reason is at most the usage, which is counted here then.
        if not finished:
            raise
    if not finished:
        raise cut()


async def _line(answer: aiohttp.ClientResponse, wait_s: float) -> bytes:
    async with asyncio.timeout(wait_s):
        return await answer.content.readline()


def _finished(data: bytes) -> set[Any]:
    """Return the numbers of the choices that an event finishes."""
    with readable():
        listed = orjson.loads(data).get("choices") or ()
        return {str(each.get("index") or 0) for each in listed if each.get("finish_reason")}


def _is_json(data: bytes) -> bool:
    try:
        orjson.loads(data)
    except ValueError:
        return False
    return True


def whole(answer: dict[str, Any]) -> Chunk:
    """Read the answer of an endpoint that does not stream."""
    if is_error(answer):
        raise refusal(200, orjson.dumps(answer))
    choice = answer["choices"][0]
    return Chunk(
        text=text_of(choice["message"].get("content")),
        tool_calls=Numbering().deltas(choice["message"].get("tool_calls")),
        finish_reason=choice.get("finish_reason") or "stop",
        usage=usage_of(answer.get("usage")),
    )


def usage_of(listed: Any) -> Usage | None:
    """Read the tokens of a call; the cached ones are OpenAI's detail or DeepSeek's own member.

    Source: https://github.com/openai/openai-python/blob/main/src/openai/types/completion_usage.py
    and https://platform.deepseek.com/api-docs/guides/kv_cache
    """
    if not listed:
        return None
    details = listed.get("prompt_tokens_details") or {}
    cached = details.get("cached_tokens") or listed.get("prompt_cache_hit_tokens") or 0
    asked = int(listed.get("prompt_tokens") or 0)
    return Usage(asked, int(listed.get("completion_tokens") or 0), min(int(cached), asked))


def text_of(content: Any) -> str | None:
    """Return content as text; Vertex sends it as a list of parts.

    Source: https://discuss.ai.google.dev/t/openai-compatibility-bug-in-response-object/58484
    """
    if not isinstance(content, list):
        return content if isinstance(content, str) else None
    return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))


async def told(answer: aiohttp.ClientResponse) -> bytes:
    """Return an error's body, read already or not, as far as anybody needs it."""
    if answer.content.at_eof():
        return (await answer.read())[:MAX_ERROR]
    pieces = b""
    # A body that is cut off is told as far as it came; the status says what it is about.
    with contextlib.suppress(aiohttp.ClientError, OSError):
        while len(pieces) < MAX_ERROR and (piece := await answer.content.read(MAX_ERROR)):
            pieces += piece
    return pieces[:MAX_ERROR]
