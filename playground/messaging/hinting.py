"""Tell whoever follows a lane that there is more to read, and what is being written right now.

Goes over Redis pub/sub, from a thread of its own; the channel of a lane is ``lane:<id>``.
"""

import time
import uuid
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any

import orjson
import redis
from django.conf import settings

from playground.messaging.couriers import Courier

# One frame for all tokens of this time; the eye sees no difference.
BATCH_S = 0.03


@dataclass(frozen=True, slots=True)
class Hint:
    """The lane's log reaches to ``head_seq``."""

    lane: uuid.UUID
    head_seq: int


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of an answer.

    Attributes:
        base: characters of the attempt before the answer that is being written.
        offset: characters of that answer before this piece.
    """

    lane: uuid.UUID
    run: uuid.UUID
    attempt: int
    base: int
    offset: int
    text: str

    def continued_by(self, other: "Delta") -> bool:
        """Tell whether the other is the next piece of the same answer."""
        same = (self.run, self.attempt, self.base) == (other.run, other.attempt, other.base)
        return same and other.offset == self.offset + len(self.text)


def channel(lane_id: uuid.UUID) -> str:
    """Name the lane's channel."""
    return f"lane:{lane_id}"


def hint(lane_id: uuid.UUID, head_seq: int) -> None:
    """Say that the log has grown; returns at once."""
    _courier.send(Hint(lane_id, head_seq))


def publish_delta(delta: Delta) -> None:
    """Pass on a piece of an answer; returns at once."""
    _courier.send(delta)


def merged(items: list[Any]) -> list[Hint | Delta]:
    """Join pieces that follow each other, and keep the order of everything within its lane."""
    result: list[Hint | Delta] = []
    last: dict[uuid.UUID, int] = {}
    for item in items:
        place = last.get(item.lane)
        before = result[place] if place is not None else None
        if place is not None and isinstance(item, Delta) and isinstance(before, Delta):
            if before.continued_by(item):
                result[place] = replace(before, text=before.text + item.text)
                continue
        elif place is not None and isinstance(item, Hint) and isinstance(before, Hint):
            result[place] = item if item.head_seq > before.head_seq else before
            continue
        last[item.lane] = len(result)
        result.append(item)
    return result


def encode(item: Hint | Delta) -> bytes:
    """Write what goes over the channel."""
    if isinstance(item, Hint):
        return orjson.dumps({"lane": item.lane, "head_seq": item.head_seq})
    body = asdict(item)
    del body["lane"]
    return orjson.dumps({"delta": body})


@cache
def _client() -> "redis.Redis":
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1, health_check_interval=10
    )


def _deliver(items: list[object]) -> None:
    with _client().pipeline(transaction=False) as pipeline:
        for item in merged(items):
            pipeline.publish(channel(item.lane), encode(item))
        pipeline.execute()
    if any(isinstance(item, Delta) for item in items):
        # Lets the next tokens pile up to one frame.
        time.sleep(BATCH_S)


_courier = Courier("hints", _deliver)
