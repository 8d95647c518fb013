"""Who asks, for whom, as part of which team and to what purpose: carried by every crossing."""

import contextlib
import contextvars
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class RequestContext:
    """Carry identity and purpose through a call; there is no default identity.

    Attributes:
        subject: URN of who asks: ``user:<username>`` or ``key:<uuid>``'s owner.
        team: slug of the team the call belongs to.
        actor: URN of the agent that acts for the subject, ``agent:<uuid>``, else None. None never
            means that a thing is allowed.
        purpose: why the data is wanted, such as ``agent-development``.
        locale: BCP 47 tag.
        assignments: experiment arm by experiment, for sticky ramps.
        attributes: what the caller tells of whom it calls for, see ``core.attributes``; the rules
            of ramps test them. They never go into logs.
        traceparent: W3C trace context of the caller, where there is one.
        request_id: of the HTTP request, for logs and error pages.
        key: URN of the API key that the call came with, None for a session.
        thread: URN of the conversation that the call belongs to, ``thread:<uuid>``.
        training_consent: whether the subject allows that models are trained with what is said.
    """

    subject: str
    team: str
    actor: str | None = None
    purpose: str = "agent-development"
    locale: str = "en"
    assignments: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    attributes: Mapping[str, bool | int | float | str] = field(
        default_factory=lambda: MappingProxyType({}), repr=False
    )
    traceparent: str | None = None
    request_id: str | None = None
    key: str | None = None
    thread: str | None = None
    training_consent: bool = False

    def acting_as(self, actor: str) -> "RequestContext":
        """Return the same context with an agent acting in it."""
        return replace(self, actor=actor)


_current: contextvars.ContextVar[RequestContext | None] = contextvars.ContextVar(
    "playground_request_context", default=None
)


def current() -> RequestContext | None:
    """Return the context of the running request or run, for logs only: verbs take it explicitly."""
    return _current.get()


@contextlib.contextmanager
def bound(context: RequestContext) -> Iterator[RequestContext]:
    """Make the context current inside the block."""
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)
