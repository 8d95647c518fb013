"""Run daphne: ``python -m playground.serving <daphne's own arguments>``.

Twisted would read every form itself before Django does, and end the connection without an answer
where one cannot be read. Here bodies go to the application as they came.
"""

import asyncio
import gc
import sys
import threading
import time
from typing import Any

if sys.platform != "win32":
    import uvloop

    # Daphne makes its loop when it is imported.
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

from daphne import cli, http_protocol
from django.apps import apps


class Request(http_protocol.WebRequest):  # type: ignore[misc]
    """A request whose body nobody has parsed."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "parsePOSTFormSubmission": False})


def warm_up() -> None:
    """Load what the first call would wait for, once the application is there."""
    while not apps.ready:
        time.sleep(0.05)
    from playground.gateway import tokens, watching
    from playground.prompts import watching as prompts

    watching.watch()
    prompts.watch("web")
    tokens.count("warm up")
    # What is loaded by now stays: the collector need not look at it again after every few calls.
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)


def main() -> None:
    """Serve until told to stop."""
    # The factory of connections looks the class up by this name.
    http_protocol.WebRequest = Request
    threading.Thread(target=warm_up, name="warm-up", daemon=True).start()
    cli.CommandLineInterface.entrypoint()


if __name__ == "__main__":
    main()
