"""``POST /v1/embeddings``: by the model in this process, or relayed to an endpoint."""

import asyncio
import base64
from typing import Any

from playground.gateway import embeddings
from playground.gateway.catalogue import provider_of
from playground.gateway.door.answers import Answer
from playground.gateway.door.asking import Asking, wrong
from playground.gateway.providers import openai_compatible as upstream
from playground.gateway.providers.openai_compatible import OpenAICompatible
from playground.gateway.providers.refusing import refusal
from playground.gateway.tokens import count

MAX_TEXTS = 256
MAX_CHARS = 32_000


async def embed(asking: Asking, answer: Answer) -> None:
    """Answer with one vector a text.

    ``input_type`` may be ``query`` or ``passage``, the usual one; the model here embeds them
    differently.
    """
    model = asking.text("model")
    if model != embeddings.MODEL:
        await _relay(asking, answer, model)
        return
    texts = _texts(asking)
    if asking.body.get("dimensions") not in (None, embeddings.DIMENSIONS):
        raise wrong("dimensions", f"of this model are {embeddings.DIMENSIONS}")
    form = asking.text("encoding_format", required=False) or "float"
    if form not in ("float", "base64"):
        raise wrong("encoding_format", "must be float or base64")
    kind = asking.text("input_type", required=False) or "passage"
    if kind not in ("query", "passage"):
        raise wrong("input_type", "must be query or passage")
    vectors, tokens = await asyncio.to_thread(_made, texts, kind)
    encoded: list[Any] = [
        base64.b64encode(vector.tobytes()).decode() if form == "base64" else vector.tolist()
        for vector in vectors
    ]
    await answer.json(
        {
            "object": "list",
            "model": model,
            "data": [
                {"object": "embedding", "index": index, "embedding": vector}
                for index, vector in enumerate(encoded)
            ],
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }
    )


def _made(texts: list[str], kind: Any) -> tuple[Any, int]:
    return embeddings.embed(texts, kind=kind), sum(count(text) for text in texts)


def _texts(asking: Asking) -> list[str]:
    given = asking.body.get("input")
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not texts or not all(isinstance(t, str) for t in texts):
        raise wrong("input", "must be text or a list of texts; tokens are not taken here")
    if len(texts) > MAX_TEXTS:
        raise wrong("input", f"holds more than {MAX_TEXTS} texts")
    if any(not text or len(text) > MAX_CHARS for text in texts):
        raise wrong("input", f"holds an empty text, or one of more than {MAX_CHARS} characters")
    return texts


async def _relay(asking: Asking, answer: Answer, model: str) -> None:
    provider = await asyncio.to_thread(provider_of, model)
    if not isinstance(provider, OpenAICompatible):
        raise wrong("model", f"names “{model[:80]}”, which makes no embeddings")
    with upstream.reachable():
        async with await provider.post("embeddings", asking.body) as response:
            if response.status != 200:
                raise refusal(response.status, await upstream.told(response))
            raw = await response.read()
    await answer.whole(raw, "application/json")
