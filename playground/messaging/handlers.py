"""Which code works on the runs of which kind of lane."""

from typing import Protocol

from playground.core.errors import DeveloperError
from playground.messaging.working import Work


class RunHandler(Protocol):
    """Answer one message.

    Returning means that the run succeeded. ``RunCancelled`` ends it as cancelled, an error that
    says it may be retried starts another attempt, any other ``PlaygroundError`` fails it.
    """

    def __call__(self, work: Work) -> None: ...


_handlers: dict[str, RunHandler] = {}


def register(kind: str, handler: RunHandler) -> None:
    """Let a handler work on lanes of this kind."""
    _handlers[kind] = handler


def handler_for(kind: str) -> RunHandler:
    """Return the handler of a kind of lane.

    Raises:
        DeveloperError: none is registered.
    """
    try:
        return _handlers[kind]
    except KeyError:
        raise DeveloperError("run.no-handler", "Nothing works on lanes of this kind.") from None
