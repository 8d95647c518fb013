"""Fill a tool's arguments from what was said and from what earlier tools returned."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from playground.gateway.planner import coding, dating, naming, numbering, phrasing
from playground.gateway.planner.clause import Clause
from playground.gateway.planner.schemas import is_day, kind_of, rank, settled, words_of
from playground.gateway.planner.toolbox import Tool, entity_of
from playground.gateway.planner.wording import subject_of, terms

_QUERY = frozenset("query q search keywords question topic request what".split())
_FREE_TEXT = (
    _QUERY
    | phrasing.PROSE
    | frozenset("title subject summary term phrase item description".split())
)
_COUNT = frozenset(
    "limit count top max maximum n size k top_k max_results number_of_results".split()
)


def fill(
    tool: Tool,
    goal: str,
    *,
    whole: str,
    results: Sequence[Any] = (),
    today: dt.date | None = None,
) -> tuple[dict[str, Any], list[str]]:
    """Return the arguments that could be filled, and the required ones that could not.

    Args:
        goal: the clause the tool serves; ``whole`` the request it stands in.
        results: parsed results of the tools called before, oldest first.
    """
    filled = weigh(tool, goal, whole=whole, results=results, today=today)
    return filled.arguments, filled.missing


@dataclass(frozen=True)
class Filled:
    """A tool's arguments; ``evidence`` counts those that only such a tool could have a use for."""

    arguments: dict[str, Any]
    missing: list[str]
    evidence: int


def weigh(
    tool: Tool,
    goal: str,
    *,
    whole: str,
    results: Sequence[Any] = (),
    today: dt.date | None = None,
) -> Filled:
    """Fill a tool's arguments, and tell how much in the clause speaks for it."""
    day = today or dt.datetime.now(dt.UTC).date()
    clause = Clause(goal, whole, results, today=day)
    arguments, missing = _Filling(clause, tool.parameters).values(tool.properties, tool.required)
    return Filled(arguments, missing, clause.evidence)


