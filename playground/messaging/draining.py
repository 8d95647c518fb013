"""Work on the runs of a lane, one after the other, for as long as there are any."""

import logging
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from django.conf import settings
from django.db import close_old_connections, connection, transaction

from playground.core.errors import PlaygroundError
from playground.messaging import handlers, leases, taking, waking
from playground.messaging.interruptions import LeaseLost, RunHandedOver, RunInterrupted
from playground.messaging.keeping import keeper
from playground.messaging.leases import Lease
from playground.messaging.surviving import persistently
from playground.messaging.working import Work

log = logging.getLogger(__name__)


class Places:
    """So many lanes does this process work on at once, whoever called it to them."""

    def __init__(self, count: int) -> None:
        self._free = threading.BoundedSemaphore(count)
        self.freed = threading.Event()

    def take(self) -> bool:
        """Take a place if one is free."""
        return self._free.acquire(blocking=False)

    def give(self, *, nudge: bool = True) -> None:
        """Give a place back, and let the sweeper look whether somebody waits for it."""
        self._free.release()
        if nudge:
            self.freed.set()

    @contextmanager
    def taken(self) -> Iterator[bool]:
        """Hold a place while the block runs, if one is free."""
        mine = self.take()
        try:
            yield mine
        finally:
            if mine:
                self.give()


@cache
def places() -> Places:
    """Return the places of this process."""
    return Places(settings.PLAYGROUND_WORKER_THREADS)


def drain(lane_id: uuid.UUID) -> None:
    """Claim a lane and work until it has nothing to do; leave it to the sweeper when too busy."""
    if keeper.leaving.is_set():
        return
    with places().taken() as mine:
        if not mine:
            return
        close_old_connections()
        lease = leases.claim(lane_id)
        if lease is not None:
            work_on(lease)


def work_on(lease: Lease) -> None:
    """Work on a claimed lane until it is given back or lost."""
    try:
        with keeper.kept(lease):
            work = _next(lease)
            while work is not None:
                error = _attempt(work)
                work = _next(lease, after=work, error=error)
            if keeper.leaving.is_set():
                waking.ring(lease.lane_id)
    except LeaseLost as lost:
        log.warning("lease lost: %s", lost)
    except Exception:
        # The lease runs out, and the run is tried again elsewhere.
        log.exception("lane %s was left", lease.lane_id)
    finally:
        close_old_connections()


def _next(
    lease: Lease, *, after: Work | None = None, error: BaseException | None = None
) -> Work | None:
    """Record how the attempt before ended and begin the next one, in one transaction."""

    def turn() -> Work | None:
        with transaction.atomic():
            lease.fence.check(connection)
            if after is not None:
                taking.finish(after, error)
            return taking.take_next(lease, leaving=keeper.leaving)

    return persistently(turn, until=lambda: lease.deadline)


def _attempt(work: Work) -> BaseException | None:
    """Run the handler and return what it raised, except for a lost lease, which ends all."""
    try:
        with keeper.working(work):
            work.raise_if_cancelled()
            handlers.handler_for(work.run.lane.kind)(work)
    except LeaseLost:
        raise
    except RunInterrupted as interruption:
        return interruption
    except Exception as error:
        # A handler may have wrapped the reason why it stopped, or died of it.
        if work.lease.lost.is_set():
            raise LeaseLost(f"lane {work.lane_id}") from error
        if work.leaving.is_set():
            return RunHandedOver(str(work.run_id))
        if not isinstance(error, PlaygroundError):
            log.exception("run %s, attempt %d", work.run_id, work.attempt)
        return error
    return None
