"""Hold prompts in memory, so that a call asks the database for none of them.

Every process asks two or three times a second whether what it holds has changed, and what is older
than ``FRESH_S`` is asked for before it is used: a change is in force everywhere within a second,
no message about it can be lost, and a process that was paused wakes up with nothing old. Redis only
says when to ask sooner. While the database is away the last known state stays in force.
"""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import transaction

from playground.core.context import RequestContext
from playground.core.errors import NotFound
from playground.policy.deciding import require
from playground.prompts.composing import includes_of
from playground.prompts.finding import LATEST
from playground.prompts.held.revising import revisions
from playground.prompts.held.shelf import Shelf
from playground.prompts.models import Prompt, PromptVersion
from playground.prompts.templating.fragments import Piece, reachable

log = logging.getLogger(__name__)

FRESH_S = 0.8
PATIENCE_S = 1.0
# A policy that denies from now on is in force this much later at most.
PERMITTED_S = 1.0
MAX_PROMPTS = 2_000
MAX_VERSIONS = 2_000
MAX_CHARACTERS = 50_000_000


@dataclass(slots=True)
class _Held:
    """A prompt and where its labels lead, as it was at ``at`` on this process's clock."""

    prompt: Prompt
    revision: UUID | None
    labels: Mapping[str, int]
    latest: int | None
    at: float

    @property
    def is_fresh(self) -> bool:
        return time.monotonic() - self.at < FRESH_S


@dataclass(slots=True)
class _Memory:
    """What this process holds: prompts by team and name, versions, and who may see what."""

    prompts: Shelf[tuple[str, str], _Held] = field(
        default_factory=lambda: Shelf(things=MAX_PROMPTS)
    )
    versions: Shelf[tuple[UUID, UUID | None, int], PromptVersion] = field(
        default_factory=lambda: Shelf(things=MAX_VERSIONS, weight=MAX_CHARACTERS)
    )
    permitted: Shelf[tuple[Any, ...], float] = field(
        default_factory=lambda: Shelf(things=MAX_PROMPTS * 4)
    )
    lock: threading.Lock = field(default_factory=threading.Lock)
    asked_at: float = -1e9


_memory = _Memory()


def find(
    context: RequestContext, *, name: str, label: str | None = None, version: int | None = None
) -> PromptVersion:
    """Return the version that is named; asks the database for what is not held or not fresh.

    Raises:
        NotFound: see ``finding``.
        PolicyDenied: the context may not see the prompt.
    """
    place = _place(context, name)
    held = _memory.prompts.get(place)
    if held is not None and not held.is_fresh:
        _refresh_for(place, held)
        held = _memory.prompts.get(place)
    if held is None:
        held = _load(place)
    if held is None or not _visible(held.prompt, context):
        raise NotFound("prompt.not-found", "There is no such prompt.")
    if not _is_permitted(context, held.prompt):
        at = time.monotonic()
        require(context, "view", held.prompt.resource(context), audit=False)
        _memory.permitted.put(_permission(context, held.prompt), at)
    number = _number(held, label=label, version=version)
    return _version(held, number) or _load_version(held, number)


def at_hand(
    context: RequestContext, *, name: str, label: str | None = None, version: int | None = None
) -> PromptVersion | None:
    """Return what ``find`` would, or None where it might have to ask the database.

    Raises:
        NotFound: the prompt is held, and has no such label.
    """
    held = _memory.prompts.get(_place(context, name))
    if held is None or not held.is_fresh or not _visible(held.prompt, context):
        return None
    if not _is_permitted(context, held.prompt):
        return None
    return _version(held, _number(held, label=label, version=version))


def version_of(prompt: Prompt, number: int) -> PromptVersion:
    """Return another version of a prompt that was found; asks the database for what is not held.

    Raises:
        NotFound: ``prompt.version-not-found``.
    """
    held = _memory.prompts.get((prompt.team.slug, prompt.name))
    if held is None or held.prompt is not prompt:
        return _read_version(prompt, number)
    return _version(held, number) or _load_version(held, number)


def version_at_hand(prompt: Prompt, number: int) -> PromptVersion | None:
    """Return another version of a prompt that is held, or None where it would have to be asked."""
    held = _memory.prompts.get((prompt.team.slug, prompt.name))
    return None if held is None or held.prompt is not prompt else _version(held, number)


def refresh() -> None:
    """Ask which of the prompts held have changed, and forget those; one query, or none."""
    with _memory.lock:
        _refresh()


def forget(prompt: UUID | None = None) -> None:
    """Let the next look at this prompt, or at any, ask the database."""
    for place, held in _memory.prompts.items():
        if prompt in (None, held.prompt.pk):
            _memory.prompts.drop(place, held)
    if prompt is None:
        _memory.versions.clear()
        _memory.permitted.clear()


