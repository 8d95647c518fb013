"""Read what an endpoint answers: a whole object, or server-sent events.

Source: https://platform.openai.com/docs/api-reference/chat-streaming
"""

import re
from collections.abc import AsyncGenerator
from typing import Any

import aiohttp
import orjson
from aiohttp.http_exceptions import LineTooLong

from playground.gateway.chat import MOST_TOKENS, Chunk, Usage
from playground.gateway.providers.failing import cut, garbage, readable
from playground.gateway.providers.numbering import Numbering
from playground.gateway.providers.receiving import Reply
from playground.gateway.providers.refusing import is_error, refusal

MAX_LINE = 2**20
# How long the usage and ``[DONE]`` are waited for when the answer itself is complete.
AFTER_FINISH_S = 2.0
_FINISHED = re.compile(rb'"finish_reason"\s*:\s*"')


async def lines(reply: Reply, *, choices: int = 1) -> AsyncGenerator[bytes]:
    """Yield the data of each server-sent event until ``[DONE]`` or the end.

    When as many ``choices`` as were asked for have finished, only ``AFTER_FINISH_S`` are waited
    for more. Whoever reads the events tells the reply's patience which of them say something.

    Raises:
        ProviderError: an error came, or the stream ended before any choice had finished.
        TimeoutError: nothing was said for too long.
    """
    finished: set[Any] = set()
    ended = False
    content, patience = reply.response.content, reply.patience
    try:
        # Once for each line of every answer: no coroutine more than it takes.
        while raw := await (
            patience.wait(content.readline()) if patience.running else content.readline()
        ):
            field, _, data = raw.strip().partition(b":")
            # llama.cpp has sent errors in a field of their own.
            if field not in (b"data", b"error"):
                # One empty line ends an event; anything else only keeps the connection open.
                if ended or raw.strip():
                    patience.run()
                ended = True
                continue
            ended = False
            data = data.strip()
            if data == b"[DONE]":
                return
            if not raw.endswith(b"\n") and not _is_json(data):
                break
            if field == b"error":
                raise refusal(200, data)
            if _FINISHED.search(data):
                finished |= _finished(data)
                if len(finished) >= choices:
                    patience.end_within(AFTER_FINISH_S)
            yield data
    except (LineTooLong, ValueError) as error:
        raise garbage("it sent a line that is too long") from error
    except (aiohttp.ClientError, OSError):
        # What is lost after the finish reason is at most the usage, which is counted here then.
        if not finished:
            raise
    if not finished:
        raise cut()


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
    """Read the answer of an endpoint that does not stream.

    A ``finish_reason`` of null stays none: the answer is not complete.
    """
    if is_error(answer):
        raise refusal(200, orjson.dumps(answer))
    choice = answer["choices"][0]
    return Chunk(
        text=text_of(choice["message"].get("content")),
        tool_calls=Numbering().deltas(choice["message"].get("tool_calls")),
        finish_reason=choice.get("finish_reason", "stop"),
        usage=usage_of(answer.get("usage")),
    )


def usage_of(listed: Any) -> Usage | None:
    """Read the tokens of a call; the cached ones are OpenAI's detail or DeepSeek's own member.

    None where they are not told: what is no sane number of tokens is none.

    Source: https://github.com/openai/openai-python/blob/main/src/openai/types/completion_usage.py
    and https://platform.deepseek.com/api-docs/guides/kv_cache
    """
    if not isinstance(listed, dict):
        return None
    counts = (listed.get("prompt_tokens"), listed.get("completion_tokens"))
    told = [_tokens(count) for count in counts if count is not None]
    if not told or None in told:
        return None
    details = listed.get("prompt_tokens_details")
    cached = _tokens(details.get("cached_tokens")) if isinstance(details, dict) else None
    cached = cached or _tokens(listed.get("prompt_cache_hit_tokens")) or 0
    asked, written = (_tokens(count) or 0 for count in counts)
    return Usage(asked, written, min(cached, asked))


def _tokens(count: Any) -> int | None:
    if isinstance(count, float) and count.is_integer():
        count = int(count)
    return count if type(count) is int and 0 <= count <= MOST_TOKENS else None


def text_of(content: Any) -> str | None:
    """Return content as text; Vertex sends it as a list of parts.

    Source: https://discuss.ai.google.dev/t/openai-compatibility-bug-in-response-object/58484
    """
    if not isinstance(content, list):
        return content if isinstance(content, str) else None
    return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
