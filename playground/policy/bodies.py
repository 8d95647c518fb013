"""Refuse requests that no handler could read or store, before any handler does."""

import re
from collections.abc import Iterable

import orjson

from playground.core.errors import InvalidInput

MAX_DEPTH = 64
# How long a body for ``/v1`` may be on its way.
TAKEN_WITHIN_S = 60.0

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")
# A backslash that is itself escaped does not begin an escape.
_NUL_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def check_address(path: str, query: str) -> None:
    """Refuse a path, or a query as it came, that holds NUL.

    Raises:
        InvalidInput: ``request.nul``.
    """
    if "%00" in query or "\x00" in path or "\x00" in query:
        raise nul()


def check_headers(values: Iterable[str | None]) -> None:
    """Refuse values of headers if one holds NUL.

    Raises:
        InvalidInput: ``request.nul``.
    """
    if any("\x00" in value for value in values if value):
        raise nul()


def check_fields(fields: Iterable[tuple[str, Iterable[object]]]) -> None:
    """Refuse the fields of a form if the name or a value of one holds NUL.

    Raises:
        InvalidInput: ``request.nul``.
    """
    if any("\x00" in str(text) for name, values in fields for text in (name, *values)):
        raise nul()


def check_text(body: bytes) -> None:
    """Refuse what is not UTF-8 or holds NUL, which PostgreSQL cannot store.

    Raises:
        InvalidInput: ``request.not-utf8`` or ``request.nul``.
    """
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(
            "request.not-utf8",
            f"The body is not UTF-8: byte {error.start} cannot be read.",
            http_status=400,
        ) from None
    if b"\x00" in body:
        raise nul()


def escapes_nul(encoded: bytes) -> bool:
    """Say whether JSON that was written down holds NUL, which stands there as an escape."""
    return _NUL_ESCAPE.search(encoded) is not None


def check_json(body: bytes, *, called_so: bool = True) -> None:
    """Refuse a JSON body that is malformed, nested more than 64 levels, or holds NUL.

    Args:
        called_so: False for a body of another type, of which a handler may read nothing at all; it
            may be malformed.

    Raises:
        InvalidInput: ``request.not-utf8``, ``request.nul``, ``request.too-deep`` or
            ``request.malformed-json``.
    """
    check_text(body)
    if escapes_nul(body):
        raise nul()
    if depth(body) > MAX_DEPTH:
        raise InvalidInput(
            "request.too-deep",
            f"The JSON is nested more than {MAX_DEPTH} levels.",
            http_status=400,
            max_depth=MAX_DEPTH,
        )
    if not called_so:
        return
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(
            "request.malformed-json",
            f"The body is not JSON: line {error.lineno}, column {error.colno}.",
            http_status=400,
        ) from None


def depth(body: bytes) -> int:
    """Return how deeply brackets nest, without parsing: a parser may give up at great depth."""
    deepest = level = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", body)):
        level += 1 if bracket in b"[{" else -1
        deepest = max(deepest, level)
    return deepest


def nul() -> InvalidInput:
    """Return the error for a NUL character."""
    return InvalidInput(
        "request.nul", "The request holds a NUL character, which is not text.", http_status=400
    )


def too_slow() -> InvalidInput:
    """Return the error for a body that does not come to its end."""
    return InvalidInput(
        "request.timeout", "The body took too long to arrive.", http_status=408, retryable=True
    )
