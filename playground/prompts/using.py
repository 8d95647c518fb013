"""Use a prompt by its label inside a run: chosen for who asks, seen in the trace, learnt from."""

import contextlib
import contextvars
import logging
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import DatabaseError

from playground.core import spans
from playground.core.context import RequestContext
from playground.core.errors import PlaygroundError
from playground.core.spans import SpanKind
from playground.gateway.prompting import attributes_of, caller_of
from playground.prompts.ramps import hearing_feedback, metrics
from playground.prompts.ramps.guarding_ramps import judge
from playground.prompts.ramps.telling_once import record_once
from playground.prompts.resolving import Chosen, choose, render_version
from playground.prompts.templating.rendering import Rendered

log = logging.getLogger(__name__)

_BLOCKED = "guardrail.blocked"

Note = Callable[[dict[str, Any]], None]
_noted: contextvars.ContextVar[Note | None] = contextvars.ContextVar("prompt_note", default=None)


@contextlib.contextmanager
def noting(note: Note) -> Iterator[None]:
    """Let ``note`` have what ``chosen_as_json`` tells of each prompt that is used inside."""
    token = _noted.set(note)
    try:
        yield
    finally:
        _noted.reset(token)


@dataclass(frozen=True, slots=True)
class Used:
    """A prompt as somebody got it: the version, why it is this one, and what it says."""

    chosen: Chosen
    rendered: Rendered
    _figures: dict[str, float] = field(default_factory=dict, init=False)

    def tell(self, **figures: float) -> None:
        """Say what the block alone knows of itself, by metric, such as its ``cost_usd``.

        A ramp learns of it where the block succeeds.
        """
        self._figures.update(figures)

    def as_json(self) -> dict[str, Any]:
        """Return what a run keeps of it."""
        return chosen_as_json(self.chosen)


@contextlib.contextmanager
def using(
    context: RequestContext,
    *,
    name: str,
    label: str,
    variables: Mapping[str, Any],
    key: str | None = None,
    once: str | None = None,
) -> Iterator[Used]:
    """Render a prompt for a block of work; a ramp on the label learns how the block ended.

    An error of ours counts against the arm, rendering included; what a rule stops is a block and
    no error. Whoever is stopped tells nothing. What people say of the run later counts, too.

    Args:
        once: names the work, which may be done again after a crash: that it succeeded counts once,
            and once that it failed.

    Raises:
        NotFound: there is no such prompt or label; nothing else is taken in its place.
        InvalidInput: it cannot be rendered with these variables.
    """
    chosen = choose(context, name=name, label=label, key=key)
    _note(chosen)
    begun = time.perf_counter()
    try:
        used = _rendered(chosen, variables, caller_of(context, key=key))
        yield used
    except PlaygroundError as error:
        outcome = _ended(blocked=error.code == _BLOCKED, failed=error.code != _BLOCKED)
        _tell(chosen, outcome, once=once and f"{once}/failed")
        raise
    ms = (time.perf_counter() - begun) * 1000
    _tell(chosen, {**_ended(), metrics.LATENCY_MS: ms, **used._figures}, once=once)


def chosen_as_json(chosen: Chosen) -> dict[str, Any]:
    """Return what a run keeps of a choice: the version, and why it is this one."""
    told = {
        "name": chosen.version.prompt.path,
        "version": chosen.version.number,
        "label": chosen.label,
        "arm": chosen.arm,
        "ramp": chosen.ramp,
        "reason": chosen.reason,
    }
    return {name: value for name, value in told.items() if value}


def _rendered(chosen: Chosen, variables: Mapping[str, Any], caller: Mapping[str, Any]) -> Used:
    name = chosen.version.prompt.name
    attributes = attributes_of(
        name,
        chosen.version.number,
        label=chosen.label,
        arm=chosen.arm,
        ramp=chosen.ramp,
        why=chosen.reason,
        caller=caller,
    )
    with spans.span(
        f"prompt {name}", SpanKind.PROMPT, attributes=attributes, input=variables
    ) as span:
        rendered = render_version(chosen.version, variables)
        span.output(rendered.text if rendered.text is not None else rendered.messages)
    return Used(chosen, rendered)


def _ended(*, failed: bool = False, blocked: bool = False) -> dict[str, float]:
    return {metrics.ERROR_RATE: float(failed), metrics.BLOCK_RATE: float(blocked)}


def _note(chosen: Chosen) -> None:
    if note := _noted.get():
        note(chosen_as_json(chosen))
    if chosen.observed is None:
        return
    try:
        hearing_feedback.note(chosen.observed)
    except (DatabaseError, ValueError) as error:
        log.warning("a ramp will not hear what is said of a run: %s", type(error).__name__)


def _tell(chosen: Chosen, outcome: Mapping[str, float], *, once: str | None = None) -> None:
    """Tell the ramp; that it cannot learn just now is no reason for the work to fail."""
    if chosen.observed is None:
        return
    try:
        if record_once(chosen.observed, outcome, key=once):
            judge(uuid.UUID(chosen.observed["ramp"]))
    except (PlaygroundError, DatabaseError) as error:
        log.warning("a ramp has not learnt of a use: %s", type(error).__name__)
