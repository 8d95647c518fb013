"""A worker shows in Redis that it lives."""

import threading
import time

import redis
import structlog

log = structlog.get_logger(__name__)

PULSE_KEY = "playground:worker:pulse"
PULSE_EVERY_S = 2.0
# A worker that was silent for this long is not there.
SILENT_AFTER_S = 15.0


def start_pulse(url: str) -> None:
    """Begin to show every few seconds that this worker lives, until its process ends."""
    threading.Thread(target=_beat, args=(url,), name="pulse", daemon=True).start()


def _beat(url: str) -> None:
    client = redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)
    while True:
        try:
            client.set(PULSE_KEY, time.time(), ex=86_400)
        except redis.RedisError as error:
            log.warning("pulse not shown", error=type(error).__name__)
        time.sleep(PULSE_EVERY_S)
