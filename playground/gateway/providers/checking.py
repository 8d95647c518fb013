"""Hold what an endpoint sends to the shape of an answer, before anything relies on it.

What is unknown passes; what is known has to be what it is called.
"""

from typing import Any

import orjson

from playground.gateway.providers.numbering import MOST_CALLS

# OpenAI's own limit of ``n``.
MOST_CHOICES = 128
# Each becomes an object of some sixty bytes: the most that a long answer with all its
# probabilities has, and a list of 256 vectors.
_MOST_BRACKETS, _MOST_COMMAS = 1_000_000, 4_500_000
# What is deeper cannot be written again, nor what holds it.
_DEEP = 200


def parsed(raw: bytes) -> Any:
    """Parse JSON of an endpoint.

    Raises:
        ValueError, TypeError: it is none, is nested too deeply, or has too many parts.
    """
    brackets = raw.count(b"[") + raw.count(b"{")
    if brackets <= _DEEP:
        return orjson.loads(raw)
    if brackets > _MOST_BRACKETS or raw.count(b",") > _MOST_COMMAS:
        raise ValueError("too many parts")
    body = orjson.loads(raw)
    orjson.dumps([[[[body]]]])
    return body


def choices_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the choices of an answer, or of a piece of one, after a look at each.

    Raises:
        TypeError, AttributeError: something in them is not what it is called.
    """
    choices = body.get("choices")
    if choices is None:
        return []
    if not isinstance(choices, list) or len(choices) > MOST_CHOICES:
        raise TypeError("choices")
    for choice in choices:
        # Once for each piece of every answer.
        index = choice.get("index")
        if index is not None and (type(index) is not int or not 0 <= index < MOST_CHOICES):
            raise TypeError("index")
        _text(choice.get("finish_reason"))
        if (said := choice.get("delta")) is not None:
            _check(said)
        if (said := choice.get("message")) is not None:
            _check(said)
    return choices


def numbered(choices: list[dict[str, Any]]) -> bool:
    """Return whether the choices of one object are told apart by their numbers.

    Raises:
        ValueError: two have the same.
    """
    numbers = [choice.get("index") for choice in choices]
    if len(numbers) > 1 and None in numbers:
        return False
    if len(set(numbers)) < len(numbers):
        raise ValueError("index")
    return True


def _check(said: dict[str, Any]) -> None:
    content = said.get("content")
    if content is not None and type(content) is not str:
        for part in _list(content):
            _text(part.get("text"))
    if (calls := said.get("tool_calls")) is not None:
        if len(_list(calls)) > MOST_CALLS:
            raise ValueError("tool calls")
        for call in calls:
            if (index := call.get("index")) is not None and type(index) is not int:
                raise TypeError("index")
            if (function := call.get("function")) is not None:
                _text(function.get("name"))
    if (function := said.get("function_call")) is not None:
        _text(function.get("name"))
        _text(function.get("arguments"))


def _text(value: Any) -> None:
    if value is not None and type(value) is not str:
        raise TypeError("text")


def _list(value: Any) -> list[dict[str, Any]]:
    if type(value) is not list:
        raise TypeError("list")
    return value
