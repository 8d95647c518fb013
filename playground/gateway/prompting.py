"""Fill a call's messages from a stored prompt, which the room of the prompts knows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from playground.core.context import RequestContext
from playground.core.errors import NotFound

NAME = "gen_ai.prompt.name"
LABEL = "playground.prompt.label"
CALLER = "playground.prompt.caller"


@dataclass(frozen=True, slots=True)
class Resolved:
    """A rendered prompt: OpenAI messages, and the version they were rendered from.

    Attributes:
        label: by which the version was named, where it was.
        arm: of a ramp that chose the version.
        reason: in words, why it is this version.
        caller: what a ramp may know its caller by, see ``caller_of``.
        observed: JSON that goes with the call, for ``keeping``'s observers to know it by.
        ramp: id of the ramp.
    """

    name: str
    version: int
    messages: Sequence[Mapping[str, Any]]
    label: str | None = None
    arm: str | None = None
    reason: str = ""
    caller: Mapping[str, Any] | None = None
    observed: Mapping[str, Any] | None = None
    ramp: str | None = None

    @property
    def attributes(self) -> dict[str, Any]:
        """Return what a span tells of it."""
        return attributes_of(
            self.name,
            self.version,
            label=self.label,
            arm=self.arm,
            ramp=self.ramp,
            why=self.reason,
            caller=self.caller,
        )


def attributes_of(
    name: str,
    version: int,
    *,
    label: str | None = None,
    arm: str | None = None,
    ramp: str | None = None,
    why: str,
    caller: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return what spans tell of a prompt, whoever took it: a call, a run or a workbench."""
    told = {
        **{f"{CALLER}.{fact}": value for fact, value in (caller or {}).items()},
        NAME: name,
        "playground.prompt.version": version,
        LABEL: label,
        "playground.prompt.arm": arm,
        "playground.prompt.ramp": ramp,
        "playground.prompt.why": why,
    }
    return {attribute: value for attribute, value in told.items() if value}


def caller_of(context: RequestContext, *, key: str | None) -> dict[str, Any]:
    """Return what a ramp may know a caller by, beside the trace's own subject and team."""
    return {
        "key": key,
        "came_with": context.key,
        "thread": context.thread,
        "actor": context.actor,
        "purpose": context.purpose,
        "locale": context.locale,
        "attributes": dict(context.attributes),
    }


class PromptResolver(Protocol):
    """Find a prompt of the context's team and render it.

    ``key`` stays with one arm where a ramp runs on the label, such as ``member:42``.

    Raises:
        NotFound: there is no such prompt, version or label; nothing else is taken in its place.
        InvalidInput: it cannot be rendered with these variables.
    """

    def __call__(
        self,
        context: RequestContext,
        *,
        name: str,
        label: str | None,
        version: int | None,
        variables: Mapping[str, Any],
        key: str | None = None,
    ) -> Resolved: ...


_resolvers: list[PromptResolver] = []


def register(resolver: PromptResolver) -> None:
    """Let this resolver answer from now on."""
    _resolvers[:] = [resolver]


def resolve(
    context: RequestContext,
    *,
    name: str,
    label: str | None,
    version: int | None,
    variables: Mapping[str, Any],
    key: str | None = None,
) -> Resolved:
    """Find and render a prompt; see ``PromptResolver``. Asks the database."""
    if not _resolvers:
        raise NotFound("prompt.not-found", "No prompts are kept here.")
    return _resolvers[0](
        context, name=name, label=label, version=version, variables=variables, key=key
    )
