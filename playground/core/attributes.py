"""Read what callers tell of whom they call for: a few names with plain values. Pure.

They decide between the arms of ramps, and never go into logs.
"""

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final

from playground.core.errors import InvalidInput

HEADER: Final = "Playground-Attributes"
MAX_ATTRIBUTES: Final = 20
MAX_TEXT: Final = 256
MAX_HEADER: Final = 4096
# Beyond it two clients that count in floats no longer mean the same number.
_LARGEST: Final = 2**53
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
KNOWN: Final = ("key", "subject", "team", "actor", "purpose", "locale")
"""What every call tells of itself, so that nobody tells it otherwise."""

Scalar = bool | int | float | str


def is_name(name: str) -> bool:
    """Return whether a caller may give an attribute of this name."""
    return _NAME.fullmatch(name) is not None and name not in KNOWN


def checked(given: object, *, param: str = "attributes") -> Mapping[str, Scalar]:
    """Return attributes as they were given.

    Args:
        param: where they were given, for the error.

    Raises:
        InvalidInput: ``attributes.invalid``; ``param`` names the field, and no value is repeated.
    """
    if not isinstance(given, Mapping):
        raise _wrong(param, "must be an object")
    if len(given) > MAX_ATTRIBUTES:
        raise _wrong(param, f"has {MAX_ATTRIBUTES} names at most")
    for name, value in given.items():
        _check(name, value, param)
    return dict(given)


def read(header: str | None) -> Mapping[str, Scalar]:
    """Return the attributes that a request's header tells, none where it has none.

    Raises:
        InvalidInput: ``attributes.invalid``, see ``checked``.
    """
    if header is None:
        return {}
    if len(header) > MAX_HEADER:
        raise _wrong(HEADER, f"has {MAX_HEADER} characters at most")
    try:
        given = json.loads(header)
    except (ValueError, RecursionError):
        raise _wrong(HEADER, 'must be a JSON object such as {"plan": "pro"}') from None
    return checked(given, param=HEADER)


def _check(name: object, value: object, param: str) -> None:
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        raise _wrong(param, "has names of 1 to 64 letters, digits, dashes and underscores")
    where = f"{param}.{name}"
    if name in KNOWN:
        raise _wrong(where, "is known of the call itself; name yours otherwise")
    if isinstance(value, str):
        if len(value) > MAX_TEXT or "\x00" in value or not _is_sound(value):
            raise _wrong(where, f"is Unicode text of {MAX_TEXT} characters at most, without NUL")
    elif not isinstance(value, bool | int | float):
        raise _wrong(where, "must be a text, a number, true or false")
    elif not isinstance(value, bool) and not (math.isfinite(value) and abs(value) <= _LARGEST):
        raise _wrong(where, "must be a number of at most 2^53")


def _is_sound(text: str) -> bool:
    # JSON can write half a surrogate pair; no database keeps one.
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _wrong(param: str, what: str) -> InvalidInput:
    errors: list[dict[str, Any]] = [{"field": param, "message": what}]
    return InvalidInput("attributes.invalid", f"`{param}` {what}.", param=param, errors=errors)
