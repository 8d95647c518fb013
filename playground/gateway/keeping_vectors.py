"""Keep what was embedded for a week, by a hash of model, form and text, for each team apart."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson

from playground.gateway import shelves

Vector = np.ndarray[Any, Any]

PREFIX = "playground:vectors:"
KEEP_S = 7 * 86_400
# Of each team: 75 MB for the model in this process, whose vectors take 1.5 kB.
MOST_KEPT = 50_000
MAX_BYTES = 2**16
# What makes another vector of the same text; ``user`` and the like do not.
_FORM = ("dimensions", "input_type", "task", "instruction")


def names(model: str, body: dict[str, Any], texts: Sequence[str], *, team: str) -> list[str]:
    """Return the names under which the vectors of the texts are kept."""
    form = [body.get(each) for each in _FORM]
    shelf = shelves.shelf_of(team, PREFIX)
    digests = (hashlib.sha256(orjson.dumps([model, *form, text])).hexdigest() for text in texts)
    return [f"{shelf}:{digest}" for digest in digests]


async def known(names: Sequence[str]) -> list[Vector | None]:
    """Return the vectors that are kept, None for the others."""
    found = await shelves.found(names)
    return [None if raw is None else np.frombuffer(raw, np.float32) for raw in found]


async def keep(made: Sequence[tuple[str, Vector]], *, team: str) -> None:
    """Keep vectors under their names, but for very large ones."""
    small = {name: vector.tobytes() for name, vector in made if vector.nbytes <= MAX_BYTES}
    shelf = shelves.shelf_of(team, PREFIX)
    await shelves.keep(shelf, small, ttl_s=KEEP_S, most=MOST_KEPT)
