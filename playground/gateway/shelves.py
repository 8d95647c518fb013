"""Keep values in Redis for a while, on a shelf with room for so many: the oldest make room.

All keys of a shelf share its hash tag, hence one slot.
"""

import contextlib
import logging
from collections.abc import Mapping, Sequence
from typing import Any, cast

import redis

from playground.gateway.connecting import client

log = logging.getLogger(__name__)

# KEYS  1 the shelf: names by age  2... names
# ARGV  1 seconds to keep them  2 how many at most  3... the values
_KEEP = """
local clock = redis.call('TIME')
for at = 2, #KEYS do
  redis.call('SET', KEYS[at], ARGV[at + 1], 'EX', ARGV[1])
  redis.call('ZADD', KEYS[1], clock[1] * 1000000 + clock[2], KEYS[at])
end
local over = redis.call('ZCARD', KEYS[1]) - ARGV[2]
if over > 0 then
  local oldest = redis.call('ZPOPMIN', KEYS[1], over)
  for at = 1, #oldest, 2 do redis.call('DEL', oldest[at]) end
end
if redis.call('TTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
"""


def shelf_of(team: str, prefix: str) -> str:
    """Return the shelf of a team; the names on it begin with it."""
    return f"{prefix}{{{team}}}"


async def found(names: Sequence[str]) -> list[bytes | None]:
    """Return the values under the names, None for those that are not kept."""
    try:
        return cast(list[bytes | None], await client().mget(names))
    except (redis.RedisError, OSError) as error:
        log.warning("what was kept is not used: %s", type(error).__name__)
        return [None] * len(names)


async def keep(shelf: str, values: Mapping[str, bytes], *, ttl_s: int, most: int) -> None:
    """Keep values under their names, as far as Redis is there."""
    if not values:
        return
    with contextlib.suppress(redis.RedisError, OSError):
        script = cast(Any, client().register_script(_KEEP))
        await script(keys=[shelf, *values], args=[ttl_s, most, *values.values()])
