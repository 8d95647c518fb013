"""Answers of ``/v1`` in OpenAI's shapes: JSON, errors, server-sent events.

Source: https://platform.openai.com/docs/guides/error-codes
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson

from playground.core.errors import PlaygroundError

Send = Callable[[dict[str, Any]], Awaitable[None]]

# OpenAI's own codes, which its clients act upon; every other code is ours.
_CODES = {
    "quota.exceeded": "rate_limit_exceeded",
    "auth.required": "invalid_api_key",
    "auth.invalid-key": "invalid_api_key",
    "model.unknown": "model_not_found",
    "provider.unknown-model": "model_not_found",
    "rate-limited": "rate_limit_exceeded",
    "provider.rate-limited": "rate_limit_exceeded",
}
_STATUSES = {"model.unknown": 404, "provider.unknown-model": 404, "provider.rate-limited": 429}
DONE = b"data: [DONE]\n\n"


def error_body(error: PlaygroundError) -> dict[str, Any]:
    """Return the error as OpenAI words it; ``param`` names the field that is wrong."""
    return {
        "error": {
            "message": getattr(error, "words", "") or error.detail,
            "type": _type_of(status_of(error)),
            "param": error.extra.get("param"),
            "code": _CODES.get(error.code, error.code),
        }
    }


def status_of(error: PlaygroundError) -> int:
    """Return the status that an OpenAI client expects: 400 for whatever the request got wrong."""
    status = _STATUSES.get(error.code, error.status)
    return 400 if status == 422 else status


def _type_of(status: int) -> str:
    match status:
        case 401:
            return "authentication_error"
        case 403:
            return "permission_error"
        case 429:
            return "rate_limit_error"
        case _:
            return "invalid_request_error" if status < 500 else "server_error"


def event(content: Mapping[str, Any], *, name: str | None = None) -> bytes:
    """Encode one server-sent event."""
    head = b"" if name is None else b"event: " + name.encode() + b"\n"
    return head + b"data: " + orjson.dumps(content) + b"\n\n"


class Answer:
    """What goes back to one caller; it knows whether its head has been sent."""

    def __init__(self, send: Send, *, request_id: str) -> None:
        self._send = send
        self.request_id = request_id
        self.begun = False
        self._came = time.perf_counter()
        self.headers: dict[str, str] = {}

    async def json(self, content: Any, *, status: int = 200) -> None:
        """Send a JSON document and end."""
        await self.whole(orjson.dumps(content), "application/json", status=status)

    async def whole(self, body: bytes, content_type: str, *, status: int = 200) -> None:
        """Send a body and end."""
        await self._head(status, content_type, length=len(body))
        await self._send({"type": "http.response.body", "body": body})

    async def tagged(self, body: bytes, content_type: str, *, tag: str, known: str) -> None:
        """Send a body with its entity tag; only the head where the caller knows it already.

        ``known`` is the caller's ``If-None-Match``.
        """
        self.headers["ETag"] = tag
        if any(each.strip().removeprefix("W/") in (tag, "*") for each in known.split(",")):
            await self._head(304, content_type)
            await self._send({"type": "http.response.body", "body": b""})
            return
        await self.whole(body, content_type)

    async def error(self, error: PlaygroundError) -> None:
        """Send an error: as the answer, or as the last event of a stream that has begun."""
        if self.begun:
            await self.piece(event(error_body(error)))
            await self.end()
            return
        if "retry_after_s" in error.extra:
            self.headers["retry-after"] = str(error.extra["retry_after_s"])
        self.headers.update(getattr(error, "headers", {}))
        if error.status == 401:
            self.headers["WWW-Authenticate"] = 'Bearer realm="playground"'
        await self.json(error_body(error), status=status_of(error))

    async def piece(self, data: bytes) -> None:
        """Send a piece of an event stream, its head first."""
        if not self.begun:
            await self._head(200, "text/event-stream; charset=utf-8")
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        """End an event stream."""
        await self._send({"type": "http.response.body", "body": b""})

    async def _head(self, status: int, content_type: str, *, length: int | None = None) -> None:
        self.begun = True
        headers = {
            "Content-Type": content_type,
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "X-Request-ID": self.request_id,
            "OpenAI-Processing-Ms": f"{(time.perf_counter() - self._came) * 1000:.0f}",
            **self.headers,
        }
        if length is not None:
            headers["Content-Length"] = str(length)
        await self._send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [
                    (name.lower().encode(), value.encode()) for name, value in headers.items()
                ],
            }
        )
