"""Go on after the database was away for a moment."""

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import DatabaseError, InterfaceError, OperationalError, connection
from psycopg.errors import IdleInTransactionSessionTimeout

from playground.messaging.interruptions import LeaseLost

log = logging.getLogger(__name__)

Result = TypeVar("Result")
CONNECTION_ERRORS = (OperationalError, InterfaceError)


def persistently(action: Callable[[], Result], *, until: Callable[[], float]) -> Result:
    """Do something again until it works; it must be harmless to do twice.

    ``until`` gives the moment on the monotonic clock at which to give up.

    Raises:
        LeaseLost: the moment has passed.
    """
    wait_s = 0.05
    while True:
        try:
            return action()
        except (DatabaseError, InterfaceError) as error:
            if connection.in_atomic_block or not _is_gone(error):
                raise
            connection.close()
            wait_s = min(wait_s * 2, 1.0)
            pause = random.uniform(wait_s / 2, wait_s)
            if time.monotonic() + pause > until():
                raise LeaseLost("the database was away for longer than the lease") from error
            log.warning("the database is away, trying again: %s", type(error).__name__)
            time.sleep(pause)


def _is_gone(error: Exception) -> bool:
    """Tell whether the connection is lost, by the server's hand where this process stood still."""
    ended = isinstance(error.__cause__, IdleInTransactionSessionTimeout)
    return ended or isinstance(error, CONNECTION_ERRORS)
