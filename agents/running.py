"""What it takes to fulfil an agent's turn: LangGraph is one way, see ``agents.graphs``."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from playground.core.context import RequestContext

StepStatus = Literal["running", "ok", "error"]


class Progress(Protocol):
    """What a runner tells while it works; ``messaging.working.Work`` is one."""

    def step(
        self,
        step_id: str,
        *,
        kind: str,
        name: str,
        title: str,
        status: StepStatus,
        summary: str = "",
        span_id: str | None = None,
        ms: int | None = None,
        data: dict[str, Any] | None = None,
    ) -> Any:
        """Show a step, or what has become of it."""

    def plan(self, items: list[dict[str, Any]]) -> Any:
        """Show the plan: items of ``id``, ``title`` and ``status``."""

    def delta(self, text: str) -> Any:
        """Show the next piece of the answer."""

    def clear_partial(self) -> Any:
        """Take back the pieces shown so far."""

    def usage(
        self, *, input_tokens: int = 0, output_tokens: int = 0, cost_usd: float | None = None
    ) -> Any:
        """Add to what the run has spent."""

    def raise_if_cancelled(self) -> Any:
        """Raise ``RunCancelled`` once somebody has asked to stop; cheap."""


@dataclass(slots=True)
class Draft:
    """What has been written of the answer, kept where a cancellation finds it."""

    text: str = ""
    records: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Turn:
    """One message to answer.

    Attributes:
        messages: system, history and the new message, as the OpenAI API writes them.
        skills: registry names of the skills that the agent may call.
        step_limit: model calls and tool calls together; the plan is not counted.
        fence: the right to write for the lane, see ``messaging``; None keeps no checkpoints.
        attempt: from 1; a later one resumes where the one before it was saved.
    """

    run_id: str
    lane_id: str
    context: RequestContext
    messages: Sequence[Mapping[str, Any]]
    model: str
    skills: tuple[str, ...]
    step_limit: int
    planning: bool
    progress: Progress
    attempt: int = 1
    fence: Any = None
    draft: Draft = field(default_factory=Draft)

    def step_id(self, node: str, *parts: object) -> str:
        """Name a step so that a second attempt names it the same."""
        return str(uuid.uuid5(uuid.UUID(self.run_id), ":".join((node, *map(str, parts)))))


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a turn ended.

    Attributes:
        text: the answer, or what to say instead of one.
        records: what each tool call was and gave, for the log.
        code: why there is no proper answer, else None.
    """

    text: str
    records: list[dict[str, Any]] = field(default_factory=list)
    code: str | None = None


class AgentRunner(Protocol):
    """Answer a turn, telling of each step, and stop soon after a cancellation."""

    def __call__(self, turn: Turn) -> Outcome: ...
