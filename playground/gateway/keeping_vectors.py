"""Keep what was embedded in Redis for a week, by a hash of model, form and text, per team.

A team keeps so many at most; the oldest make room. All its keys share one hash tag, hence one slot.
"""

import contextlib
import hashlib
import logging
import time
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import orjson
import redis

from playground.gateway.connecting import client

log = logging.getLogger(__name__)

Vector = np.ndarray[Any, Any]

PREFIX = "playground:vectors:"
KEEP_S = 7 * 86_400
# Of each team: 75 MB for the model in this process, whose vectors take 1.5 kB.
MOST_KEPT = 50_000
MAX_BYTES = 2**16
# What makes another vector of the same text; ``user`` and the like do not.
_FORM = ("dimensions", "input_type", "task", "instruction")
# KEYS  1 the team's names by age  2... names of vectors
# ARGV  1 now, in seconds  2 seconds to keep them  3 how many at most  4... the vectors
_KEEP = """
for at = 2, #KEYS do
  redis.call('SET', KEYS[at], ARGV[at + 2], 'EX', ARGV[2])
  redis.call('ZADD', KEYS[1], ARGV[1], KEYS[at])
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1] - ARGV[2])
local over = redis.call('ZCARD', KEYS[1]) - ARGV[3]
if over > 0 then
  local oldest = redis.call('ZPOPMIN', KEYS[1], over)
  for at = 1, #oldest, 2 do redis.call('DEL', oldest[at]) end
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
"""


def names(model: str, body: dict[str, Any], texts: Sequence[str], *, team: str) -> list[str]:
    """Return the names under which the vectors of the texts are kept."""
    form = [body.get(each) for each in _FORM]
    digests = (hashlib.sha256(orjson.dumps([model, *form, text])).hexdigest() for text in texts)
    return [f"{_index(team)}:{digest}" for digest in digests]


async def known(names: Sequence[str]) -> list[Vector | None]:
    """Return the vectors that are kept, None for the others."""
    try:
        found = await client().mget(names)
    except (redis.RedisError, OSError) as error:
        log.warning("kept vectors are not used: %s", type(error).__name__)
        found = [None] * len(names)
    return [None if raw is None else np.frombuffer(cast(bytes, raw), np.float32) for raw in found]


async def keep(made: Sequence[tuple[str, Vector]], *, team: str) -> None:
    """Keep vectors under their names, but for very large ones."""
    small = {name: vector for name, vector in made if vector.nbytes <= MAX_BYTES}
    if not small:
        return
    with contextlib.suppress(redis.RedisError, OSError):
        script = cast(Any, client().register_script(_KEEP))
        values = [vector.tobytes() for vector in small.values()]
        await script(
            keys=[_index(team), *small], args=[int(time.time()), KEEP_S, MOST_KEPT, *values]
        )


def _index(team: str) -> str:
    return f"{PREFIX}{{{team}}}"
