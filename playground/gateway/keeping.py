"""Keep the ledger: carry settled calls from Redis to PostgreSQL, and settle what was left behind.

A thread in each worker, like the sweeper of lanes: Celery has no part in it, so nothing of it can
be lost there.
"""

import asyncio
import contextlib
import datetime as dt
import logging
import os
import socket
import threading
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, OperationalError

from playground.core.asking import in_thread
from playground.gateway import calibrating
from playground.gateway.models import LedgerRow
from playground.gateway.quotas.ledger_queue import LedgerQueue, Row
from playground.gateway.quotas.reserving import Quotas, connect

log = logging.getLogger(__name__)

Observer = Callable[[Sequence[Row]], None]
"""Takes rows that hold ``observed``, each at least once: after a crash they come again."""

REAP_EVERY_S = 5.0
# A batch is kept within a second; rows of a slower reader come twice and count once.
CLAIM_AFTER_S = 15.0
_ROWS_FAULT = (DataError, IntegrityError, ValueError, TypeError, KeyError, OverflowError)
_LENGTHS = {
    field.attname: field.max_length
    for field in LedgerRow._meta.fields
    if getattr(field, "max_length", None)
}


_observers: list[Observer] = []


def register(observer: Observer) -> None:
    """Let this observer see the calls that a prompt wants to be observed."""
    _observers[:] = [observer]


def start() -> None:
    """Keep the ledger in a thread until the process ends."""
    threading.Thread(target=lambda: asyncio.run(_keep()), name="ledger", daemon=True).start()


async def _keep() -> None:
    client = connect(settings.REDIS_URL)
    consumer = f"{socket.gethostname()}-{os.getpid()}"
    queue = LedgerQueue(client, consumer=consumer, claim_after_s=CLAIM_AFTER_S)
    with contextlib.suppress(redis.RedisError, OSError):
        await queue.forget_consumers()
    reaping = asyncio.create_task(_reap(Quotas(client, fail_open=True)))
    try:
        await queue.follow(keep)
    finally:
        reaping.cancel()


async def _reap(quotas: Quotas) -> None:
    while True:
        try:
            while await quotas.reap():
                log.info("settled calls that their processes had left behind")
        except Exception as error:
            log.warning("calls that were left behind wait: %s", type(error).__name__)
        await asyncio.sleep(REAP_EVERY_S)


async def keep(rows: Sequence[Row]) -> None:
    """Write rows into the ledger, and show them; one that is there already is left as it is."""
    await in_thread(_keep_rows, rows)


def _keep_rows(rows: Sequence[Row]) -> None:
    write(rows)
    watched = [row for row in rows if row.get("observed")]
    for observer in _observers if watched else ():
        try:
            observer(watched)
        except (OperationalError, InterfaceError):
            # The database went away, perhaps: the rows come again.
            raise
        except Exception:
            # The ledger is kept all the same, and these rows do not come again.
            log.exception("calls could not be observed")
    try:
        # The last of it, as rows that come again would teach the same twice.
        calibrating.learn(rows)
    except DatabaseError as error:
        # An estimate can wait for the next calls; the ledger is kept all the same.
        log.warning("nothing was learned of tokens: %s", type(error).__name__)


def write(rows: Sequence[Row]) -> None:
    """Insert the rows; one that cannot be kept is told and left out, not the others.

    Any other error of the database is raised, and the rows come again.
    """
    try:
        LedgerRow.objects.bulk_create(map(ledger_row, rows), ignore_conflicts=True)
    except _ROWS_FAULT:
        for row in rows:
            _write_one(row)


def _write_one(row: Row) -> None:
    try:
        LedgerRow.objects.bulk_create([ledger_row(row)], ignore_conflicts=True)
    except _ROWS_FAULT as error:
        # Not its message, which repeats what the row holds.
        log.error(
            "a ledger row cannot be kept: %s (%s)", row.get("reservation_id"), type(error).__name__
        )


def ledger_row(row: Row) -> LedgerRow:
    """Read a settled call as a row of the ledger.

    Of one that was left behind all that was reserved counts as used, input first.
    """
    known: dict[str, Any] = {
        field.attname: row[field.attname]
        for field in LedgerRow._meta.fields
        if field.attname in row and row[field.attname] is not None
    }
    for name, longest in _LENGTHS.items():
        if isinstance(known.get(name), str):
            known[name] = known[name][:longest]
    if "output_tokens" not in row:
        known["input_tokens"] = min(int(row.get("input_tokens", 0)), row["tokens"])
        known["output_tokens"] = row["tokens"] - known["input_tokens"]
        known["counted_here"] = True
    priced = row.get("price_known", row["cost_micro_usd"] > 0)
    return LedgerRow(
        **known
        | {
            "id": uuid.UUID(row["reservation_id"]),
            "settled_at": dt.datetime.fromtimestamp(row["settled_at_ms"] / 1000, dt.UTC),
            "key_id": uuid.UUID(row["key_id"]) if row.get("key_id") else None,
            "cost_micro_usd": row["cost_micro_usd"] if priced else None,
        }
    )
