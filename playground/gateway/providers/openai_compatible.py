"""Any endpoint that speaks OpenAI's Chat Completions, streamed.

Source: https://platform.openai.com/docs/api-reference/chat
"""

import asyncio
import contextlib
import re
import socket
import weakref
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import orjson

from playground.core.errors import ProviderError
from playground.gateway.chat import ChatRequest, Chunk, Gathering, ToolCallDelta, Usage
from playground.gateway.tokens import count, count_messages

CONNECT_S = 10.0
SILENCE_S = 120.0
MAX_LINE = 2**20
_FINISHED = re.compile(rb'"finish_reason"\s*:\s*"')
_CODE = re.compile(r"[a-z][a-z_]{1,39}")
_HINTS = (
    ("rate", 429), ("quota", 429), ("overload", 503), ("capacity", 503), ("unavailable", 503),
    ("server", 500), ("internal", 500), ("timeout", 504), ("auth", 401), ("api_key", 401),
    ("permission", 403), ("not_found", 404),
)  # fmt: skip


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
        # Pages and runs call on the gateway's own loop, ``/v1`` on the server's.
        self._sessions: weakref.WeakKeyDictionary[
            asyncio.AbstractEventLoop, aiohttp.ClientSession
        ] = weakref.WeakKeyDictionary()

    def _open(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None or session.closed:
            session = self._sessions[loop] = aiohttp.ClientSession(
                headers=self._headers,
                connector=aiohttp.TCPConnector(limit=0, family=socket.AF_UNSPEC),
                timeout=self._timeout,
                read_bufsize=MAX_LINE,
            )
        return session

    async def close(self) -> None:
        """Close this loop's connections; the next call opens new ones."""
        if session := self._sessions.pop(asyncio.get_running_loop(), None):
            await session.close()

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

    async def post(self, route: str, body: dict[str, Any]) -> aiohttp.ClientResponse:
        """Post a body; one that is refused for its ``stream_options`` is sent without them."""
        answer = await self._post(route, body)
        if (
            answer.status == 400
            and "stream_options" in body
            and b"stream_options" in await answer.read()
        ):
            # Some servers refuse what they do not know; the tokens are counted here then.
            answer.release()
            plain = {name: value for name, value in body.items() if name != "stream_options"}
            return await self._post(route, plain)
        return answer

    async def _post(self, route: str, body: dict[str, Any]) -> aiohttp.ClientResponse:
        # A redirect could lead the key, and the conversation, anywhere.
        return await self._open().post(
            f"{self._base_url}/{route}",
            data=orjson.dumps(body),
            headers={"Content-Type": "application/json"},
            allow_redirects=False,
        )

    async def stream(self, request: ChatRequest) -> AsyncIterator[Chunk]:
        """Stream an answer; the usage is counted here where the endpoint does not tell it."""
        gathered = Gathering()
        with reachable():
            async with await self.post("chat/completions", body_of(request)) as answer:
                if answer.status != 200:
                    raise refusal(answer.status, await told(answer))
                if "text/event-stream" in answer.headers.get("Content-Type", ""):
                    async for chunk in events(answer):
                        gathered.add(chunk)
                        yield chunk
                else:
                    raw = await answer.read()
                    with readable():
                        chunk = whole(orjson.loads(raw))
                    gathered.add(chunk)
                    yield chunk
        if gathered.usage is None:
            written = gathered.text + "".join(
                call.name + call.arguments for call in gathered.tool_calls
            )
            # The first count loads a vocabulary: too slow for the loop that all calls share.
            asked = await asyncio.to_thread(count_messages, request.messages)
            yield Chunk(usage=Usage(asked, await asyncio.to_thread(count, written)))


@contextlib.contextmanager
def reachable() -> Iterator[None]:
    """Say in our own errors how an endpoint failed to answer."""
    try:
        yield
    except (aiohttp.ClientConnectorError, aiohttp.InvalidURL) as error:
        raise unreachable(error) from error
    except TimeoutError as error:
        raise ProviderError("provider.timeout", "The model did not answer in time.") from error
    except aiohttp.ClientError as error:
        raise _cut() from error


@contextlib.contextmanager
def readable() -> Iterator[None]:
    """Say in our own errors that an answer makes no sense."""
    try:
        yield
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise garbage("its answer could not be read") from error


def body_of(request: ChatRequest) -> dict[str, Any]:
    """Write the request as the JSON body that the endpoint takes; it asks for the usage."""
    body: dict[str, Any] = {
        "model": request.model,
        "messages": list(request.messages),
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    optional = {
        "tools": list(request.tools) if request.tools else None,
        "response_format": request.response_format,
        "temperature": request.temperature,
        "max_tokens": request.max_tokens,
        "stop": request.stop,
    }
    body |= {name: value for name, value in optional.items() if value is not None}
    return body | dict(request.extra)


async def lines(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Yield the data of each server-sent event until ``[DONE]`` or the end.

    Raises:
        ProviderError: the stream ended in the middle of a line, or before any choice had finished.
    """
    finished = False
    try:
        async for raw in answer.content:
            line = raw.strip()
            if not line.startswith(b"data:"):
                continue
            if not raw.endswith(b"\n"):
                raise _cut()
            data = line[5:].strip()
            if data == b"[DONE]":
                return
            finished = finished or _FINISHED.search(data) is not None
            yield data
    except aiohttp.ClientError:
        # All was said: what is missing is only the goodbye.
        if not finished:
            raise
    if not finished:
        raise _cut()


async def events(answer: aiohttp.ClientResponse) -> AsyncIterator[Chunk]:
    """Read server-sent events as chunks.

    Raises:
        ProviderError: see ``lines``; an event carried an error or could not be read.
    """
    async for data in lines(answer):
        yield read(data)


def read(data: bytes) -> Chunk:
    """Read one event.

    Raises:
        ProviderError: it carries an error, or makes no sense.
    """
    with readable():
        event = orjson.loads(data)
        if event.get("error"):
            raise refused_within(event["error"])
        return piece(event)


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
        raise refused_within(answer["error"])
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
            index=position if entry.get("index") is None else int(entry["index"]),
            id=entry.get("id") or None,
            name=(entry.get("function") or {}).get("name") or None,
            arguments=_arguments(entry.get("function") or {}),
        )
        for position, entry in enumerate(listed)
    ]


def _arguments(function: dict[str, Any]) -> str:
    # Some servers send the object itself where OpenAI sends its JSON.
    given = function.get("arguments")
    return given or "" if isinstance(given, str | None) else orjson.dumps(given).decode()


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
    if 300 <= status < 400:
        return ProviderError(
            "provider.redirects",
            "The model's endpoint redirects; set its base URL to where it leads.",
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


def refused_within(error: Any) -> ProviderError:
    """Classify an error that came inside an answer of status 200, by its own code."""
    said = error if isinstance(error, dict) else {}
    words = " ".join(str(said.get(name) or "") for name in ("code", "type", "status")).lower()
    status = next((int(word) for word in words.split() if re.fullmatch(r"[45]\d\d", word)), 0)
    if not status:
        status = next((known for hint, known in _HINTS if hint in words), 400)
    return refusal(status, orjson.dumps({"error": said}))


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
    # A short word at most: some endpoints repeat the key, or the conversation.
    return f", {code}" if isinstance(code, int) or _CODE.fullmatch(str(code or "")) else ""


def _cut() -> ProviderError:
    return ProviderError(
        "provider.cut", "The connection to the model broke before its answer ended."
    )


def unreachable(error: Exception) -> ProviderError:
    return ProviderError("provider.unreachable", "The model's endpoint cannot be reached.")


def garbage(detail: str) -> ProviderError:
    return ProviderError("provider.bad-answer", f"The model's endpoint: {detail}.")
