"""Keep the prompts of a process fresh beside its calls, and tell which versions it holds."""

import logging
import threading
import time
from contextlib import suppress
from typing import Any
from uuid import UUID

import redis
from django.db import connection

from playground.prompts.changing import PromptChanged
from playground.prompts.held import holding, telling

log = logging.getLogger(__name__)

CHANGED = "playground:prompts:changed"
WATCH_S = 0.4
TELL_S = 1.0


def hint(changed: PromptChanged) -> None:
    """Forget the prompt here, and let every other process ask at once whether it has changed."""
    holding.forget(UUID(changed.urn.partition(":")[2]))
    with suppress(redis.RedisError):
        telling.connection().publish(CHANGED, changed.urn)


def watch(part: str) -> None:
    """Watch in a thread until the process ends; ``part`` is what it is: ``web``, ``worker``."""
    threading.Thread(target=_watch, args=(part,), name="prompts", daemon=True).start()


def _watch(part: str) -> None:
    ear, teller, told_at = _Ear(), telling.Teller(part), -1e9
    while True:
        try:
            holding.refresh()
        except Exception as error:
            log.warning("prompts cannot be kept fresh: %s", type(error).__name__)
        finally:
            # A pooled connection goes back.
            connection.close()
        if time.monotonic() - told_at >= TELL_S:
            told_at = time.monotonic()
            with suppress(redis.RedisError):
                teller.tell(holding.told())
        ear.wait(WATCH_S)


class _Ear:
    """Wait for a hint; without Redis, only for the time to pass."""

    def __init__(self) -> None:
        self._heard: Any = None

    def wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        try:
            if self._heard is None:
                self._heard = telling.connection().pubsub(ignore_subscribe_messages=True)
                self._heard.subscribe(CHANGED)
            while (left_s := until - time.monotonic()) > 0:
                if self._heard.get_message(timeout=left_s) is not None:
                    # One question answers all that has been said by now.
                    while self._heard.get_message() is not None:
                        pass
                    return
        except redis.RedisError:
            with suppress(Exception):
                self._heard.close()
            self._heard = None
            time.sleep(max(0.0, until - time.monotonic()))
