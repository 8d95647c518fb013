"""One thread per worker process: keeps leases, hears of cancellations, saves partial text."""

import logging
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import close_old_connections, connection

from playground.messaging import leases, waking
from playground.messaging.interruptions import LeaseLost
from playground.messaging.leases import Lease
from playground.messaging.models import Run
from playground.messaging.surviving import CONNECTION_ERRORS
from playground.messaging.working import Work

log = logging.getLogger(__name__)

TICK_S = 0.25


class Keeper:
    """Look after every lane that this process works on.

    Attributes:
        leaving: set once the process is going down; nothing new is claimed from then on.
    """

    def __init__(self) -> None:
        self.leaving = threading.Event()
        self._lock = threading.Lock()
        self._held: dict[uuid.UUID, Lease] = {}
        self._works: dict[uuid.UUID, Work] = {}
        self._busy = threading.Event()
        self._thread: threading.Thread | None = None
        self._renewed_at = 0.0

    @contextmanager
    def kept(self, lease: Lease) -> Iterator[None]:
        """Renew a lease while the block runs."""
        with self._lock:
            self._held[lease.lane_id] = lease
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)
                self._thread.start()
            self._busy.set()
        try:
            yield
        finally:
            with self._lock:
                if self._held.get(lease.lane_id) is lease:
                    del self._held[lease.lane_id]

    @contextmanager
    def working(self, work: Work) -> Iterator[None]:
        """Hear of cancellations and save what is written while the block runs."""
        with self._lock:
            self._works[work.run_id] = work
        try:
            yield
        finally:
            with self._lock:
                if self._works.get(work.run_id) is work:
                    del self._works[work.run_id]

    def held(self) -> list[Lease]:
        """Return the leases of this process."""
        with self._lock:
            return list(self._held.values())

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until no lane is held any more; False when some still are."""
        deadline = time.monotonic() + timeout_s
        while self.held() and time.monotonic() < deadline:
            time.sleep(0.02)
        return not self.held()

    def abandon_all(self) -> None:
        """Give up every lane that is still held, so that another worker goes on at once."""
        for lane_id in leases.abandon(self.held()):
            waking.ring(lane_id)

    def _run(self) -> None:
        while True:
            if not self.held():
                # The thread sleeps for good while there is nothing to keep.
                self._busy.clear()
                if not self.held():
                    connection.close()
                    self._busy.wait()
            try:
                close_old_connections()
                self._tick()
            except CONNECTION_ERRORS as error:
                log.warning("leases cannot be renewed now: %s", type(error).__name__)
                connection.close()
            except Exception:
                log.exception("keeping leases failed")
                connection.close()
            time.sleep(min(TICK_S, settings.PLAYGROUND_LEASE_S / 6))

    def _tick(self) -> None:
        moment = time.monotonic()
        held = self.held()
        fresh = any(lease.deadline - moment < settings.PLAYGROUND_LEASE_S * 2 / 3 for lease in held)
        if held and fresh:
            leases.renew(held)
        with self._lock:
            works = dict(self._works)
        if not works:
            return
        asked = Run.objects.filter(pk__in=list(works)).exclude(cancel_requested_at=None)
        for run_id in asked.values_list("pk", flat=True):
            works[run_id].cancelled.set()
        for work in works.values():
            try:
                work.save_partial()
            except LeaseLost:
                work.lease.lost.set()


keeper = Keeper()
