"""Start a drill worker, which says when it is ready."""

import os
import sys
from pathlib import Path

from celery.signals import worker_ready

from tests.messaging.actors import app


@worker_ready.connect
def say_so(**_: object) -> None:
    Path(sys.argv[1], f"ready-{os.getpid()}").touch()


if __name__ == "__main__":
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "WARNING"]
    app.worker_main(["worker", "-P", "threads", "-c", "4", *quiet])
