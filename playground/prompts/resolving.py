"""Choose the version of a prompt that somebody names, and render it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from playground.core.context import RequestContext
from playground.core.errors import InvalidInput
from playground.gateway.prompting import Resolved
from playground.prompts.composing import includes_of
from playground.prompts.content import PromptKind
from playground.prompts.finding import find_prompt, version_of
from playground.prompts.models import Prompt, PromptVersion
from playground.prompts.rendering import Rendered, render
from playground.prompts.validating import check_variables


@dataclass(frozen=True, slots=True)
class Chosen:
    """A version and why it is this one.

    Attributes:
        label: by which it was found; None where a number named it.
        arm: of a ramp, where one runs on the label.
        reason: in words, for spans and pages.
    """

    version: PromptVersion
    label: str | None
    arm: str | None = None
    reason: str = ""


class Assigner(Protocol):
    """Choose another version than the one behind a label, or None to leave it.

    Args:
        key: what stays with one arm, such as ``member:42`` or ``thread:<uuid>``; None where the
            caller named nothing, and then the context's subject is who asks.
    """

    def __call__(
        self, context: RequestContext, *, prompt: Prompt, chosen: Chosen, key: str | None
    ) -> Chosen | None: ...


_assigners: list[Assigner] = []


def register_assigner(assigner: Assigner) -> None:
    """Let this assigner look at every version that is named by a label."""
    _assigners[:] = [assigner]


def find(
    context: RequestContext, *, name: str, label: str | None = None, version: int | None = None
) -> PromptVersion:
    """Return the version that is named, by number or by label; the newest is ``latest``.

    Raises:
        NotFound: ``prompt.not-found``, ``prompt.version-not-found``, ``prompt.label-unknown``.
    """
    prompt = find_prompt(context, name, audit=False)
    return version_of(prompt, label=label, version=version)


def choose(
    context: RequestContext,
    *,
    name: str,
    label: str | None = None,
    version: int | None = None,
    key: str | None = None,
) -> Chosen:
    """Return the version that somebody gets who names it so, and why; see ``find``.

    A number is exact; behind a label a ramp may choose for the key.

    Raises:
        InvalidInput: ``prompt.label-and-version``, both are named.
    """
    if label is not None and version is not None:
        raise InvalidInput("prompt.label-and-version", "Name a label or a version, not both.")
    found = find(context, name=name, label=label, version=version)
    if version is not None:
        return Chosen(found, None, reason=f"version {version} was asked for")
    chosen = Chosen(found, label, reason=f"label {label}" if label else "the newest version")
    for assigner in _assigners if label else ():
        chosen = assigner(context, prompt=found.prompt, chosen=chosen, key=key) or chosen
    return chosen


def render_version(
    version: PromptVersion,
    variables: Mapping[str, Any],
    *,
    history: Sequence[Mapping[str, Any]] | None = None,
) -> Rendered:
    """Render a stored version with the fragments that it was saved with.

    Raises:
        InvalidInput: ``prompt.inputs``, the variables do not fit; or see ``rendering.render``.
    """
    given = variables if history is None else {"history": history, **variables}
    check_variables(version.inputs, given)
    return render(version.content, given, includes=includes_of(version))


def resolve(
    context: RequestContext,
    *,
    name: str,
    label: str | None,
    version: int | None,
    variables: Mapping[str, Any],
) -> Resolved:
    """Render a prompt for a call of a model; see ``PromptResolver``.

    Raises:
        InvalidInput: ``prompt.not-chat``, it is a text, which has no role.
    """
    chosen = choose(context, name=name, label=label, version=version)
    found = chosen.version
    if found.prompt.kind != PromptKind.CHAT:
        raise InvalidInput("prompt.not-chat", f"{found.prompt} is a {found.prompt.kind}.")
    rendered = render_version(found, variables)
    return Resolved(
        found.prompt.name,
        found.number,
        rendered.messages,
        label=chosen.label,
        arm=chosen.arm,
        reason=chosen.reason,
    )
