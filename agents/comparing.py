"""Say how two versions of an agent differ. Pure: imports no Django."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from agents.specifying import AgentSpec

LineKind = Literal["same", "added", "removed", "gap"]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a comparison."""

    kind: LineKind
    text: str


def differences(old: AgentSpec, new: AgentSpec) -> list[Line]:
    """Compare two wirings line by line, three lines of context around each change."""
    lines: list[Line] = []
    compared = difflib.unified_diff(_written(old), _written(new), lineterm="", n=3)
    for line in list(compared)[2:]:
        if line.startswith("@@"):
            if lines:
                lines.append(Line("gap", "⋯"))
        else:
            kinds: dict[str, LineKind] = {"+": "added", "-": "removed"}
            lines.append(Line(kinds.get(line[0], "same"), line[1:]))
    return lines


def _written(spec: AgentSpec) -> list[str]:
    return [
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


def _listed(word: str, items: Iterable[str]) -> list[str]:
    return [f"{word}: {item}" for item in items]
