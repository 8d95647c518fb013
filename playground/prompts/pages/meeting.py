"""Show two people who edited one version what the other did."""

from dataclasses import dataclass
from typing import Any

from playground.core.errors import InvalidInput
from playground.policy.people import names_of
from playground.prompts.comparing import Section, compare, fold
from playground.prompts.composing import includes_of
from playground.prompts.content import content_of
from playground.prompts.finding import version_of
from playground.prompts.models import Prompt, PromptVersion
from playground.prompts.pages.editing import Typed
from playground.prompts.pages.previewing import discovers


@dataclass(frozen=True, slots=True)
class Meeting:
    """Two people's work on one version.

    Attributes:
        theirs: what the other saved since, held against what both began with.
        mine: one's own work, held against what the other saved.
    """

    latest: PromptVersion
    by: str
    theirs: list[Section]
    mine: list[Section]


def meet(prompt: Prompt, written: Typed, based_on: int | None) -> Meeting:
    """Say what the other changed, and what saving one's own on top would change of it."""
    latest = prompt.versions.newest_first()[0]
    base = version_of(prompt, version=based_on)
    theirs = fold(_changed(compare(content_of(body_of(base)), content_of(body_of(latest)))))
    by = names_of([latest.author])[latest.author]
    return Meeting(latest, by, theirs, against(latest, written))


def against(version: PromptVersion, written: Typed) -> list[Section]:
    """Hold what was typed against a version; empty where it cannot be read."""
    try:
        content = content_of(written.body)
    except InvalidInput:
        return []
    return fold(_changed(compare(content_of(body_of(version)), content)))


def body_of(version: PromptVersion) -> dict[str, Any]:
    """Return a version as the editor would send it: without inputs that nobody wrote."""
    body = version.content.as_json()
    if discovers(version.content, includes_of(version)):
        body.pop("inputs", None)
    return {key: value for key, value in body.items() if value}


def _changed(sections: list[Section]) -> list[Section]:
    return [each for each in sections if each.change != "same"]
