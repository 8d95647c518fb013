"""What a span may carry away: bound values in size, then keep, redact or fingerprint them.

``full`` keeps text, ``redacted`` blanks out contact data and credentials, ``none`` keeps names,
sizes, keyed hashes, numbers and timings, never text.
"""

import dataclasses
import hashlib
import math
import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, TypeAlias

from playground.core.canonical import canonical_json
from playground.core.recognising import luhn_valid
from playground.core.redaction import SENSITIVE_KEY, redact

MAX_STRING = 16_000
MAX_VALUE = 96_000
MAX_ITEMS = 500
MAX_DEPTH = 12

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


class CaptureMode(StrEnum):
    """How much of a value leaves the process."""

    FULL = "full"
    REDACTED = "redacted"
    NONE = "none"


_IDENTIFIER = re.compile(r"[\w./:@+\-]{1,128}")
_CONTENT_KEYS = re.compile(
    r"(?:^|\.)(?:messages?|content|text|query|input|output|arguments?|result|instructions|detail"
    r"|query|question|answer|error|description|title|reason|reasons|value|body|prompt|completion|summary|note|thought)$"
)


class Capture:
    """Apply one mode to everything that a span carries.

    Args:
        mode: what may leave.
        hash_key: keys the fingerprints of mode ``none``, so that short texts cannot be guessed
            from them by somebody who lacks the key.
    """

    def __init__(self, mode: CaptureMode, *, hash_key: bytes = b"") -> None:
        self.mode = mode
        self._hash_key = hashlib.blake2b(hash_key).digest()

    def value(self, value: Any) -> Json:
        """Return what may leave of an input or output."""
        kept = bounded(value)
        if self.mode is CaptureMode.FULL or kept is None:
            return kept
        return _redacted(kept) if self.mode is CaptureMode.REDACTED else self.fingerprint(kept)

    def text(self, text: str) -> str:
        """Return what may leave of one text: an error's message, a delta."""
        kept = _clean(text, MAX_STRING)
        if self.mode is CaptureMode.FULL:
            return kept
        return redact(kept) if self.mode is CaptureMode.REDACTED else ""

    def attributes(self, attributes: Mapping[str, Any]) -> dict[str, Json]:
        """Return what may leave of a span's or event's attributes; their names always may."""
        return {str(key): self._attribute(str(key), value) for key, value in attributes.items()}

    def _attribute(self, key: str, value: Any) -> Json:
        kept = bounded(value)
        if self.mode is CaptureMode.FULL:
            return kept
        if self.mode is CaptureMode.REDACTED:
            return "[secret]" if _is_secret(key, kept) else _redacted(kept)
        return kept if _is_harmless(key, kept) else self.fingerprint(kept)

    def fingerprint(self, value: Json) -> Json:
        """Return type, size and keyed hash of a value."""
        encoded = canonical_json(value)
        digest = hashlib.blake2b(encoded, key=self._hash_key, digest_size=12).hexdigest()
        return {
            "captured": "none",
            "type": type(value).__name__,
            "bytes": len(encoded),
            "hash": digest,
        }


def bounded(value: Any) -> Json:
    """Return a JSON copy of any value, at most about ``MAX_VALUE`` characters large.

    What is cut is replaced by a note of the original size; bytes become their size and hash.
    """
    return _Bounds().copy(value, 0)


class _Bounds:
    """Spend one budget of characters over a nested value."""

    def __init__(self) -> None:
        self.left = MAX_VALUE

    def copy(self, value: Any, depth: int) -> Json:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            return value if -(2**63) <= value < 2**63 else _clean(str(value), 400)
        if isinstance(value, float):
            return value if math.isfinite(value) else str(value)
        if isinstance(value, str):
            return self._string(value)
        if isinstance(value, bytes | bytearray | memoryview):
            data = bytes(value)
            return f"[{len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()[:16]}]"
        return self._nested(value, depth)

    def _string(self, value: str) -> str:
        kept = _clean(value, max(min(MAX_STRING, self.left), 40))
        self.left -= len(kept)
        return kept

    def _nested(self, value: Any, depth: int) -> Json:
        if depth >= MAX_DEPTH:
            return f"[{type(value).__name__}, nested too deeply]"
        if hasattr(value, "model_dump"):
            try:
                value = value.model_dump(mode="json")
            except Exception:
                return f"[{type(value).__name__}]"
        elif dataclasses.is_dataclass(value) and not isinstance(value, type):
            value = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        if isinstance(value, Mapping):
            return self._mapping(value, depth)
        if isinstance(value, list | tuple | set | frozenset):
            return self._items(value, depth)
        try:
            return self._string(str(value))
        except Exception:
            return f"[{type(value).__name__}]"

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> Json:
        kept: dict[str, Json] = {}
        for index, (key, item) in enumerate(list(value.items())):
            if index >= MAX_ITEMS or self.left <= 0:
                kept["…"] = f"[{len(value) - index} more of {len(value)} fields]"
                break
            self.left -= 8
            kept[_clean(str(key), 200)] = self.copy(item, depth + 1)
        return kept

    def _items(self, value: Iterable[Any], depth: int) -> Json:
        items = list(value)
        kept: list[Json] = []
        for index, item in enumerate(items):
            if index >= MAX_ITEMS or self.left <= 0:
                kept.append(f"[{len(items) - index} more of {len(items)} items]")
                break
            self.left -= 4
            kept.append(self.copy(item, depth + 1))
        return kept


def _clean(text: str, limit: int) -> str:
    """Cut a text and replace what PostgreSQL's JSON refuses: NUL and lone surrogates."""
    if len(text) > limit:
        text = f"{text[:limit]}… [cut, {len(text)} characters in all]"
    if "\x00" in text:
        text = text.replace("\x00", "\N{SYMBOL FOR NULL}")
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _redacted(value: Json) -> Json:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, list):
        return [_redacted(item) for item in value]
    if isinstance(value, dict):
        return {
            redact(key): "[secret]" if _is_secret(key, item) else _redacted(item)
            for key, item in value.items()
        }
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**12:
        return "[card]" if len(str(abs(value))) <= 19 and luhn_valid(str(abs(value))) else value
    return value


def _is_secret(key: str, value: Json) -> bool:
    """Tell whether a field's name makes its value a secret; counts such as max_tokens are none."""
    return isinstance(value, str) and bool(value) and bool(SENSITIVE_KEY.search(key))


def _is_harmless(key: str, value: Json) -> bool:
    """Tell whether an attribute is a number or a short identifier rather than text."""
    if _CONTENT_KEYS.search(key):
        return value is None or isinstance(value, bool)
    if value is None or isinstance(value, bool | int | float):
        return True
    if isinstance(value, str):
        return bool(_IDENTIFIER.fullmatch(value)) and redact(value) == value
    return (
        isinstance(value, list)
        and len(value) <= 32
        and all(isinstance(item, str | int | float) and _is_harmless(key, item) for item in value)
    )
