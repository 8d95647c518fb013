"""Look after endpoints."""

import redis
from celery import shared_task

from playground.gateway import endpoints, health


@shared_task
def probe_endpoints() -> None:
    """Ask every endpoint whether it is there."""
    try:
        health.probe_all(endpoints.servers())
    except redis.RedisError:
        # The next round comes in a quarter of a minute.
        return
