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
from playground.gateway.chat import ChatRequest, Chunk, Gathering, Usage
from playground.gateway.providers.numbering import Numbering
from playground.gateway.providers.refusing import is_error, refusal
from playground.gateway.tokens import count, count_messages

CONNECT_S = 10.0
SILENCE_S = 120.0
MAX_LINE = 2**20
RETIRE_S = 600.0
_FINISHED = re.compile(rb'"finish_reason"\s*:\s*"')


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

    def retire(self) -> None:
        """Let the calls that run end, then close the connections of all loops."""
        for loop, session in list(self._sessions.items()):
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_close_later, session)

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
                    chunk = read_whole(await answer.read())
                    gathered.add(chunk)
                    yield chunk
        if gathered.usage is None:
            # The first count loads a vocabulary: too slow for the loop that all calls share.
            asked = await asyncio.to_thread(count_messages, request.messages)
            yield Chunk(usage=Usage(asked, await asyncio.to_thread(count, gathered.written)))


def _close_later(session: aiohttp.ClientSession) -> None:
    loop = asyncio.get_running_loop()
    loop.call_later(RETIRE_S, lambda: loop.create_task(session.close()))


@contextlib.contextmanager
def reachable() -> Iterator[None]:
    """Say in our own errors how an endpoint failed to answer."""
    try:
        yield
    except (aiohttp.ClientConnectorError, aiohttp.InvalidURL) as error:
        raise unreachable(error) from error
    except TimeoutError as error:
        raise ProviderError("provider.timeout", "The model did not answer in time.") from error
    except (aiohttp.ClientError, OSError) as error:
        raise cut() from error


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
        ProviderError: an error came, or the stream ended before any choice had finished.
    """
    finished = False
    try:
        async for raw in answer.content:
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
            finished = finished or _FINISHED.search(data) is not None
            yield data
    except (aiohttp.ClientError, OSError):
        # What is lost after the finish reason is at most the usage, which is counted here then.
        if not finished:
            raise
    if not finished:
        raise cut()


def _is_json(data: bytes) -> bool:
    try:
        orjson.loads(data)
    except ValueError:
        return False
    return True


async def events(answer: aiohttp.ClientResponse) -> AsyncIterator[Chunk]:
    """Read server-sent events as chunks.

    Raises:
        ProviderError: see ``lines`` and ``read``.
    """
    numbering = Numbering()
    async for data in lines(answer):
        yield read(data, numbering)


def read(data: bytes, numbering: Numbering) -> Chunk:
    """Read one event.

    Raises:
        ProviderError: it carries an error, or makes no sense.
    """
    with readable():
        event = orjson.loads(data)
        if is_error(event):
            raise refusal(200, data)
        return piece(event, numbering)


def read_whole(raw: bytes) -> Chunk:
    """Read an answer that came at once; of several choices the first.

    Raises:
        ProviderError: it carries an error, or makes no sense.
    """
    with readable():
        return whole(orjson.loads(raw))


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
