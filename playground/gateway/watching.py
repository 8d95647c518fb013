"""Keep what administrators decided in memory, in each process.

Every process asks two or three times a second whether there is a newer version, so that a change
is in force everywhere within a second and no message about it can be lost. Servers ask beside the
calls, whoever else when it is used. While the database is away the last known one stays in force.
"""

import logging
import threading
import time

from django.db import connection

from playground.core.asking import in_thread
from playground.gateway import calibrating, loading
from playground.gateway.configuration import Configuration

log = logging.getLogger(__name__)

FRESH_S = 0.8
WATCH_S = 0.4
PATIENCE_S = 1.0


class _Known:
    """The configuration of this process."""

    lock = threading.Lock()
    at = -1e9
    asked_at = -1e9
    value = Configuration()
    loaded = False


def current() -> Configuration:
    """Return the configuration in force; may ask the database.

    It is as old as ``FRESH_S`` at most, unless the database does not answer.
    """
    if is_fresh():
        return _Known.value
    # Whoever asks already may wait for a database that hangs: the others wait no longer for them.
    patience_s = max(0.05, _Known.asked_at + PATIENCE_S - time.monotonic())
    if _Known.lock.acquire(timeout=patience_s if _Known.loaded else -1):
        try:
            if not is_fresh():
                _refresh()
        finally:
            _Known.lock.release()
    return _Known.value


async def in_force() -> Configuration:
    """Return ``current()``, which is asked for beside the event loop where it must ask itself."""
    return current() if is_fresh() else await in_thread(current)


def last() -> Configuration:
    """Return the last known configuration, without asking for a newer one."""
    return _Known.value


def is_fresh() -> bool:
    """Return whether ``current`` would answer at once."""
    return time.monotonic() - _Known.at < FRESH_S


def watch() -> None:
    """Keep it fresh in a thread until the process ends, so that no call has to wait for it."""
    threading.Thread(target=_watch, name="configuration", daemon=True).start()


def _watch() -> None:
    while True:
        try:
            with _Known.lock:
                _refresh()
            calibrating.refresh()
        except Exception as error:
            log.warning("the configuration cannot be read: %s", type(error).__name__)
        finally:
            # A pooled connection goes back.
            connection.close()
        time.sleep(WATCH_S)


def forget() -> None:
    """Let the next look ask the database."""
    _Known.at = -1e9


def _refresh() -> None:
    # Dated from before the question, so that no change made meanwhile is taken for seen.
    at = _Known.asked_at = time.monotonic()
    try:
        version = loading.version()
        if not _Known.loaded or version != _Known.value.version:
            _Known.value = loading.load()
            _Known.loaded = True
    except Exception as error:
        if not _Known.loaded:
            raise
        log.warning("the last known configuration stays in force: %s", type(error).__name__)
    _Known.at = at
