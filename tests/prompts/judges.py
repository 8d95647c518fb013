"""A process that judges one ramp again and again, as workers and the clock make them.

``DRILL_RAMP`` names the ramp; ``DRILL_DIES`` has it killed where it has decided, under the ramp's
lock and before the commit. It says ``ready`` and begins at a line on its standard input.
"""

import os
import signal
import sys
import time
import uuid

import django

django.setup()

from django.db import DatabaseError, connection  # noqa: E402

from playground.prompts.ramps import guarding_ramps, stepping  # noqa: E402

AS_LONG_AS_S = 60


def die(*_: object, **__: object) -> None:
    """Be gone with the ramp's lock held."""
    os.kill(os.getpid(), signal.SIGKILL)


def judge(ramp: uuid.UUID) -> None:
    """Judge until the ramp is over; a database that is away comes back."""
    until = time.monotonic() + AS_LONG_AS_S
    while time.monotonic() < until:
        try:
            done = guarding_ramps.judge(ramp)
            over = not guarding_ramps.Ramp.objects.live().filter(pk=ramp).exists()
        except DatabaseError:
            connection.close()
            time.sleep(0.1)
            continue
        if done is not None:
            print(done, flush=True)
        if over:
            return


if __name__ == "__main__":
    if os.environ.get("DRILL_DIES"):
        stepping.note = die
    connection.ensure_connection()
    print("ready", flush=True)
    sys.stdin.readline()
    judge(uuid.UUID(os.environ["DRILL_RAMP"]))
