"""Keep what was embedded for a week, by a hash of who made it how of what, for each team apart."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson

from playground.gateway import shelves
from playground.gateway.configuration import Model

Vector = np.ndarray[Any, Any]

PREFIX = "playground:vectors:"
KEEP_S = 7 * 86_400
# Of each team: 75 MB for the model in this process, whose vectors take 1.5 kB.
MOST_KEPT = 50_000
MAX_BYTES = 2**16
# Says for whom or how it is sent; anything else may make another vector of the same text.
_IRRELEVANT = frozenset(("input", "model", "user", "encoding_format", "metadata"))


def names(model: Model, body: dict[str, Any], texts: Sequence[str], *, team: str) -> list[str]:
    """Return the names under which the vectors of the texts are kept."""
    rest = {name: value for name, value in body.items() if name not in _IRRELEVANT}
    # An endpoint that gets another address may serve another model under the same name.
    form = [model.id, model.server.kind, model.server.base_url, rest]
    known = hashlib.sha256(orjson.dumps(form, option=orjson.OPT_SORT_KEYS))
    shelf = shelves.shelf_of(team, PREFIX)
    return [f"{shelf}:{_digest(known, text)}" for text in texts]


def _digest(form: "hashlib._Hash", text: str) -> str:
    digest = form.copy()
    digest.update(b"\0" + text.encode())
    return digest.hexdigest()


async def known(names: Sequence[str]) -> list[Vector | None]:
    """Return the vectors that are kept, None for the others."""
    found = await shelves.found(names)
    return [None if raw is None else np.frombuffer(raw, np.float32) for raw in found]


async def keep(made: Sequence[tuple[str, Vector]], *, team: str) -> None:
    """Keep vectors under their names, but for very large ones."""
    small = {name: vector.tobytes() for name, vector in made if vector.nbytes <= MAX_BYTES}
    shelf = shelves.shelf_of(team, PREFIX)
    await shelves.keep(shelf, small, ttl_s=KEEP_S, most=MOST_KEPT)
