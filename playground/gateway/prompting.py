"""Fill a call's messages from a stored prompt, which the room of the prompts knows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from playground.core.context import RequestContext
from playground.core.errors import NotFound


@dataclass(frozen=True, slots=True)
class Resolved:
    """A rendered prompt: OpenAI messages, and the version they were rendered from.

    Attributes:
        label: by which the version was named, where it was.
        arm: of a ramp that chose the version.
        reason: in words, why it is this version.
        observed: JSON that goes with the call, for ``keeping``'s observers to know it by.
        ramp: id of the ramp.
    """

    name: str
    version: int
    messages: Sequence[Mapping[str, Any]]
    label: str | None = None
    arm: str | None = None
    reason: str = ""
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
        )


def attributes_of(
    name: str,
    version: int,
    *,
    label: str | None = None,
    arm: str | None = None,
    ramp: str | None = None,
    why: str,
) -> dict[str, Any]:
    """Return what spans tell of a prompt, whoever took it: a call, a run or a workbench."""
    told = {
        "gen_ai.prompt.name": name,
        "playground.prompt.version": version,
        "playground.prompt.label": label,
        "playground.prompt.arm": arm,
        "playground.prompt.ramp": ramp,
        "playground.prompt.why": why,
    }
    return {attribute: value for attribute, value in told.items() if value}


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