class _Filling:
    """The way from a clause to the arguments of one schema; ``root`` holds its definitions."""

    def __init__(self, clause: Clause, root: Mapping[str, Any]) -> None:
        self.clause = clause
        self.root = root

    def values(
        self, properties: Mapping[str, Mapping[str, Any]], wanted: Sequence[str]
    ) -> tuple[dict[str, Any], list[str]]:
        """Return the values of several parameters, and which required ones have none."""
        schemas = {name: settled(schema, self.root) for name, schema in properties.items()}
        order = sorted(schemas, key=lambda name: rank(name, schemas[name], required=name in wanted))
        filled: dict[str, Any] = {}
        for name in order:
            if kind_of(schemas[name]) == "string" and "enum" not in schemas[name]:
                quote = self.clause.quote(words_of(name))
                filled |= {} if quote is None else {name: quote}
        for name in order:
            if name not in filled:
                value = self._value(name, schemas[name], required=name in wanted)
                if value is not None:
                    filled[name] = value
        missing = [
            name
            for name in properties
            if name in wanted and name not in filled and "default" not in schemas[name]
        ]
        return {name: filled[name] for name in properties if name in filled}, missing

    def _value(self, name: str, schema: Mapping[str, Any], *, required: bool) -> Any:
        """Return a value for one parameter, or None. What was said wins over what was found."""
        kind, lower = kind_of(schema), words_of(name)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._enum(name, schema, required=required)
        if kind == "boolean":
            return phrasing.flag(lower, self.clause.goal)
        if entity_of(lower) and kind in ("integer", "string", "number"):
            return self._identifier(lower, kind, required=required)
        if kind in ("integer", "number"):
            return self._number(lower, schema, integer=kind == "integer", required=required)
        if kind == "array":
            return self._array(lower, schema, required=required)
        if kind == "object":
            return self._object(schema)
        return self._string(lower, schema, required=required)

    def _enum(self, name: str, schema: Mapping[str, Any], *, required: bool) -> Any:
        said = self.clause.option(schema["enum"])
        known = self.clause.found(name) if required and said is None else None
        return known if said is None and known in schema["enum"] else said

    def _identifier(self, name: str, kind: str, *, required: bool) -> Any:
        entity = entity_of(name) or ""
        said = self.clause.identifier(entity, kind=kind, required=required)
        return self.clause.found(name, entity=entity) if said is None else said

    def _object(self, schema: Mapping[str, Any]) -> Any:
        filled, missing = self.values(schema.get("properties") or {}, schema.get("required") or ())
        return filled if filled and not missing else None

    def _objects(self, items: Mapping[str, Any]) -> list[Any] | None:
        """Fill one object for each part of a list, or one from the whole clause."""
        made = []
        for part in phrasing.parts(self.clause.goal):
            clause = Clause(part, part, (), today=self.clause.today)
            value = _Filling(clause, self.root)._object(items)
            if value is not None and clause.evidence:
                made.append(value)
        if made:
            return made
        one = self._object(items)
        return None if one is None else [one]

    def _number(
        self, name: str, schema: Mapping[str, Any], *, integer: bool, required: bool
    ) -> Any:
        if name in _COUNT:
            value = numbering.count(self.clause.goal)
            return None if value is None else _within(value, schema)
        described = str(schema.get("description", ""))
        number = self.clause.number(name, described, integer=integer, required=required)
        if number is None:
            return self.clause.found(name) if required else None
        return _within(int(number) if integer else number, schema)

    def _array(self, name: str, schema: Mapping[str, Any], *, required: bool) -> Any:
        items = settled(schema.get("items") or {}, self.root)
        if "enum" in items:
            chosen = [each for each in items["enum"] if phrasing.one_of([each], self.clause.goal)]
            return chosen or None
        if kind_of(items) == "object":
            return self._objects(items)
        if entity_of(name):
            value = self.clause.found(name, entity=entity_of(name) or "")
            return None if value is None else [value]
        if items.get("type") in ("integer", "number"):
            values = [number for _, number in numbering.numbers(self.clause.firm)]
            return [int(v) if items["type"] == "integer" else v for v in values] or None
        listed = phrasing.enumeration(name, self.clause.goal, anywhere=required) or (
            self.clause.quotes if required and self.clause.quotes else None
        )
        if listed:
            return listed
        return [subject_of(self.clause.goal)] if required and subject_of(self.clause.goal) else None

    def _string(self, name: str, schema: Mapping[str, Any], *, required: bool) -> Any:
        spoken = terms(f"{name} {schema.get('description', '')}")
        known = self.clause.found(name) if required else None
        parts = set(name.split("_"))
        if pattern := schema.get("pattern"):
            return self.clause.said(phrasing.matching(str(pattern), self.clause.goal)) or known
        if is_day(name, schema):
            return (
                self.clause.said(dating.date(self.clause.goal, today=self.clause.today, which=name))
                or known
            )
        if schema.get("format") == "time" or "time" in parts:
            return self.clause.said(dating.clock_time(self.clause.goal)) or known
        if schema.get("format") == "email" or {"email", "mail"} & parts:
            return self.clause.said(coding.email(self.clause.goal)) or self.clause.found(name)
        if "currency" in parts or {"currency", "code"} <= spoken:
            return self.clause.said(coding.currency(self.clause.goal, name))
        if coding.is_code(name, spoken):
            return self.clause.identifier(name, kind="string", required=required) or known
        if "language" in parts or ("language" in spoken and naming.language(self.clause.goal)):
            return self.clause.said(naming.language(self.clause.goal)) or known
        if naming.is_place(name, spoken):
            return self.clause.place(name, required=required) or known
        if naming.is_unit(name, spoken):
            return self.clause.said(naming.unit(self.clause.goal, name))
        if naming.is_person(name, spoken):
            person = self.clause.person(name, required=required)
            if person or not required:
                return person
        return self._words(name, required=required)

    def _words(self, name: str, *, required: bool) -> str | None:
        """Return a value in the clause's own words."""
        goal = self.clause.goal
        last = name.rpartition("_")[2]
        free = name in _FREE_TEXT or last in _FREE_TEXT
        labelled = phrasing.labelled(name, goal)
        if labelled or (not required and not free):
            return labelled
        if self.clause.quotes:
            return self.clause.said(self.clause.quotes.pop(0))
        if last in _QUERY:
            topic = phrasing.without_tail(goal, self.clause.firm)
            return phrasing.free_text(name, topic) or subject_of(topic) or None
        if not required:
            return None
        if {"expression", "formula"} & set(name.split("_")):
            return self.clause.said(phrasing.expression(goal)) or subject_of(goal) or None
        if last in phrasing.PROSE:
            full = self.clause.full
            return phrasing.free_text(name, full) or subject_of(full) or None
        if free:
            topic = phrasing.unclaimed(self.clause.firm)
            return phrasing.free_text(name, topic) or subject_of(topic) or None
        return self.clause.found(name) or self.clause.thing(name)


def _within(value: float, schema: Mapping[str, Any]) -> float:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None:
        value = max(value, low)
    return value if high is None else min(value, high)
