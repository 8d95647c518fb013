"""One request to ``/v1``: read once, its fields taken out with errors that name them."""

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import orjson

from playground.core.context import RequestContext
from playground.core.errors import InvalidInput
from playground.gateway.prompting import Resolved
from playground.policy import bodies
from playground.policy.origins import header

Receive = Callable[[], Awaitable[dict[str, Any]]]
MAX_BODY = 10 * 2**20
_MOST_DIGITS = 20
MAX_PARAMETERS = 20
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


class Gone(Exception):
    """The caller has hung up: there is nobody to answer."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A request with its caller; ``body`` is empty where the method has none.

    ``rest`` is what follows the route in the path: the id of one model; ``key`` the id of the API
    key it came with, empty for a session; ``prompt`` what its messages begin with; ``query`` what
    the address asks for, as it came; ``known`` its ``If-None-Match``.
    """

    context: RequestContext
    body: dict[str, Any]
    rest: str = ""
    key: str = ""
    prompt: Resolved | None = None
    query: bytes = b""
    known: str = ""

    def text(self, name: str, *, required: bool = True) -> str:
        """Return a field that is text.

        Raises:
            InvalidInput: ``request.invalid`` with ``param``.
        """
        value = self.body.get(name)
        if value is None and not required:
            return ""
        if not isinstance(value, str) or (required and not value):
            raise wrong(name, "is required and must be text" if value is None else "must be text")
        return value

    def number(
        self, name: str, *, low: float, high: float, whole: bool = False
    ) -> float | int | None:
        """Return a field that is a number within bounds, None where it is left out."""
        value = self.body.get(name)
        if value is None:
            return None
        kinds = int if whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
            raise wrong(
                name, f"must be {'an integer' if whole else 'a number'} from {low:g} to {high:g}"
            )
        return value  # type: ignore[return-value]

    def flag(self, name: str) -> bool:
        """Return a field that is true or false, false where it is left out."""
        value = self.body.get(name)
        if value is not None and not isinstance(value, bool):
            raise wrong(name, "must be true or false")
        return bool(value)

    def objects(self, name: str) -> list[dict[str, Any]]:
        """Return a field that is a list of objects, empty where it is left out."""
        value = self.body.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
            raise wrong(name, "must be a list of objects")
        return value

    def thing(self, name: str) -> dict[str, Any] | None:
        """Return a field that is an object."""
        value = self.body.get(name)
        if value is not None and not isinstance(value, dict):
            raise wrong(name, "must be an object")
        return value

    def parameters(self) -> dict[str, str]:
        """Return what the address asks for; of a name that comes twice, the last.

        Raises:
            InvalidInput: ``request.malformed``.
        """
        try:
            query = self.query.decode("ascii")
            named = parse_qs(
                query, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS
            )
        except ValueError as error:
            raise InvalidInput(
                "request.malformed", "The address cannot be read.", http_status=400
            ) from error
        return {name: values[-1] for name, values in named.items()}


def wrong(param: str, what: str) -> InvalidInput:
    """Return the error for one field."""
    return InvalidInput("request.invalid", f"`{param}` {what}.", param=param)


def request_id_of(scope: Mapping[str, Any]) -> str:
    """Return the caller's well-formed ``X-Request-ID``, else a new one."""
    given = header(scope, "x-request-id") or ""
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(16)


async def read_body(scope: Mapping[str, Any], receive: Receive) -> bytes:
    """Return the whole body.

    Raises:
        InvalidInput: ``request.malformed``, ``request.too-large`` or ``request.timeout``.
        Gone: the caller hung up.
    """
    length = header(scope, "content-length") or "0"
    if not (length.isascii() and length.isdigit()):
        raise InvalidInput(
            "request.malformed", "`Content-Length` must be a number.", http_status=400
        )
    if len(length) > _MOST_DIGITS or int(length) > MAX_BODY:
        raise _too_large()
    try:
        async with asyncio.timeout(bodies.TAKEN_WITHIN_S):
            return await _received(receive)
    except TimeoutError:
        raise bodies.too_slow() from None


async def _received(receive: Receive) -> bytes:
    pieces, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > MAX_BODY:
            raise _too_large()
        if not message.get("more_body"):
            return b"".join(pieces)


def parse(raw: bytes) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        InvalidInput: see ``bodies.check_json``; ``request.invalid`` where it is no object.
    """
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        bodies.check_json(raw)
        raise
    if bodies.escapes_nul(raw) or bodies.depth(raw) > bodies.MAX_DEPTH:
        bodies.check_json(raw)
    if not isinstance(body, dict):
        raise InvalidInput("request.invalid", "The body is a JSON object.")
    return body


async def gone(receive: Receive) -> None:
    """Return when the caller hangs up."""
    while (await receive())["type"] != "http.disconnect":
        await asyncio.sleep(0)


def _too_large() -> InvalidInput:
    return InvalidInput(
        "request.too-large", f"The body is larger than {MAX_BODY} bytes.", http_status=413
    )
