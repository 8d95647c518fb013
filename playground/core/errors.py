"""The error taxonomy: one class for each party who can act on an error.

``code`` is stable and documented in ``docs/errors.md``; ``detail`` is for people and never holds
secrets, tokens or the text of a conversation.
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class PlaygroundError(Exception):
    """An expected failure with a stable code.

    Args:
        code: stable, lower case, dotted or dashed: ``thread.not-found``.
        detail: one sentence for a person.
        http_status: overrides the class's status.
        retryable: overrides whether the same call may succeed later.
        extra: machine-readable members of the problem document.
    """

    http_status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    title: ClassVar[str] = "Something went wrong"

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        http_status: int | None = None,
        retryable: bool | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.status = self.http_status if http_status is None else http_status
        self.may_retry = self.retryable if retryable is None else retryable
        self.extra = extra


def said_of(fault: Mapping[str, Any]) -> str:
    """Return what a fault that pydantic found says, without the exception that said it."""
    return str(fault.get("msg", "")).removeprefix("Value error, ")


class InvalidInput(PlaygroundError):
    """The caller can mend the request."""

    http_status = 422
    title = "The request is not valid"


class NotFound(PlaygroundError):
    """There is no such thing, or none that this caller may know of: the two answer alike."""

    http_status = 404
    title = "Not found"


class Conflict(PlaygroundError):
    """The request contradicts what is stored."""

    http_status = 409
    title = "Conflict"


class Unauthenticated(PlaygroundError):
    """Nobody is signed in and no valid key came along."""

    http_status = 401
    title = "Sign in first"


class PolicyDenied(PlaygroundError):
    """A policy forbids it; an administrator can act."""

    http_status = 403
    title = "Not allowed"


class QuotaExceeded(PlaygroundError):
    """A budget or rate limit is used up; waiting or a budget owner helps."""

    http_status = 429
    retryable = True
    title = "Too much"


class DeveloperError(PlaygroundError):
    """The agent, prompt or skill is wrongly built; its developer can act."""

    http_status = 422
    title = "The agent, prompt or skill is not valid"


class ProviderError(PlaygroundError):
    """A model provider failed; ``may_retry`` tells whether trying again can help."""

    http_status = 502
    retryable = True
    title = "The model provider failed"


class Unavailable(PlaygroundError):
    """A part of the platform is down; trying again later helps."""

    http_status = 503
    retryable = True
    title = "Temporarily unavailable"


class ModelRetry(PlaygroundError):
    """The model can act: it is told what was wrong with its tool call and tries again."""

    http_status = 422
    retryable = True
    title = "The model's call was not valid"
