"""The tools of a request as the planner sees them, and which of them serves a clause."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from playground.gateway.embeddings import embed
from playground.gateway.planner.wording import asks_for_people, bare, opens_search, stem, terms

# A clause that is nearer to these than to any tool wants no tool.
DECOYS = (
    "Hello, good morning, how are you, thanks, bye: greetings and small talk.",
    "Who are you and what can you do? Questions about the assistant itself.",
    "Tell a joke, a poem or a story.",
    "Questions of general knowledge about history, science, philosophy and the world.",
)
LEXICAL_WEIGHT = 0.06
NAME_WEIGHT = 0.05
PEOPLE_WEIGHT = 0.03
# By how much something plainly searched for is nearer to the best tool than to small talk.
PLAINLY = 0.03
_PEOPLE = terms("people person persons somebody staff employee member contact customer user client")


@dataclass(frozen=True)
class Tool:
    """One function tool."""

    name: str
    description: str
    parameters: Mapping[str, Any]

    @property
    def words(self) -> str:
        return re.sub(r"[_\-.]+", " ", self.name)

    @property
    def text(self) -> str:
        return f"{self.words}: {self.description}"

    @property
    def properties(self) -> Mapping[str, Mapping[str, Any]]:
        found = self.parameters.get("properties")
        return found if isinstance(found, Mapping) else {}

    @property
    def required(self) -> Sequence[str]:
        return [name for name in self.parameters.get("required") or () if name in self.properties]


def tools_of(listed: Sequence[Mapping[str, Any]] | None) -> list[Tool]:
    """Read OpenAI function tools, passing over what is none."""
    found = []
    for entry in listed or ():
        function = entry.get("function") or {}
        if function.get("name"):
            found.append(
                Tool(
                    function["name"],
                    function.get("description") or "",
                    function.get("parameters") or {},
                )
            )
    return found


def ranked(goal: str, tools: Sequence[Tool]) -> list[tuple[Tool, float]]:
    """Order the tools by how well they serve a clause, each with its lead over doing nothing.

    Embedding similarity decides, helped by shared words; both only relative to the other tools
    and to the decoys, because similarities of this model all lie in a narrow band.
    """
    if not tools:
        return []
    wanted = embed([bare(goal) or goal], kind="query")[0]
    passages = embed([tool.text for tool in tools], kind="passage")
    decoy = float((embed(DECOYS, kind="passage") @ wanted).max())
    spoken = terms(goal)
    people = asks_for_people(goal) or (opens_search(goal) and "who" in goal.lower().split())
    scores = passages @ wanted + np.array(
        [
            _shared(spoken, tool) + PEOPLE_WEIGHT * (people and bool(_PEOPLE & terms(tool.text)))
            for tool in tools
        ]
    )
    if people or opens_search(goal):
        decoy = min(decoy, float(scores.max()) - PLAINLY)
    order = np.argsort(-scores)
    return [(tools[int(index)], float(scores[index]) - decoy) for index in order]


def _shared(spoken: frozenset[str], tool: Tool) -> float:
    if not spoken:
        return 0.0
    named = terms(tool.words)
    described = terms(tool.description) | named
    by_description = len(spoken & described) / len(spoken)
    by_name = len(spoken & named) / max(1, len(named))
    return LEXICAL_WEIGHT * by_description + NAME_WEIGHT * by_name


def entity_of(parameter: str) -> str | None:
    """Return what an identifier identifies: ``customer_id`` is of a customer."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", parameter).lower()
    match = re.fullmatch(r"(.+?)_?(?:id|ids|uuid|key|ref|number)", snake)
    return stem(match.group(1)) if match and match.group(1) else None


def source_of(parameter: str, tools: Sequence[Tool], *, but: Tool) -> Tool | None:
    """Return the tool whose results can supply an identifier: it finds things of that kind."""
    entity = entity_of(parameter)
    if entity is None:
        return None
    finders = [
        tool
        for tool in tools
        if tool is not but
        and parameter not in tool.properties
        and entity in terms(tool.text)
        and not any(entity_of(name) for name in tool.required)
    ]
    return max(finders, key=lambda tool: _finding(tool, entity), default=None)


_FINDING = terms("find search list look lookup browse query")
_DETAIL = terms("profile detail details full get read open show info record fetch view")
_COMPOSING = terms("draft write compose prepare generate recommend propose report create reply")


def _finding(tool: Tool, entity: str) -> tuple[bool, bool]:
    return (entity in terms(tool.words), bool(_FINDING & terms(tool.words)))


def opens(tool: Tool) -> bool:
    """Tell whether a tool shows one thing in full."""
    return bool(_DETAIL & terms(tool.words)) and not _COMPOSING & terms(tool.words)


def detail_of(parameter: str, tools: Sequence[Tool], *, before: Tool) -> Tool | None:
    """Return the tool that opens one thing in full, worth a look before writing about it."""
    if not _COMPOSING & terms(before.words):
        return None
    openers = [
        tool
        for tool in tools
        if tool is not before and list(tool.required) == [parameter] and opens(tool)
    ]
    return openers[0] if openers else None
