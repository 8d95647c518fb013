"""The doorbell: Celery only says which lane to look at."""

import uuid
from typing import Any

from celery import shared_task
from celery.signals import worker_ready, worker_shutting_down

from playground.messaging import draining, sweeping, waking


@shared_task(name="messaging.drain", ignore_result=True, acks_late=False, expires=60)
def drain(lane_id: str) -> None:
    """Work on a lane."""
    draining.drain(uuid.UUID(lane_id))


def ring(lane_id: uuid.UUID) -> None:
    """Send the task, once; without a broker the sweeper finds the lane."""
    drain.apply_async(args=[str(lane_id)], retry=False)


@worker_ready.connect
def begin(**_: Any) -> None:
    """Sweep as soon as the worker is up."""
    sweeping.start()


@worker_shutting_down.connect
def leave(**_: Any) -> None:
    """Hand over what is being worked on."""
    sweeping.stop()


waking.register(ring)
