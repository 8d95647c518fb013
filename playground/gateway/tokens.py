"""Count tokens in the vocabularies that are public: exact for OpenAI's models, a guess for others.

No other maker's vocabulary comes in a small, free package; what their models make of a text is
learned from their own answers (``calibrating``).
"""

import functools
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import orjson

Vocabulary = Literal["o200k_base", "cl100k_base"]
NEWEST: Vocabulary = "o200k_base"
# Of a model's name behind its maker's, whatever snapshot or size follows.
_NEWER = re.compile(r"(?:chatgpt-4o|gpt-(?:4o|4\.1|4\.5|5)|o[134])(?=[-.:@]|$)")
_OLDER = re.compile(r"(?:gpt-4|gpt-3\.5|gpt-35|text-embedding-(?:3|ada-002))(?=[-:@]|$)")

PER_MESSAGE = 4
# What begins the answer. Source: https://cookbook.openai.com/examples/
# how_to_count_tokens_with_tiktoken
PER_ANSWER = 3
# An image counts by its size, which only the endpoint measures: these are the most that one of
# low and one of high detail costs with gpt-4o. Source: https://platform.openai.com/docs/guides/
# images-vision (calculating costs).
PER_SMALL_IMAGE, PER_IMAGE = 85, 1445
_BINARY = frozenset(("image_url", "input_audio", "file"))
# Of a message, what the overhead stands for.
_FRAME = frozenset(("role", "tool_call_id"))
# The tokenizer refuses texts of a million characters.
LONGEST = 100_000


_loaded: set[Vocabulary] = set()


def vocabulary_of(model: str) -> Vocabulary | None:
    """Return the vocabulary of a model by its name, None where it is not known here."""
    name = model.lower().removeprefix("ft:").rpartition("/")[2]
    if _NEWER.match(name):
        return "o200k_base"
    return "cl100k_base" if _OLDER.match(name) else None


def is_loaded(vocabulary: Vocabulary) -> bool:
    """Tell whether counting begins at once: a vocabulary takes up to a second to load."""
    return vocabulary in _loaded


@functools.cache
def _tokenizer(vocabulary: Vocabulary) -> Any:
    # No process pays for a vocabulary before it counts with it.
    import bpe_openai

    tokenizer = bpe_openai.get_encoding(vocabulary)
    _loaded.add(vocabulary)
    return tokenizer


def count(text: str, vocabulary: Vocabulary = NEWEST) -> int:
    """Return the number of tokens of a text in a vocabulary.

    Of a very long one it may be a few more, as it is counted in pieces.
    """
    if len(text) <= LONGEST:
        return len(_tokenizer(vocabulary).encode_ordinary(text)) if text else 0
    pieces = (text[at : at + LONGEST] for at in range(0, len(text), LONGEST))
    return sum(count(piece, vocabulary) for piece in pieces)


def count_messages(
    messages: Iterable[Mapping[str, Any]],
    tools: Iterable[Mapping[str, Any]] | None = None,
    vocabulary: Vocabulary = NEWEST,
) -> int:
    """Return the tokens of chat messages, with the overhead of each, and of the tools offered."""
    total = count(orjson.dumps(list(tools)).decode(), vocabulary) if tools else 0
    for message in messages:
        total += PER_MESSAGE
        for name, value in message.items():
            if name == "content" and isinstance(value, list):
                total += sum(_of_part(part, vocabulary) for part in value)
            elif value and name not in _FRAME:
                text = value if isinstance(value, str) else orjson.dumps(value).decode()
                total += count(text, vocabulary)
    return total


def is_all_text(messages: Iterable[Mapping[str, Any]]) -> bool:
    """Tell whether there is nothing in the messages whose size only the endpoint measures."""
    contents = (message.get("content") for message in messages)
    parts = (part for content in contents if isinstance(content, list) for part in content)
    return all(isinstance(part, Mapping) and _BINARY.isdisjoint(part) for part in parts)


def size(value: Any) -> int:
    """Return about how many characters there are to count in messages, tools or parts of them."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        return sum(map(size, value.values()))
    return sum(map(size, value)) if isinstance(value, list | tuple) else 0


def _of_part(part: Any, vocabulary: Vocabulary) -> int:
    if isinstance(part, dict):
        if isinstance(part.get("text"), str):
            return count(part["text"], vocabulary)
        if image := part.get("image_url"):
            low = isinstance(image, dict) and image.get("detail") == "low"
            return PER_SMALL_IMAGE if low else PER_IMAGE
        if not _BINARY.isdisjoint(part):
            return PER_IMAGE
    return count(orjson.dumps(part).decode(), vocabulary)
