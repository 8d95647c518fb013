"""Count tokens the way OpenAI's models do; for other models it is an estimate."""

import functools
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

PER_MESSAGE = 4
# An image counts by its size, which only the endpoint measures: these are the most that one of
# low and one of high detail costs with gpt-4o. Source: https://platform.openai.com/docs/guides/
# images-vision (calculating costs).
PER_SMALL_IMAGE, PER_IMAGE = 85, 1445
_BINARY = frozenset(("image_url", "input_audio", "file"))
# Of a message, what the overhead stands for.
_FRAME = frozenset(("role", "tool_call_id"))
# The tokenizer refuses texts of a million characters.
LONGEST = 100_000


@functools.cache
def _tokenizer() -> Any:
    # Its vocabulary takes a second or more to load, so no process pays that before it counts.
    import bpe_openai

    return bpe_openai.get_encoding("o200k_base")


def count(text: str) -> int:
    """Return the number of tokens of a text in the ``o200k_base`` vocabulary.

    Of a very long one it may be a few more, as it is counted in pieces.
    """
    if len(text) <= LONGEST:
        return len(_tokenizer().encode_ordinary(text)) if text else 0
    return sum(count(text[at : at + LONGEST]) for at in range(0, len(text), LONGEST))


def count_messages(
    messages: Iterable[Mapping[str, Any]], tools: Iterable[Mapping[str, Any]] | None = None
) -> int:
    """Return the tokens of chat messages, with the overhead of each, and of the tools offered."""
    total = count(orjson.dumps(list(tools)).decode()) if tools else 0
    for message in messages:
        total += PER_MESSAGE
        for name, value in message.items():
            if name == "content" and isinstance(value, list):
                total += sum(map(_of_part, value))
            elif value and name not in _FRAME:
                total += count(value if isinstance(value, str) else orjson.dumps(value).decode())
    return total


def size(value: Any) -> int:
    """Return about how many characters there are to count in messages, tools or parts of them."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return sum(map(size, value.values()))
    return sum(map(size, value)) if isinstance(value, list | tuple) else 0


def _of_part(part: Any) -> int:
    if isinstance(part, dict):
        if isinstance(part.get("text"), str):
            return count(part["text"])
        if image := part.get("image_url"):
            low = isinstance(image, dict) and image.get("detail") == "low"
            return PER_SMALL_IMAGE if low else PER_IMAGE
        if not _BINARY.isdisjoint(part):
            return PER_IMAGE
    return count(orjson.dumps(part).decode())