def told() -> dict[UUID, dict[str, Any]]:
    """Return what is held of each prompt, for ``telling``."""
    numbers: dict[tuple[UUID, UUID | None], list[int]] = {}
    for (prompt, revision, number), _ in _memory.versions.items():
        numbers.setdefault((prompt, revision), []).append(number)
    return {
        held.prompt.pk: {
            "revision": held.revision,
            "labels": held.labels,
            "latest": held.latest,
            "versions": sorted(numbers.get((held.prompt.pk, held.revision), ())),
        }
        for _, held in _memory.prompts.items()
    }


def _place(context: RequestContext, name: str) -> tuple[str, str]:
    team, _, short = name.rpartition("/")
    return team or context.team, short


def _visible(prompt: Prompt, context: RequestContext) -> bool:
    return prompt.team.slug == context.team or prompt.shared


def _permission(context: RequestContext, prompt: Prompt) -> tuple[Any, ...]:
    return (context.subject, context.actor, context.team, context.purpose, prompt.pk)


def _is_permitted(context: RequestContext, prompt: Prompt) -> bool:
    at = _memory.permitted.get(_permission(context, prompt))
    return at is not None and time.monotonic() - at < PERMITTED_S


def _number(held: _Held, *, label: str | None, version: int | None) -> int:
    if version is not None:
        return version
    if label in (None, LATEST):
        if held.latest is None:
            raise NotFound("prompt.version-not-found", f"{held.prompt} has no version.")
        return held.latest
    number = held.labels.get(label or "")
    if number is None:
        raise NotFound("prompt.label-unknown", f"{held.prompt} has no such label.")
    return number


def _version(held: _Held, number: int) -> PromptVersion | None:
    # That a version is archived is news of its prompt, which then has another revision.
    return _memory.versions.get((held.prompt.pk, held.revision, number))


def _refresh_for(place: tuple[str, str], held: _Held) -> None:
    """Refresh, once for all that wait; no longer than ``PATIENCE_S`` for a database that hangs."""
    patience_s = max(0.05, _memory.asked_at + PATIENCE_S - time.monotonic())
    if _memory.lock.acquire(timeout=patience_s):
        try:
            if _memory.prompts.get(place) is held and not held.is_fresh:
                _refresh()
        finally:
            _memory.lock.release()


def _refresh() -> None:
    held = _memory.prompts.items()
    # Dated from before the question, so that no change made meanwhile is taken for seen.
    at = _memory.asked_at = time.monotonic()
    stored: dict[UUID, UUID] = {}
    if held:
        try:
            stored = revisions([each.prompt.pk for _, each in held])
        except Exception as error:
            log.warning("the last known prompts stay in force: %s", type(error).__name__)
            stored = {each.prompt.pk: each.revision for _, each in held if each.revision}
    for place, each in held:
        if stored.get(each.prompt.pk) == each.revision:
            each.at = at
        else:
            _memory.prompts.drop(place, each)


def _load(place: tuple[str, str]) -> _Held | None:
    team, name = place
    at = time.monotonic()
    with transaction.atomic():
        prompts = Prompt.objects.select_related("team").filter(team__slug=team, name=name)
        known = list(prompts.values_list("pk", flat=True))
        # Read before the rest: a change that comes meanwhile is noticed, never overlooked.
        stored = revisions(known)
        prompt = prompts.filter(pk__in=known).first()
        if prompt is None:
            return None
        labels = dict(prompt.labels.values_list("name", "version__number"))
        newest = prompt.versions.current()
        # Kept with the prompt, for whoever must not ask.
        _ = prompt.ramps_in_force
    latest = newest.number if newest else None
    held = _Held(prompt, stored.get(prompt.pk), labels, latest, at)
    _memory.prompts.put(place, held)
    return held


def _load_version(held: _Held, number: int) -> PromptVersion:
    version = _read_version(held.prompt, number)
    # All of it is read here: whoever gets it from memory is on an event loop.
    below = reachable(Piece("", includes_of(version)))
    weight = len(version.composed_from) + len(version.content.model_dump_json())
    weight += sum(len(each.template) for each in below)
    _memory.versions.put((held.prompt.pk, held.revision, number), version, weight=weight)
    return version


def _read_version(prompt: Prompt, number: int) -> PromptVersion:
    version = None
    if 0 < number < 2**31:
        version = PromptVersion.objects.filter(prompt=prompt, number=number).first()
    if version is None:
        raise NotFound("prompt.version-not-found", f"{prompt} has no version {number}.")
    version.prompt = prompt
    return version
