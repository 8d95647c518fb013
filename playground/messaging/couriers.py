"""Send things from a thread of their own, so that a slow receiver never holds up the sender.

What cannot be sent is dropped: everything that goes this way only saves time.
"""

import logging
import os
import queue
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)


class Courier:
    """One daemon thread with a bounded queue; ``deliver`` gets whatever has piled up."""

    def __init__(
        self, name: str, deliver: Callable[[list[object]], None], *, capacity: int = 10_000
    ) -> None:
        self._name = name
        self._deliver = deliver
        self._queue: queue.Queue[object] = queue.Queue(capacity)
        self._lock = threading.Lock()
        self._pid: int | None = None
        self.dropped = 0

    def send(self, item: object) -> None:
        """Hand something over without waiting."""
        # A forked child has the queue but not the thread.
        if self._pid != os.getpid():
            self._start()
        try:
            self._queue.put_nowait(item)
        except queue.Full:
            self.dropped += 1

    def _start(self) -> None:
        with self._lock:
            if self._pid != os.getpid():
                threading.Thread(target=self._run, name=self._name, daemon=True).start()
                self._pid = os.getpid()

    def _run(self) -> None:
        while True:
            items = [self._queue.get()]
            while not self._queue.empty() and len(items) < 1000:
                items.append(self._queue.get())
            try:
                self._deliver(items)
            except Exception as error:
                self.dropped += len(items)
                log.warning("%s: %s, %d lost", self._name, type(error).__name__, len(items))
