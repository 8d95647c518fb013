"""Load the product once, then fork a drill worker for each line that is read: its environment."""

import json
import os
import random
import signal
import sys
from pathlib import Path

from celery.signals import worker_ready

from tests.messaging import actors

QUIET = ["--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "WARNING"]


def main(home: Path) -> None:
    # Dead workers vanish at once, so that whoever killed one sees that it is gone.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(2, 1)
            random.seed()
            os.environ.update(json.loads(line))
            _work(home)
            os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def _work(home: Path) -> None:
    def say_so(**_: object) -> None:
        Path(home, f"ready-{os.getpid()}").touch()

    worker_ready.connect(say_so, weak=False)
    actors.prepare()
    actors.app.worker_main(["worker", "-P", "threads", "-c", "4", *QUIET])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
