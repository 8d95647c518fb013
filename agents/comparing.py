"""Say how two versions of an agent differ. Pure: imports no Django."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from agents.specifying import AgentSpec
from playground.prompts.aligning import Sign, hunks, rows_of, signed

LineKind = Literal["same", "added", "removed", "gap"]
_KINDS: dict[Sign, LineKind] = {" ": "same", "+": "added", "-": "removed"}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a comparison."""

    kind: LineKind
    text: str


def differences(old: AgentSpec, new: AgentSpec) -> list[Line]:
    """Compare two wirings line by line, three lines of context around each change."""
    lines: list[Line] = []
    for hunk in hunks(rows_of(_written(old), _written(new))):
        if lines:
            lines.append(Line("gap", "⋯"))
        lines += [Line(_KINDS[sign], text) for sign, text in signed(hunk)]
    return lines


def _written(spec: AgentSpec) -> str:
    lines = [
        f"title: {spec.title}",
        f"description: {spec.description}",
        f"model: {spec.model}",
        f"step limit: {spec.step_limit}",
        f"planning: {'yes' if spec.planning else 'no'}",
        f"prompt taken by: {spec.prompt_label or 'this text'}",
        *_listed("skill", spec.skills),
        *_listed("suggested", spec.suggested),
        "prompt:",
        *(f"  {line}" for line in spec.prompt.splitlines()),
    ]
    return "\n".join(lines)


def _listed(word: str, items: Iterable[str]) -> list[str]:
    return [f"{word}: {item}" for item in items]
