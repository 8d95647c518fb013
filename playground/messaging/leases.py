"""Claim lanes, keep them and give them back, by the database's clock.

A claim raises ``lease_epoch``; whoever holds an older epoch is fenced off from then on.
"""

import datetime as dt
import os
import secrets
import socket
import threading
import time
import uuid
from collections.abc import Collection, Iterable
from functools import cache

from django.conf import settings
from django.db import connection

from playground.messaging.fencing import Fence

_FREE = (
    "runnable_at <= clock_timestamp() AND (lease_until IS NULL OR lease_until < clock_timestamp())"
)
_WAITING = f"SELECT count(*) FROM (SELECT 1 FROM messaging_lane WHERE {_FREE} LIMIT 256) AS free"
_CLAIM_ONE = f"""
UPDATE messaging_lane
   SET lease_epoch = lease_epoch + 1, lease_owner = %s,
       lease_until = clock_timestamp() + make_interval(secs => %s)
 WHERE id = %s AND {_FREE}
RETURNING id, lease_epoch
"""
_CLAIM_SOME = f"""
UPDATE messaging_lane AS lane
   SET lease_epoch = lease_epoch + 1, lease_owner = %s,
       lease_until = clock_timestamp() + make_interval(secs => %s)
  FROM (SELECT id FROM messaging_lane
         WHERE {_FREE}
         ORDER BY runnable_at LIMIT %s FOR NO KEY UPDATE SKIP LOCKED) AS free
 WHERE lane.id = free.id
RETURNING lane.id, lane.lease_epoch
"""
_RENEW = """
UPDATE messaging_lane AS lane
   SET lease_until = clock_timestamp() + make_interval(secs => %s)
  FROM unnest(%s::uuid[], %s::bigint[]) AS mine (id, epoch)
 WHERE lane.id = mine.id AND lane.lease_epoch = mine.epoch AND lane.lease_owner = %s
RETURNING lane.id
"""
_RELEASE = """
UPDATE messaging_lane
   SET lease_owner = '', lease_until = NULL, runnable_at = %s
 WHERE id = %s AND lease_epoch = %s AND lease_owner = %s
"""
_ABANDON = """
UPDATE messaging_lane
   SET lease_epoch = lease_epoch + 1, lease_owner = '', lease_until = NULL,
       runnable_at = clock_timestamp()
 WHERE id = %s AND lease_epoch = %s AND lease_owner = %s
RETURNING id
"""


class Lease:
    """A worker's right to a lane.

    Attributes:
        deadline: until then, on the monotonic clock, nobody else can hold the lane.
        lost: set once the right is known to be gone.
    """

    def __init__(self, fence: Fence, *, since: float) -> None:
        self.fence = fence
        self.lost = threading.Event()
        self.deadline = since + settings.PLAYGROUND_LEASE_S

    @property
    def lane_id(self) -> uuid.UUID:
        return self.fence.lane_id

    def prolong(self, since: float) -> None:
        """Count the lease from a renewal that was asked for at ``since``."""
        self.deadline = since + settings.PLAYGROUND_LEASE_S


@cache
def process_name() -> str:
    """Name this process among all that may claim lanes."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(4)}"


def claim(lane_id: uuid.UUID) -> Lease | None:
    """Claim a lane if it is runnable and nobody holds it."""
    since, owner = time.monotonic(), process_name()
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM_ONE, [owner, settings.PLAYGROUND_LEASE_S, lane_id])
        row = cursor.fetchone()
    return Lease(Fence(row[0], row[1], owner), since=since) if row else None


def count_waiting() -> int:
    """Count the lanes that anybody may claim now, up to 256."""
    with connection.cursor() as cursor:
        cursor.execute(_WAITING)
        return int(cursor.fetchone()[0])


def claim_some(limit: int) -> list[Lease]:
    """Claim the lanes that have waited longest, passing over those that others are claiming."""
    since, owner = time.monotonic(), process_name()
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM_SOME, [owner, settings.PLAYGROUND_LEASE_S, limit])
        rows = cursor.fetchall()
    return [Lease(Fence(lane_id, epoch, owner), since=since) for lane_id, epoch in rows]


def renew(leases: Collection[Lease]) -> None:
    """Renew all leases of this process at once, and mark those that are gone."""
    since = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute(
            _RENEW,
            [
                settings.PLAYGROUND_LEASE_S,
                [lease.lane_id for lease in leases],
                [lease.fence.epoch for lease in leases],
                process_name(),
            ],
        )
        kept = {row[0] for row in cursor.fetchall()}
    for lease in leases:
        if lease.lane_id in kept:
            lease.prolong(since)
        else:
            lease.lost.set()


def release(fence: Fence, *, runnable_at: dt.datetime | None) -> None:
    """Give a lane back, in the caller's transaction.

    ``runnable_at`` is when its next run may be claimed, None when it has none.
    """
    with connection.cursor() as cursor:
        cursor.execute(_RELEASE, [runnable_at, fence.lane_id, fence.epoch, fence.owner])


def abandon(leases: Iterable[Lease]) -> list[uuid.UUID]:
    """Give lanes up while their handlers still work; from now on those are fenced off."""
    given = []
    for lease in leases:
        fence = lease.fence
        with connection.cursor() as cursor:
            cursor.execute(_ABANDON, [fence.lane_id, fence.epoch, fence.owner])
            given += [row[0] for row in cursor.fetchall()]
        lease.lost.set()
    return given
