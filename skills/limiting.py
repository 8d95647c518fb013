"""Run a function for a limited time, in a thread of its own.

The thread's database statements are limited by the server. A late thread is sent an exception,
which strikes at its next Python instruction; one that hangs in foreign code is left behind and
counted until it ends.
"""

import contextvars
import ctypes
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Generic, TypeVar

from django.db import connections

from playground.core.errors import Unavailable

Result = TypeVar("Result")
MAX_ABANDONED = 16
MAX_ABANDONED_EACH = 4
GRACE_S = 0.25


class TimeIsUp(BaseException):
    """Raised inside the late thread; no ``except Exception`` holds it up."""


_lock = threading.Lock()
_abandoned: Counter[str] = Counter()


def abandoned() -> int:
    """Return how many threads were left behind and still run."""
    with _lock:
        return _abandoned.total()


def run_within(seconds: float, work: Callable[[], Result], *, name: str) -> Result:
    """Return what the work returns, or raise what it raises.

    It runs in a thread of its own with the caller's context variables. Its database connections
    get ``statement_timeout``, and are given back when it ends, late or not.

    Raises:
        TimeoutError: the time is up. The thread is sent an exception and left behind.
        Unavailable: too many threads were left behind already.
    """
    with _lock:
        if _abandoned.total() >= MAX_ABANDONED or _abandoned[name] >= MAX_ABANDONED_EACH:
            raise Unavailable(
                "skill.overloaded", "Earlier calls of this skill hang; try again in a while."
            )
    task = _Task(work, name=name, statement_timeout_s=seconds)
    thread = threading.Thread(
        target=contextvars.copy_context().run, args=(task.run,), name=f"skill {name}", daemon=True
    )
    thread.start()
    if not task.ended.wait(seconds):
        if thread.ident is not None and task.abandon():
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(thread.ident), ctypes.py_object(TimeIsUp)
            )
            task.ended.wait(GRACE_S)
            raise TimeoutError
        task.ended.wait(GRACE_S)
    if task.error is not None:
        raise task.error
    return task.results[0]


class _Task(Generic[Result]):
    """A piece of work, and what became of it."""

    def __init__(
        self, work: Callable[[], Result], *, name: str, statement_timeout_s: float
    ) -> None:
        self.work = work
        self.name = name
        self.statement_timeout_ms = max(1, int(statement_timeout_s * 1000))
        self.results: list[Result] = []
        self.error: BaseException | None = None
        self.ended = threading.Event()
        self._state_lock = threading.Lock()
        self._finished = self._late = False

    def abandon(self) -> bool:
        """Count the thread as left behind, unless it has just finished."""
        with self._state_lock:
            if self._finished:
                return False
            self._late = True
        with _lock:
            _abandoned[self.name] += 1
        return True

    def run(self) -> None:
        """Do the work and tidy up; the exception of a late thread may strike anywhere in here."""
        touched: list[str] = []
        try:
            self._work(touched)
        except TimeIsUp:
            pass
        finally:
            self._settle(touched)

    def _work(self, touched: list[str]) -> None:
        for connection in connections.all():
            connection.execute_wrappers.append(_statement_limit(self.statement_timeout_ms, touched))
        try:
            result = self.work()
        except TimeIsUp:
            raise
        except BaseException as error:
            with self._state_lock:
                self._finished = True
            self.error = error
        else:
            with self._state_lock:
                self._finished = True
            self.results.append(result)

    def _settle(self, touched: list[str]) -> None:
        try:
            _give_back(touched)
        finally:
            if self._late:
                with _lock:
                    _abandoned[self.name] -= 1
            self.ended.set()


def _statement_limit(milliseconds: int, touched: list[str]) -> Callable[..., object]:
    def limit(execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        connection = context["connection"]
        if connection.alias not in touched:
            touched.append(connection.alias)
            with connection.connection.cursor() as cursor:
                cursor.execute(f"SET statement_timeout = {milliseconds}")
        return execute(sql, params, many, context)

    return limit


def _give_back(touched: list[str]) -> None:
    """Return the thread's connections to their pool as they were, or broken so that it notices."""
    for connection in connections.all(initialized_only=True):
        connection.execute_wrappers.clear()
        raw = connection.connection
        if raw is None:
            continue
        try:
            raw.rollback()
            if connection.alias in touched:
                with raw.cursor() as cursor:
                    cursor.execute("RESET statement_timeout")
                if not raw.autocommit:
                    raw.commit()
        except Exception:
            raw.close()
        connection.in_atomic_block = False
        connection.close()


def wait_settled(timeout_s: float) -> bool:
    """Wait until no thread that was left behind runs any more; return whether that came true."""
    end = time.monotonic() + timeout_s
    while abandoned() and time.monotonic() < end:
        time.sleep(0.02)
    return not abandoned()
