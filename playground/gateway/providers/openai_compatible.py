"""Any endpoint that speaks OpenAI's Chat Completions, streamed.

Source: https://platform.openai.com/docs/api-reference/chat
"""

import asyncio
import contextlib
import socket
import weakref
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson

from playground.core.offloading import Errands
from playground.gateway.chat import ChatRequest
from playground.gateway.providers import dialects, outbound
from playground.gateway.providers.checking import parsed
from playground.gateway.providers.failing import UNREADABLE, garbage, reachable
from playground.gateway.providers.reading import MAX_LINE
from playground.gateway.providers.receiving import Patience, Reply, error_body, within
from playground.gateway.providers.refusing import refusal, refused

CONNECT_S = 10.0
SILENCE_S = 120.0
LISTING_S = 5.0
RETIRE_S = 600.0
MAX_LISTING = 2**22
# Many servers answer calls and have no such route.
_NO_LISTING = (405, 406, 410, 415, 501)
# One for each thing that an endpoint may refuse.
MOST_MENDED = 3

_errands = Errands()


class OpenAICompatible:
    """Call one endpoint with one key.

    Args:
        silence_s: how long it may say nothing, from the request to its first words (or to the end
            of an answer that does not stream) as between two pieces. Comments and empty events,
            which only keep the connection open, say nothing.
        kind: whose way of speaking it has; see ``dialects``.
        api_version: of Azure's classic interface, which is spoken then.
        external: outside this network, so that no address inside it is connected to.
    """

    def __init__(
        self,
        *,
        name: str,
        base_url: str,
        api_key: str,
        connect_s: float = CONNECT_S,
        silence_s: float = SILENCE_S,
        kind: str = "openai",
        api_version: str = "",
        external: bool = False,
    ) -> None:
        self.name = name
        self._timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=connect_s, sock_read=silence_s
        )
        self._silence_s = silence_s
        self._secret = api_key
        self._base_url, self._kind, self._api_version = base_url, kind, api_version
        self._external = external
        # Pages and runs call on the gateway's own loop, ``/v1`` on the server's.
        self._sessions: weakref.WeakKeyDictionary[
            asyncio.AbstractEventLoop, aiohttp.ClientSession
        ] = weakref.WeakKeyDictionary()

    def _open(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None or session.closed:
            session = self._sessions[loop] = aiohttp.ClientSession(
                headers=dialects.headers(self._kind, self._secret),
                connector=aiohttp.TCPConnector(
                    limit=0,
                    family=socket.AF_UNSPEC,
                    resolver=outbound.Outside() if self._external else None,
                ),
                timeout=self._timeout,
                read_bufsize=MAX_LINE,
                # A proxy that the environment names would resolve names in our place.
                trust_env=False,
            )
        return session

    async def close(self) -> None:
        """Close this loop's connections; the next call opens new ones."""
        if session := self._sessions.pop(asyncio.get_running_loop(), None):
            await session.close()

    def retire(self) -> None:
        """Close the connections of all loops in ten minutes; what still runs then breaks off."""
        for loop in list(self._sessions):
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._close_later)

    def _close_later(self) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(RETIRE_S, lambda: _errands.begin(self.close()))

    async def models(self) -> list[str]:
        """Return the ids that the endpoint lists."""
        try:
            with reachable():
                async with self._open().get(
                    self._url("models"),
                    headers=dialects.listing_headers(self._kind, self._secret),
                    timeout=aiohttp.ClientTimeout(total=LISTING_S),
                    allow_redirects=False,
                ) as answer:
                    if answer.status in _NO_LISTING:
                        raise garbage("it lists no models")
                    if answer.status != 200:
                        raise refusal(answer.status, b"", answer.headers)
                    listed = parsed(await within(answer, MAX_LISTING))
            return [str(entry["id"]) for entry in listed["data"]]
        except UNREADABLE as error:
            raise garbage("its list of models could not be read") from error

    @contextlib.asynccontextmanager
    async def posted(self, route: str, body: dict[str, Any]) -> AsyncIterator[Reply]:
        """Post a body as the endpoint takes it, and give what it answers.

        What it refuses is mended where nothing is lost. However the block is left, the connection
        is given back, or closed where the answer has not ended.

        Raises:
            ProviderError: the endpoint cannot be reached, refuses, or breaks off within the block.
        """
        patience = Patience(self._silence_s)
        sent = dialects.adapted(self._kind, body)
        with reachable():
            for mending in range(MOST_MENDED + 1):
                async with await patience.wait(self._post(route, sent)) as response:
                    if response.status == 200:
                        yield Reply(response, patience)
                        return
                    said = await error_body(response)
                mended = None
                if response.status == 400 and mending < MOST_MENDED:
                    mended = dialects.mended(self._kind, sent, said)
                if mended is None:
                    raise refused(response.status, said, response.headers, secret=self._secret)
                sent = mended

    async def _post(self, route: str, body: dict[str, Any]) -> aiohttp.ClientResponse:
        # A redirect could lead the key, and the conversation, anywhere.
        return await self._open().post(
            self._url(route, str(body.get("model") or "")),
            data=orjson.dumps(body),
            headers={"Content-Type": "application/json"},
            allow_redirects=False,
        )

    def _url(self, route: str, model: str = "") -> str:
        url = dialects.url(
            self._kind, self._base_url, route, model=model, api_version=self._api_version
        )
        if self._external:
            outbound.check(url)
        return url


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
