"""Keep the ledger as a worker does, and be killed at a moment that ``DRILL_DIES`` names.

``before`` what calls tell is counted, ``midway`` through it, or ``after`` it, when nothing has been
said of it yet to whoever keeps the queue.
"""

import asyncio
import os
import signal

import django

django.setup()

from playground.gateway import connecting, keeping  # noqa: E402
from playground.gateway.quotas.ledger_queue import LedgerQueue, Row  # noqa: E402
from playground.prompts.ramps.observing_calls import observe  # noqa: E402


def die(rows: list[Row]) -> None:
    """Count as many as is wanted, and be gone as nobody can help it."""
    counted = {"before": 0, "midway": len(rows) // 2, "after": len(rows)}[os.environ["DRILL_DIES"]]
    observe(rows[:counted])
    os.kill(os.getpid(), signal.SIGKILL)


async def drain() -> None:
    await LedgerQueue(connecting.client(), consumer="dying").drain(keeping.keep)


if __name__ == "__main__":
    keeping.register(die)  # type: ignore[arg-type]
    asyncio.run(drain())
