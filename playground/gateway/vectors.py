"""Embed texts for callers, by the model in this process or by an endpoint's: each once a week."""

import base64
import functools
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import orjson

from playground.core.errors import InvalidInput
from playground.core.offloading import aside
from playground.gateway import embeddings, endpoints, keeping_vectors
from playground.gateway.chat import Usage
from playground.gateway.configuration import Model
from playground.gateway.events import Event
from playground.gateway.keeping_vectors import Vector
from playground.gateway.providers.checking import parsed
from playground.gateway.providers.failing import readable
from playground.gateway.providers.openai_compatible import OpenAICompatible
from playground.gateway.providers.reading import MAX_LINE, usage_of
from playground.gateway.providers.refusing import is_error, refusal
from playground.gateway.tokens import NEWEST, Vocabulary, count, vocabulary_of

MAX_DIMENSIONS = 2**14
# More than so many bytes are left to a thread: a few milliseconds.
_MUCH = 2**18
# So many texts are embedded here at a time, so that callers take turns.
_TURN = 8


class _Told(Event):
    """The object, which knows whether an endpoint told the tokens or they were counted here."""

    __slots__ = ("counted_here",)

    def __init__(self, body: dict[str, Any], raw: bytes, *, counted_here: bool) -> None:
        super().__init__(body, raw)
        self.counted_here = counted_here

    @property
    def usage(self) -> Usage | None:
        told = super().usage
        return told and replace(told, counted_here=self.counted_here)


async def of_model(model: Model, body: dict[str, Any], *, team: str) -> AsyncGenerator[Event]:
    """Yield the one object that answers ``/v1/embeddings``; only new texts are embedded and paid.

    Raises:
        ProviderError: the endpoint failed.
    """
    check(model, body)
    texts: list[str] = [body["input"]] if isinstance(body["input"], str) else body["input"]
    length = sum(map(len, texts))
    names = await aside(length > _MUCH, keeping_vectors.names, model, body, texts, team=team)
    known = await keeping_vectors.known(names)
    new = [at for at, vector in enumerate(known) if vector is None]
    tokens, counted_here = 0, False
    if new:
        made, told = await _made(model, body, [texts[at] for at in new])
        counted_here = told is None
        if told is None:
            vocabulary = vocabulary_of(model.name) or NEWEST
            told = await aside(length > _MUCH, _tokens, [texts[at] for at in new], vocabulary)
        tokens = told
        for at, vector in zip(new, made, strict=True):
            known[at] = vector
        await keeping_vectors.keep(
            [(names[at], made[number]) for number, at in enumerate(new)], team=team
        )
    vectors = [vector for vector in known if vector is not None]
    rest = {
        "object": "list",
        "model": body["model"] if model.server.kind != "offline" else model.id,
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        "playground": {"cached": len(texts) - len(new)},
    }
    size = sum(vector.nbytes for vector in vectors)
    as_text = body.get("encoding_format") == "base64"
    answer, raw = await aside(size > _MUCH, _written, rest, vectors, as_text)
    yield _Told(answer, raw, counted_here=counted_here)


async def _made(
    model: Model, body: dict[str, Any], texts: Sequence[str]
) -> tuple[list[Vector], int | None]:
    """Return vectors, and their tokens where the endpoint tells them."""
    if model.server.kind == "offline":
        return await _made_here(texts, body.get("input_type") or "passage")
    provider = endpoints.provider_of(model)
    assert isinstance(provider, OpenAICompatible)
    # Numbers, whatever the caller wants: what is kept serves both forms.
    asked = {**body, "model": model.name, "input": list(texts), "encoding_format": "float"}
    async with provider.posted("embeddings", asked) as reply:
        raw = await reply.whole()
    return await aside(len(raw) > _MUCH, _read, raw, len(texts))


async def _made_here(texts: Sequence[str], kind: Any) -> tuple[list[Vector], int]:
    made: list[Vector] = []
    tokens = 0
    for at in range(0, len(texts), _TURN):
        some = texts[at : at + _TURN]
        work = functools.partial(embeddings.embed, some, kind=kind)
        made.extend(await embeddings.in_turn(work))
        tokens += await embeddings.in_turn(functools.partial(_tokens, some))
    return made, tokens


def _read(raw: bytes, number: int) -> tuple[list[Vector], int | None]:
    """Read an endpoint's list of so many vectors, and the tokens that it tells.

    Raises:
        ProviderError: it is an error, or no such list.
    """
    with readable():
        answer = parsed(raw)
        if is_error(answer):
            raise refusal(200, raw[:MAX_LINE])
        listed = sorted(answer["data"], key=lambda each: each.get("index", 0))
        if len(listed) != number:
            raise ValueError("another number of vectors than texts")
        made = [_vector(each["embedding"]) for each in listed]
        used = usage_of(answer.get("usage"))
    return made, (used and used.input_tokens) or None


def _vector(numbers: Any) -> Vector:
    if not isinstance(numbers, list) or not 0 < len(numbers) <= MAX_DIMENSIONS:
        raise ValueError("dimensions")
    with np.errstate(over="ignore"):
        made = np.asarray(numbers, dtype=np.float32)
    if made.ndim != 1 or not np.isfinite(made).all():
        raise ValueError("numbers")
    return made


def _written(
    rest: dict[str, Any], vectors: Sequence[Vector], as_text: bool
) -> tuple[dict[str, Any], bytes]:
    data: list[dict[str, Any]] = [
        {
            "object": "embedding",
            "index": index,
            "embedding": base64.b64encode(vector.tobytes()).decode()
            if as_text
            else vector.tolist(),
        }
        for index, vector in enumerate(vectors)
    ]
    # One by one: a thread that writes them all at once holds up the others as well.
    raw = orjson.dumps(rest)[:-1] + b',"data":[' + b",".join(map(orjson.dumps, data)) + b"]}"
    return {**rest, "data": data}, raw


def _tokens(texts: Sequence[str], vocabulary: Vocabulary = NEWEST) -> int:
    return sum(count(text, vocabulary) for text in texts)


def check(model: Model, body: dict[str, Any]) -> None:
    """Refuse what the model in this process cannot do.

    Raises:
        InvalidInput: with ``param``.
    """
    if model.server.kind != "offline":
        return
    if body.get("dimensions") not in (None, embeddings.DIMENSIONS):
        raise InvalidInput(
            "request.invalid",
            f"`dimensions` of this model are {embeddings.DIMENSIONS}.",
            param="dimensions",
        )
    if body.get("input_type") not in (None, "query", "passage"):
        raise InvalidInput(
            "request.invalid", "`input_type` must be query or passage.", param="input_type"
        )
