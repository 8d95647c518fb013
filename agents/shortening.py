"""Cut a JSON value down to what a reader wants at a glance, whatever its shape and size."""

import json
from typing import Any

MAX_CHARS = 2000
_LEVELS = ((12, 600), (6, 240), (3, 120), (1, 60))
"""Items kept of each list and characters kept of each text, ever fewer until it fits."""


def shorten(value: Any, *, limit: int = MAX_CHARS) -> Any:
    """Return the value if its JSON text fits ``limit`` characters, else a smaller likeness.

    A cut text ends in an ellipsis, a cut list in a line that counts what is missing.
    """
    if len(_text(value)) <= limit:
        return value
    for items, characters in _LEVELS:
        smaller = _cut(value, items, characters)
        if len(_text(smaller)) <= limit:
            return smaller
    # As a text its quotes are escaped once more.
    return f"{_text(value)[: limit // 2]}…"


def _cut(value: Any, items: int, characters: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= characters else f"{value[:characters]}…"
    if isinstance(value, list):
        kept = [_cut(each, items, characters) for each in value[:items]]
        return kept if len(value) <= items else [*kept, f"… {len(value) - items} more"]
    if isinstance(value, dict):
        return {str(key): _cut(each, items, characters) for key, each in value.items()}
    return value


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
