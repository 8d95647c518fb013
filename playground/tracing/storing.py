"""The store as a sink: batches of span revisions, one upsert each, patient with a lost database.

A start is visible within about 200 ms. While the database is away the newest revision of each
span is kept, up to a bound, and written once it is back.
"""

import collections
import logging
import time
from collections.abc import Sequence

import psycopg
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from playground.core.span_records import SpanDelta, SpanRecord
from playground.tracing import statements

log = logging.getLogger(__name__)

MAX_PENDING = 20_000
BATCH = 500
TOTALS_EVERY_S = 0.5
RETRY_AFTER_S = 0.5


class StoreSink:
    """Write spans and traces to the default database."""

    def __init__(self) -> None:
        self.lost = 0
        self._pending: collections.OrderedDict[tuple[str, str], SpanRecord] = (
            collections.OrderedDict()
        )
        self._interrupted: set[str] = set()
        self._totals: dict[str, float] = {}
        self._ended: set[str] = set()
        self._retry_at = 0.0

    def on_start(self, record: SpanRecord) -> None:
        """Remember to write the span."""
        self._take(record)

    def on_update(self, record: SpanRecord) -> None:
        """Remember the newer revision in place of the older."""
        self._take(record)

    def on_end(self, record: SpanRecord) -> None:
        """Remember the last revision; the end of a root settles the trace's totals at once."""
        self._take(record)
        if record.parent_id is None:
            self._ended.add(record.trace.trace_id)

    def on_delta(self, delta: SpanDelta) -> None:
        """Store nothing: a growing text comes along with the span's revisions."""

    def on_interrupt(self, trace_id: str) -> None:
        """Remember to close what still runs in the trace."""
        self._interrupted.add(trace_id)

    def flush(self) -> bool:
        """Write what is pending; return whether nothing is left."""
        if not (self._pending or self._interrupted or self._totals):
            return True
        if time.monotonic() < self._retry_at:
            return False
        try:
            self._write()
        except Exception:
            self._retry_at = time.monotonic() + RETRY_AFTER_S
            raise
        finally:
            # A pooled connection goes back; an own one would idle in each process.
            connection.close()
        return not (self._pending or self._interrupted or self._totals)

    def _take(self, record: SpanRecord) -> None:
        key = (record.trace.trace_id, record.span_id)
        if key not in self._pending and len(self._pending) >= MAX_PENDING:
            self._pending.popitem(last=False)
            self.lost += 1
        self._pending[key] = record

    def _write(self) -> None:
        while self._pending:
            keys = list(self._pending)[:BATCH]
            records = [self._pending[key] for key in keys]
            self._write_batch(records)
            for key in keys:
                del self._pending[key]
            for record in records:
                self._totals.setdefault(record.trace.trace_id, 0.0)
        for trace_id in list(self._interrupted):
            statements.interrupt(trace_id)
            self._interrupted.discard(trace_id)
            self._totals[trace_id] = 0.0
        self._write_totals()

    def _write_batch(self, records: Sequence[SpanRecord]) -> None:
        try:
            statements.store(records)
        except (OperationalError, InterfaceError, psycopg.OperationalError):
            raise
        except (DatabaseError, psycopg.Error, ValueError, TypeError):
            # One record that the database refuses must not take the others along.
            if len(records) == 1:
                self.lost += 1
                log.warning("span refused by the store", extra={"span": records[0].name[:100]})
                return
            for record in records:
                self._write_batch([record])

    def _write_totals(self) -> None:
        """Add up traces that changed, at most twice a second each and always at their end."""
        clock = time.monotonic()
        due = [
            trace_id
            for trace_id, written_at in self._totals.items()
            if trace_id in self._ended or clock - written_at >= TOTALS_EVERY_S
        ]
        if due:
            statements.add_up(due)
        for trace_id in due:
            del self._totals[trace_id]
            self._ended.discard(trace_id)
