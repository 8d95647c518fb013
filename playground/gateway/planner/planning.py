"""From a request to the tools to call, in order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from playground.gateway.planner.filling import fill, weigh
from playground.gateway.planner.following import only_points
from playground.gateway.planner.toolbox import Tool, detail_of, entity_of, ranked, source_of
from playground.gateway.planner.wording import bare, goals, opens_search, terms

MAX_STEPS = 12
# How much nearer a tool must be to win over one that needs one value less which nobody said.
MISSING_COST = 0.04
# How much nearer a tool is for each value that is said in a form only it has a parameter for.
EVIDENCE = 0.02
MAX_EVIDENCE = 3
# A clause without any value is small talk unless a tool is this much nearer.
SMALL_TALK = 0.02
# A difference that says nothing about which of two tools is meant.
NEARLY_EQUAL = 0.04


@dataclass(frozen=True)
class PlannedStep:
    """One tool to call, for one clause of the request."""

    tool: Tool
    goal: str


def plan(request: str, tools: Sequence[Tool], *, known: Sequence[Any] = ()) -> list[PlannedStep]:
    """Return the calls that serve the request's clauses.

    A tool that needs an identifier which nobody said comes after the tool that finds it, and
    before something is written about a thing, the thing is opened in full.

    Args:
        known: results from earlier in the conversation that the request speaks of.
    """
    steps: list[PlannedStep] = []
    clauses = goals(request)
    chosen = [_choose(goal, request, tools, known) for goal in clauses]
    for index, goal in enumerate(clauses):
        tool = _supplier(goal, request, chosen[index], chosen[index + 1 :], tools, known)
        if tool is None:
            continue
        if steps and steps[-1].tool is tool and not terms(goal) - terms(steps[-1].goal):
            continue
        _prepare(tool, goal, request, tools, steps, known=known, depth=0)
        steps.append(PlannedStep(tool, goal))
    return steps[:MAX_STEPS]


def _choose(goal: str, request: str, tools: Sequence[Tool], known: Sequence[Any]) -> Tool | None:
    """Return the tool that serves a clause best, or None where none is nearer than small talk."""
    best: tuple[float, Tool] | None = None
    for tool, margin in ranked(goal, tools):
        if margin <= -EVIDENCE * MAX_EVIDENCE:
            break
        filled = weigh(tool, goal, whole=request, results=known)
        spoken_for = margin + EVIDENCE * min(filled.evidence, MAX_EVIDENCE)
        if margin <= (0 if filled.evidence else SMALL_TALK) and (
            filled.missing or not filled.evidence or spoken_for <= 0
        ):
            continue
        worth = spoken_for - MISSING_COST * len(filled.missing)
        if best is None or worth > best[0]:
            best = (worth, tool)
    return best[1] if best else None


def _supplier(
    goal: str,
    request: str,
    chosen: Tool | None,
    later: Sequence[Tool | None],
    tools: Sequence[Tool],
    known: Sequence[Any],
) -> Tool | None:
    """Return the tool for a clause, in the light of what later clauses need.

    Where two tools fit about equally, the one that finds what comes up later is meant.
    """
    if chosen is None:
        return None
    if opens_search(goal):
        for name in fill(chosen, goal, whole=request, results=known)[1]:
            if source := source_of(name, tools, but=chosen):
                return source
    margins = {tool.name: margin for tool, margin in ranked(goal, tools)}
    for tool in later:
        if tool is None:
            continue
        for name in fill(tool, request, whole=request, results=known)[1]:
            source = source_of(name, tools, but=tool)
            if source and margins[chosen.name] - margins[source.name] < NEARLY_EQUAL:
                return source
    return chosen


def _prepare(
    tool: Tool,
    goal: str,
    request: str,
    tools: Sequence[Tool],
    steps: list[PlannedStep],
    *,
    known: Sequence[Any],
    depth: int,
) -> None:
    _, missing = fill(tool, goal, whole=request, results=known)
    if not steps and only_points(goal):
        # Nobody knows whom "her" means: better to ask than to take whoever comes first.
        return
    for name in missing:
        entity = entity_of(name)
        if entity is None or depth > 2:
            continue
        source = source_of(name, tools, but=tool)
        planned = {step.tool.name for step in steps}
        if source is not None and source.name not in planned:
            _prepare(source, goal, request, tools, steps, known=known, depth=depth + 1)
            steps.append(PlannedStep(source, goal))
        detail = detail_of(name, tools, before=tool)
        if source is not None and detail is not None and detail.name not in planned:
            steps.append(PlannedStep(detail, goal))


def title_of(step: PlannedStep) -> str:
    """Name a step for a person: the clause where it is the tool's own, else the tool."""
    words = step.tool.words.split()
    readable = " ".join(words[1:] if len(words) > 2 else words)
    return readable.capitalize() or bare(step.goal)
