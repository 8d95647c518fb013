"""The verb by which a socket posts: the room that knows the lane's kind registers it.

So REST and WebSocket share one verb, with its permission checks.
"""

import uuid
from typing import Protocol

from playground.core.context import RequestContext
from playground.core.errors import Unavailable
from playground.messaging.appending import Appended


class Poster(Protocol):
    """Append a person's message, after asking whether they may."""

    def __call__(
        self, context: RequestContext, thread_id: uuid.UUID, *, content: str, dedup_key: str | None
    ) -> Appended: ...


_posters: list[Poster] = []


def register(poster: Poster) -> None:
    """Make this the verb behind ``send`` frames."""
    _posters[:] = [poster]


def post(
    context: RequestContext, thread_id: uuid.UUID, *, content: str, dedup_key: str | None
) -> Appended:
    """Post through the registered verb.

    Raises:
        Unavailable: no room has registered one.
    """
    if not _posters:
        raise Unavailable("thread.no-poster", "Messages cannot be posted to this thread.")
    return _posters[0](context, thread_id, content=content, dedup_key=dedup_key)
