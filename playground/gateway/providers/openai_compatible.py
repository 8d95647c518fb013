"""Any endpoint that speaks OpenAI's Chat Completions, streamed.

Source: https://platform.openai.com/docs/api-reference/chat
"""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson

from playground.core.errors import ProviderError
from playground.gateway.chat import ChatRequest, Chunk, Gathering, Usage
from playground.gateway.providers.numbering import Numbering
from playground.gateway.providers.refusing import is_error, refusal
from playground.gateway.tokens import count, count_messages

CONNECT_S = 10.0
SILENCE_S = 120.0
MAX_LINE = 2**20


class OpenAICompatible:
    """Call one endpoint with one key.

    ``silence_s`` is how long it may send nothing, before its first byte as between two pieces.
    """

    def __init__(
        self,
        *,
        name: str,
        base_url: str,
        api_key: str,
        connect_s: float = CONNECT_S,
        silence_s: float = SILENCE_S,
    ) -> None:
        self.name = name
        self._timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=connect_s, sock_read=silence_s
        )
        self._base_url = base_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._session: aiohttp.ClientSession | None = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                headers=self._headers,
                connector=aiohttp.TCPConnector(limit=0, family=socket.AF_UNSPEC),
                timeout=self._timeout,
                read_bufsize=MAX_LINE,
            )
        return self._session

    async def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        if self._session is not None:
            await self._session.close()

    async def models(self) -> list[str]:
        """Return the ids that the endpoint lists."""
        try:
            async with self._open().get(
                f"{self._base_url}/models",
                timeout=aiohttp.ClientTimeout(total=5),
                allow_redirects=False,
            ) as answer:
                if answer.status != 200:
                    raise refusal(answer.status, b"")
                listed = orjson.loads(await answer.read())
            return [str(entry["id"]) for entry in listed["data"]]
        except (aiohttp.ClientError, TimeoutError) as error:
            raise unreachable(error) from error
        except (ValueError, KeyError, TypeError) as error:
            raise garbage("its list of models could not be read") from error

    async def _ask(self, request: ChatRequest) -> aiohttp.ClientResponse:
        answer = await self._post(body_of(request))
        if answer.status == 400 and b"stream_options" in await answer.read():
            # Some servers refuse what they do not know; the tokens are counted here then.
            answer.release()
            return await self._post(body_of(request, usage=False))
        return answer

    async def _post(self, body: dict[str, Any]) -> aiohttp.ClientResponse:
        return await self._open().post(
            f"{self._base_url}/chat/completions",
            data=orjson.dumps(body),
            headers={"Content-Type": "application/json"},
            allow_redirects=False,
        )

    async def stream(self, request: ChatRequest) -> AsyncIterator[Chunk]:
        """Stream an answer; the usage is counted here where the endpoint does not tell it."""
        gathered = Gathering()
        try:
            async with await self._ask(request) as answer:
                if answer.status != 200:
                    raise refusal(answer.status, await told(answer))
                if "text/event-stream" in answer.headers.get("Content-Type", ""):
                    async for chunk in events(answer):
                        gathered.add(chunk)
                        yield chunk
                else:
                    chunk = whole(orjson.loads(await answer.read()))
                    gathered.add(chunk)
                    yield chunk
        except (aiohttp.ClientConnectorError, aiohttp.InvalidURL) as error:
            raise unreachable(error) from error
        except TimeoutError as error:
            raise ProviderError("provider.timeout", "The model did not answer in time.") from error
        except (aiohttp.ClientError, OSError) as error:
            raise cut() from error
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise garbage("its answer could not be read") from error
        if gathered.usage is None:
            # The first count loads a vocabulary: too slow for the loop that all calls share.
            asked = await asyncio.to_thread(count_messages, request.messages)
            yield Chunk(usage=Usage(asked, await asyncio.to_thread(count, gathered.written)))


def body_of(request: ChatRequest, *, usage: bool = True) -> dict[str, Any]:
    """Write the request as the JSON body that the endpoint takes; ``usage`` asks for its count."""
    body: dict[str, Any] = {
        "model": request.model,
        "messages": list(request.messages),
        "stream": True,
    }
    if usage:
        body["stream_options"] = {"include_usage": True}
    optional = {
        "tools": list(request.tools) if request.tools else None,
        "response_format": request.response_format,
        "temperature": request.temperature,
        "max_tokens": request.max_tokens,
        "stop": request.stop,
    }
    body |= {name: value for name, value in optional.items() if value is not None}
    return body | dict(request.extra)


async def events(answer: aiohttp.ClientResponse) -> AsyncIterator[Chunk]:
    """Read server-sent events until ``[DONE]``.

    Raises:
        ProviderError: the stream ended without a finish reason, or carried an error.
    """
    finished = False
    numbering = Numbering()
    try:
        async for raw in answer.content:
            field, _, data = raw.strip().partition(b":")
            # llama.cpp has sent errors in a field of their own.
            if field not in (b"data", b"error"):
                continue
            if data.strip() == b"[DONE]":
                return
            try:
                event = orjson.loads(data)
            except ValueError:
                if raw.endswith(b"\n"):
                    raise
                break
            if field == b"error" or is_error(event):
                raise refusal(200, data)
            chunk = piece(event, numbering)
            finished = finished or bool(chunk.finish_reason)
            yield chunk
    except (aiohttp.ClientError, OSError):
        # What is lost after the finish reason is at most the usage, which is counted here then.
        if not finished:
            raise
    if not finished:
        raise cut()


def piece(event: dict[str, Any], numbering: Numbering) -> Chunk:
    choices = event.get("choices") or [{}]
    delta = choices[0].get("delta") or {}
    return Chunk(
        text=delta.get("content"),
        tool_calls=numbering.deltas(delta.get("tool_calls")),
        finish_reason=choices[0].get("finish_reason"),
        usage=usage_of(event.get("usage")),
    )


def whole(answer: dict[str, Any]) -> Chunk:
    """Read the answer of an endpoint that does not stream."""
    if is_error(answer):
        raise refusal(200, orjson.dumps(answer))
    choice = answer["choices"][0]
    return Chunk(
        text=choice["message"].get("content"),
        tool_calls=Numbering().deltas(choice["message"].get("tool_calls")),
        finish_reason=choice.get("finish_reason") or "stop",
        usage=usage_of(answer.get("usage")),
    )


def usage_of(listed: Any) -> Usage | None:
    if not listed:
        return None
    return Usage(int(listed.get("prompt_tokens") or 0), int(listed.get("completion_tokens") or 0))


async def told(answer: aiohttp.ClientResponse) -> bytes:
    """Return the beginning of an error's body, read already or not."""
    if answer.content.at_eof():
        return (await answer.read())[:4096]
    return await answer.content.read(4096)


def unreachable(error: Exception) -> ProviderError:
    return ProviderError("provider.unreachable", "The model's endpoint cannot be reached.")


def garbage(detail: str) -> ProviderError:
    return ProviderError("provider.bad-answer", f"The model's endpoint: {detail}.")


def cut() -> ProviderError:
    return ProviderError(
        "provider.cut", "The connection to the model broke before its answer ended."
    )
