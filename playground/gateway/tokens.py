"""Count tokens the way OpenAI's models do; for other models it is an estimate."""

import functools
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

PER_MESSAGE = 4


@functools.cache
def _tokenizer() -> Any:
    # Its vocabulary takes a second or more to load, so no process pays that before it counts.
    import bpe_openai

    return bpe_openai.get_encoding("o200k_base")


def count(text: str, model: str | None = None) -> int:
    """Return the number of tokens of a text in the ``o200k_base`` vocabulary."""
    return len(_tokenizer().encode_ordinary(text)) if text else 0


def count_messages(messages: Iterable[Mapping[str, Any]]) -> int:
    """Return the tokens of chat messages, with the overhead of each."""
    total = 0
    for message in messages:
        content = message.get("content") or ""
        total += PER_MESSAGE + count(
            content if isinstance(content, str) else orjson.dumps(content).decode()
        )
        if message.get("tool_calls"):
            total += count(orjson.dumps(message["tool_calls"]).decode())
    return total
