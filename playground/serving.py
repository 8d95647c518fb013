"""Run daphne: ``python -m playground.serving <daphne's own arguments>``.

Twisted would read every form itself before Django does, and end the connection without an answer
where one cannot be read. Here bodies go to the application as they came.
"""

import asyncio
from typing import Any

import uvloop

# Daphne makes its loop when it is imported.
asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

from daphne import cli, http_protocol  # noqa: E402


class Request(http_protocol.WebRequest):  # type: ignore[misc]
    """A request whose body nobody has parsed."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "parsePOSTFormSubmission": False})


def main() -> None:
    """Serve until told to stop."""
    # The factory of connections looks the class up by this name.
    http_protocol.WebRequest = Request
    cli.CommandLineInterface.entrypoint()


if __name__ == "__main__":
    main()
