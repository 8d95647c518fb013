"""The live view as a sink: rows and text of running spans over Redis, newest revision first.

What is published is a hint: whoever misses it finds the same rows in the store.
"""

import contextlib
import functools

import orjson
import redis
from django.conf import settings

from playground.core.span_records import SpanDelta, SpanRecord
from playground.tracing.rows import row_of_record


def channel_of(trace_id: str) -> str:
    """Name the Redis channel on which a trace is published."""
    return f"trace:{trace_id}"


@functools.cache
def _connection() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5, health_check_interval=30
    )


def hint(trace_id: str) -> None:
    """Tell viewers to read the store again; without Redis they do so by themselves before long."""
    with contextlib.suppress(redis.RedisError):
        _connection().publish(channel_of(trace_id), orjson.dumps({"spans": [], "deltas": []}))


class LiveSink:
    """Publish what changed since the last flush, one message for each trace."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(
            url, socket_timeout=1.0, socket_connect_timeout=1.0, health_check_interval=15
        )
        self._records: dict[str, dict[str, SpanRecord]] = {}
        self._deltas: dict[str, list[SpanDelta]] = {}
        self._hints: set[str] = set()

    def on_start(self, record: SpanRecord) -> None:
        """Publish the row; of several revisions the newest."""
        self._records.setdefault(record.trace.trace_id, {})[record.span_id] = record

    on_update = on_start
    on_end = on_start

    def on_delta(self, delta: SpanDelta) -> None:
        """Publish the text."""
        self._deltas.setdefault(delta.trace.trace_id, []).append(delta)

    def on_interrupt(self, trace_id: str) -> None:
        """Tell viewers to read the store again."""
        self._hints.add(trace_id)

    def flush(self) -> bool:
        """Publish; what cannot be published now is forgotten, for the store has it."""
        records, self._records = self._records, {}
        deltas, self._deltas = self._deltas, {}
        hints, self._hints = self._hints, set()
        touched = records.keys() | deltas.keys() | hints
        if not touched:
            return True
        pipeline = self._redis.pipeline(transaction=False)
        for trace_id in touched:
            message = {
                "spans": [
                    row_of_record(record).as_json() for record in records.get(trace_id, {}).values()
                ],
                "deltas": [
                    {"span_id": delta.span_id, "offset": delta.offset, "text": delta.text}
                    for delta in deltas.get(trace_id, [])
                ],
            }
            pipeline.publish(channel_of(trace_id), orjson.dumps(message))
        try:
            pipeline.execute()
        except redis.RedisError:
            # Closing forgets a half-read answer; raising would only repeat old news.
            self._redis.connection_pool.disconnect()
        return True
