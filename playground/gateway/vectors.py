"""Embed texts for callers: by the model in this process or by an endpoint's, each text once a week.

What was embedded is kept by a hash of model, form and text, for each team apart.
"""

import asyncio
import base64
import contextlib
import hashlib
import logging
from collections.abc import AsyncGenerator, Sequence
from typing import Any, cast

import numpy as np
import orjson
import redis

from playground.core.errors import InvalidInput
from playground.gateway import embeddings, endpoints
from playground.gateway.configuration import Model
from playground.gateway.connecting import client
from playground.gateway.events import Event, refused
from playground.gateway.providers.failing import reachable, readable
from playground.gateway.providers.openai_compatible import OpenAICompatible
from playground.gateway.providers.reading import told
from playground.gateway.providers.refusing import is_error, refusal
from playground.gateway.tokens import count

log = logging.getLogger(__name__)

PREFIX = "playground:vectors:"
KEEP_S = 7 * 86_400
# What makes another vector of the same text; ``user`` and the like do not.
_FORM = ("dimensions", "input_type", "task", "instruction")


async def of_model(model: Model, body: dict[str, Any], *, team: str) -> AsyncGenerator[Event]:
    """Yield the one object that answers ``/v1/embeddings``; only new texts are embedded and paid.

    Raises:
        ProviderError: the endpoint failed.
    """
    check(model, body)
    texts: list[str] = [body["input"]] if isinstance(body["input"], str) else body["input"]
    names = [_name(model, body, text, team=team) for text in texts]
    known = await _known(names)
    new = [at for at, vector in enumerate(known) if vector is None]
    tokens = 0
    if new:
        made, tokens = await _made(model, body, [texts[at] for at in new])
        for at, vector in zip(new, made, strict=True):
            known[at] = vector
        await _keep([(names[at], made[number]) for number, at in enumerate(new)])
    as_text = body.get("encoding_format") == "base64"
    data: list[dict[str, Any]] = []
    for index, found in enumerate(known):
        assert found is not None
        encoded = base64.b64encode(found.tobytes()).decode() if as_text else found.tolist()
        data.append({"object": "embedding", "index": index, "embedding": encoded})
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    cached = {"playground": {"cached": len(texts) - len(new)}}
    shown = body["model"] if model.server.kind != "offline" else model.id
    yield Event({"object": "list", "model": shown, "data": data, "usage": usage} | cached)


async def _made(
    model: Model, body: dict[str, Any], texts: Sequence[str]
) -> tuple[list["np.ndarray[Any, Any]"], int]:
    if model.server.kind == "offline":
        kind = body.get("input_type") or "passage"
        return await asyncio.to_thread(_made_here, list(texts), kind)
    provider = endpoints.provider_of(model)
    assert isinstance(provider, OpenAICompatible)
    # Numbers, whatever the caller wants: what is kept serves both forms.
    asked = {**body, "model": model.name, "input": list(texts), "encoding_format": "float"}
    with reachable():
        async with await provider.post("embeddings", asked) as response:
            if response.status != 200:
                said = await told(response)
                raise refused(response.status, said, response.headers, secret=provider.secret)
            raw = await response.read()
    with readable():
        answer = orjson.loads(raw)
        if is_error(answer):
            raise refusal(200, raw)
        listed = sorted(answer["data"], key=lambda each: each.get("index", 0))
        made = [np.asarray(each["embedding"], dtype=np.float32) for each in listed]
        if len(made) != len(texts) or any(each.ndim != 1 for each in made):
            raise ValueError("another number of vectors than texts")
        tokens = (answer.get("usage") or {}).get("prompt_tokens")
    return made, int(tokens) if tokens else sum(count(text) for text in texts)


def _made_here(texts: list[str], kind: Any) -> tuple[list["np.ndarray[Any, Any]"], int]:
    made = embeddings.embed(texts, kind=kind)
    return list(made), sum(count(text) for text in texts)


def _name(model: Model, body: dict[str, Any], text: str, *, team: str) -> str:
    form = orjson.dumps([model.id, *(body.get(each) for each in _FORM), text])
    return f"{PREFIX}{team}:{hashlib.sha256(form).hexdigest()}"


async def _known(names: Sequence[str]) -> list["np.ndarray[Any, Any] | None"]:
    try:
        found = await client().mget(names)
    except (redis.RedisError, OSError) as error:
        log.warning("kept vectors are not used: %s", type(error).__name__)
        found = [None] * len(names)
    return [None if raw is None else np.frombuffer(cast(bytes, raw), np.float32) for raw in found]


async def _keep(made: "Sequence[tuple[str, np.ndarray[Any, Any]]]") -> None:
    with contextlib.suppress(redis.RedisError, OSError):
        async with client().pipeline(transaction=False) as pipe:
            for name, vector in made:
                pipe.set(name, vector.tobytes(), ex=KEEP_S)
            await pipe.execute()


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
