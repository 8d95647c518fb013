"""Find lanes that wait, straight from PostgreSQL: works when Celery delivers nothing at all."""

import logging
import random
import threading

from django.conf import settings
from django.db import close_old_connections, connection

from playground.messaging import leases
from playground.messaging.draining import places, work_on
from playground.messaging.keeping import keeper
from playground.messaging.leases import Lease

log = logging.getLogger(__name__)

# Handlers that do not look up for this long lose their lanes.
GRACE_S = 4.0

_started = threading.Lock()
_thread: threading.Thread | None = None


def start() -> None:
    """Begin to sweep, from a thread of its own, until ``stop``; once in a process."""
    global _thread
    with _started:
        if _thread is None:
            _thread = threading.Thread(target=_run, name="sweeper", daemon=True)
            _thread.start()


def stop() -> None:
    """Let this process go: claim nothing more and hand over what is being worked on.

    Returns at once; safe to call from a signal handler.
    """
    keeper.leaving.set()
    places().freed.set()


def _run() -> None:
    while not keeper.leaving.is_set():
        try:
            close_old_connections()
            sweep()
        except Exception as error:
            log.warning("sweeping failed: %s", type(error).__name__)
            connection.close()
        places().freed.wait(settings.PLAYGROUND_SWEEP_S * random.uniform(0.7, 1.3))
        places().freed.clear()
    _leave()


def sweep() -> int:
    """Claim as many waiting lanes as this process has places for, and work on each in a thread."""
    waiting = min(leases.count_waiting(), settings.PLAYGROUND_WORKER_THREADS)
    taken = 0
    while taken < waiting and places().take():
        taken += 1
    claimed: list[Lease] = []
    try:
        if taken and not keeper.leaving.is_set():
            claimed = leases.claim_some(taken)
    finally:
        for _ in range(taken - len(claimed)):
            places().give(nudge=False)
    for lease in claimed:
        name = f"lane-{lease.lane_id}"
        threading.Thread(target=_work, args=[lease], name=name, daemon=True).start()
    return len(claimed)


def _work(lease: Lease) -> None:
    try:
        work_on(lease)
    finally:
        connection.close()
        places().give()


def _leave() -> None:
    try:
        if not keeper.wait_idle(GRACE_S):
            close_old_connections()
            keeper.abandon_all()
    except Exception:
        log.exception("lanes could not be handed over; their leases will run out")
