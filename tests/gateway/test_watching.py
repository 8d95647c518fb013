"""The configuration in memory while the database does not answer."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, transaction

from playground.gateway import watching
from playground.gateway.models import ConfigurationVersion

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


@contextmanager
def hanging_database() -> Iterator[None]:
    """Hold the table that tells the version, in a transaction of another thread."""
    held, released = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            table = ConfigurationVersion._meta.db_table
            cursor.execute(f'LOCK TABLE "{table}" IN ACCESS EXCLUSIVE MODE')
            held.set()
            released.wait(30)
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(10)
    try:
        yield
    finally:
        released.set()
        thread.join(10)


def looking() -> tuple[threading.Thread, list[object]]:
    seen: list[object] = []

    def look() -> None:
        seen.append(watching.current())
        connection.close()

    thread = threading.Thread(target=look)
    thread.start()
    return thread, seen


def test_it_answers_from_memory_while_another_waits_for_the_database() -> None:
    known = watching.current()
    with hanging_database():
        watching.forget()
        waiting, _ = looking()
        for _ in range(500):
            if watching._Known.lock.locked():
                break
            time.sleep(0.01)

        others = [looking() for _ in range(5)]
        for thread, _ in others:
            thread.join(10)

        assert waiting.is_alive()
        assert [seen for _, seen in others] == [[known]] * 5
    waiting.join(10)
    assert not waiting.is_alive()
