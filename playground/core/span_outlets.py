"""One bounded queue and one thread for each sink, so that no sink slows the code or each other."""

import collections
import logging
import threading
import time
from typing import Any, Literal

from playground.core.span_records import Sink

log = logging.getLogger("playground.spans")

Signal = Literal["on_start", "on_update", "on_end", "on_delta", "on_interrupt"]

_ESSENTIAL = frozenset({"on_start", "on_end", "on_interrupt"})
_COMPLAIN_EVERY_S = 10.0


class Outlet:
    """Feed one sink from a thread of its own.

    Args:
        sink: gets each signal in order, then ``flush``.
        capacity: of the queue; deltas and updates are dropped from 80 % on, everything at 100 %.
        interval_s: shortest time between two flushes.
    """

    def __init__(self, sink: Sink, *, capacity: int = 20_000, interval_s: float = 0.05) -> None:
        self.sink = sink
        self.dropped = 0
        self.failures = 0
        self._capacity = capacity
        self._interval_s = interval_s
        self.reset()

    def reset(self) -> None:
        """Forget the thread and the queue; a forked child does so."""
        self._queue: collections.deque[tuple[Signal, Any]] = collections.deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._settled = True
        self._stopping = False
        self._complained_at = 0.0

    def put(self, signal: Signal, payload: Any) -> None:
        """Queue a signal, or count it as dropped; never block and never raise."""
        limit = self._capacity if signal in _ESSENTIAL else self._capacity * 4 // 5
        with self._changed:
            if len(self._queue) >= limit:
                self.dropped += 1
                return
            self._queue.append((signal, payload))
            self._settled = False
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._work, name=f"spans-{type(self.sink).__name__}", daemon=True
                )
                self._thread.start()
            self._changed.notify_all()

    def settle(self, *, timeout_s: float) -> bool:
        """Wait until the sink has passed everything on; return whether it has."""
        with self._changed:
            return self._changed.wait_for(lambda: self._settled, timeout_s)

    def stop(self, *, timeout_s: float) -> None:
        """Let the thread finish what is queued and end it."""
        with self._changed:
            thread, self._stopping = self._thread, True
            self._changed.notify_all()
        if thread is not None:
            thread.join(timeout_s)

    def _work(self) -> None:
        clean = True
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: bool(self._queue) or self._stopping, None if clean else self._interval_s
                )
                if self._stopping and not self._queue:
                    return
                batch = list(self._queue)
                self._queue.clear()
            for signal, payload in batch:
                self._deliver(signal, payload)
            clean = self._flush()
            with self._changed:
                if clean and not self._queue:
                    self._settled = True
                    self._changed.notify_all()
            time.sleep(self._interval_s)

    def _deliver(self, signal: Signal, payload: Any) -> None:
        try:
            getattr(self.sink, signal)(payload)
        except Exception as error:
            self._failed(error)

    def _flush(self) -> bool:
        try:
            return self.sink.flush()
        except Exception as error:
            self._failed(error)
            return False

    def _failed(self, error: Exception) -> None:
        """Say at most every ten seconds that the sink is broken, without the error's text."""
        self.failures += 1
        if time.monotonic() - self._complained_at > _COMPLAIN_EVERY_S:
            self._complained_at = time.monotonic()
            log.warning(
                "span sink fails",
                extra={
                    "sink": type(self.sink).__name__,
                    "error": type(error).__name__,
                    "failures": self.failures,
                    "dropped": self.dropped,
                },
            )
