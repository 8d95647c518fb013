"""The HTML that goes with an event on a socket opened with ``?html=1``."""

import logging
import uuid
from typing import Any, Protocol

from playground.core.context import RequestContext

log = logging.getLogger(__name__)


class Renderer(Protocol):
    """Render the fragments that an event changes, each with the id of what it replaces."""

    def __call__(
        self, lane_id: uuid.UUID, event: dict[str, Any], context: RequestContext
    ) -> str: ...


_renderers: list[Renderer] = []


def register(renderer: Renderer) -> None:
    """Make this the renderer of every socket."""
    _renderers[:] = [renderer]


def render(lane_id: uuid.UUID, event: dict[str, Any], context: RequestContext) -> str:
    """Render an event; one that cannot be rendered is logged and goes out without HTML."""
    if not _renderers:
        return ""
    try:
        return str(_renderers[0](lane_id, event, context))
    except Exception:
        log.exception("event %s of lane %s cannot be rendered", event.get("type"), lane_id)
        return ""
