"""Use a prompt by its label inside a run: chosen for who asks, seen in the trace, learnt from."""

import contextlib
import logging
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import DatabaseError

from playground.core import spans
from playground.core.context import RequestContext
from playground.core.errors import PlaygroundError
from playground.core.spans import SpanKind
from playground.gateway.prompting import attributes_of, caller_of
from playground.prompts.ramps import metrics, observing
from playground.prompts.ramps.guarding_ramps import judge
from playground.prompts.resolving import Chosen, choose, render_version
from playground.prompts.templating.rendering import Rendered

log = logging.getLogger(__name__)

_BLOCKED = "guardrail.blocked"


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
        chosen = self.chosen
        told = {
            "name": chosen.version.prompt.path,
            "version": chosen.version.number,
            "label": chosen.label,
            "arm": chosen.arm,
            "reason": chosen.reason,
        }
        return {name: value for name, value in told.items() if value}


@contextlib.contextmanager
def using(
    context: RequestContext,
    *,
    name: str,
    label: str,
    variables: Mapping[str, Any],
    key: str | None = None,
) -> Iterator[Used]:
    """Render a prompt for a block of work; a ramp on the label learns how the block ended.

    An error of ours counts against the arm, rendering included; what a rule stops is a block and
    no error. Whoever is stopped tells nothing.

    Raises:
        NotFound: there is no such prompt or label; nothing else is taken in its place.
        InvalidInput: it cannot be rendered with these variables.
    """
    chosen = choose(context, name=name, label=label, key=key)
    begun = time.perf_counter()
    try:
        used = _rendered(chosen, variables, caller_of(context, key=key))
        yield used
    except PlaygroundError as error:
        _tell(chosen, _ended(blocked=error.code == _BLOCKED, failed=error.code != _BLOCKED))
        raise
    ms = (time.perf_counter() - begun) * 1000
    _tell(chosen, {**_ended(), metrics.LATENCY_MS: ms, **used._figures})


def _rendered(chosen: Chosen, variables: Mapping[str, Any], caller: Mapping[str, Any]) -> Used:
    name = chosen.version.prompt.name
    attributes = attributes_of(
        name,
        chosen.version.number,
        label=chosen.label,
        arm=chosen.arm,
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


def _tell(chosen: Chosen, outcome: Mapping[str, float]) -> None:
    """Tell the ramp; that it cannot learn just now is no reason for the work to fail."""
    if chosen.observed is None:
        return
    try:
        if observing.record(chosen.observed, outcome):
            judge(uuid.UUID(chosen.observed["ramp"]))
    except (PlaygroundError, DatabaseError) as error:
        log.warning("a ramp has not learnt of a use: %s", type(error).__name__)
