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
from playground.gateway.chat import ChatRequest, Chunk, Gathering, ToolCallDelta, Usage
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
                f"{self._base_url}/models", timeout=aiohttp.ClientTimeout(total=5)
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
        except aiohttp.ClientError as error:
            raise ProviderError(
                "provider.cut", "The connection to the model broke before its answer ended."
            ) from error
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise garbage("its answer could not be read") from error
        if gathered.usage is None:
            written = gathered.text + "".join(
                call.name + call.arguments for call in gathered.tool_calls
            )
            # The first count loads a vocabulary: too slow for the loop that all calls share.
            asked = await asyncio.to_thread(count_messages, request.messages)
            yield Chunk(usage=Usage(asked, await asyncio.to_thread(count, written)))


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
    async for raw in answer.content:
        line = raw.strip()
        if not line.startswith(b"data:"):
            continue
        data = line[5:].strip()
        if data == b"[DONE]":
            return
        event = orjson.loads(data)
        if event.get("error"):
            raise refusal(200, data)
        chunk = piece(event)
        finished = finished or chunk.finish_reason is not None
        yield chunk
    if not finished:
        raise ProviderError(
            "provider.cut", "The connection to the model broke before its answer ended."
        )


def piece(event: dict[str, Any]) -> Chunk:
    choices = event.get("choices") or [{}]
    delta = choices[0].get("delta") or {}
    return Chunk(
        text=delta.get("content"),
        tool_calls=calls_of(delta.get("tool_calls")),
        finish_reason=choices[0].get("finish_reason"),
        usage=usage_of(event.get("usage")),
    )


def whole(answer: dict[str, Any]) -> Chunk:
    """Read the answer of an endpoint that does not stream."""
    if answer.get("error"):
        raise refusal(200, orjson.dumps(answer))
    choice = answer["choices"][0]
    return Chunk(
        text=choice["message"].get("content"),
        tool_calls=calls_of(choice["message"].get("tool_calls")),
        finish_reason=choice.get("finish_reason") or "stop",
        usage=usage_of(answer.get("usage")),
    )


def calls_of(listed: Any) -> list[ToolCallDelta] | None:
    if not listed:
        return None
    return [
        ToolCallDelta(
            index=entry.get("index", position),
            id=entry.get("id"),
            name=(entry.get("function") or {}).get("name"),
            arguments=(entry.get("function") or {}).get("arguments") or "",
        )
        for position, entry in enumerate(listed)
    ]


def usage_of(listed: Any) -> Usage | None:
    if not listed:
        return None
    return Usage(int(listed.get("prompt_tokens") or 0), int(listed.get("completion_tokens") or 0))


def refusal(status: int, body: bytes) -> ProviderError:
    """Classify an error answer; of its text only a short code is kept."""
    if status in (401, 403):
        return ProviderError(
            "provider.unauthorized",
            "The model's endpoint refuses the key it was given.",
            retryable=False,
        )
    if status == 404:
        return ProviderError(
            "provider.unknown-model", "The endpoint does not know this model.", retryable=False
        )
    if status == 429:
        return ProviderError("provider.rate-limited", "The model's endpoint is over its limit.")
    if status >= 500:
        return ProviderError("provider.failed", f"The model's endpoint answered {status}.")
    return ProviderError(
        "provider.refused",
        f"The model's endpoint refused the request ({status}{reason(body)}).",
        retryable=False,
    )


async def told(answer: aiohttp.ClientResponse) -> bytes:
    """Return the beginning of an error's body, read already or not."""
    if answer.content.at_eof():
        return (await answer.read())[:4096]
    return await answer.content.read(4096)


def reason(body: bytes) -> str:
    try:
        error = orjson.loads(body)["error"]
        code = error.get("code") or error.get("type")
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""
    return f", {str(code)[:60]}" if code else ""


def unreachable(error: Exception) -> ProviderError:
    return ProviderError("provider.unreachable", "The model's endpoint cannot be reached.")


def garbage(detail: str) -> ProviderError:
    return ProviderError("provider.bad-answer", f"The model's endpoint: {detail}.")
