"""Fill a tool's arguments from what was said and from what earlier tools returned."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from playground.gateway.planner import reading
from playground.gateway.planner.toolbox import Tool, entity_of
from playground.gateway.planner.wording import ordinal, quotations, stem, subject_of, terms

_FREE_TEXT = frozenset(
    """query q search question expression text message content body prompt topic subject title
    description summary note notes comment request keywords term phrase name input statement
    instruction reason problem issue what item sentence formula""".split()
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
    day = today or dt.datetime.now(dt.UTC).date()
    filling = _Filling(goal, whole, results, day)
    arguments: dict[str, Any] = {}
    missing: list[str] = []
    for name, schema in tool.properties.items():
        required = name in tool.required
        value = filling.value(name, _settled(schema, tool.parameters), required=required)
        if value is not None:
            arguments[name] = value
        elif required and "default" not in schema:
            missing.append(name)
    return arguments, missing


def _settled(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a local reference, and take the part of ``anyOf`` that is not null."""
    for _ in range(4):
        if "$ref" in schema:
            named = str(schema["$ref"]).rpartition("/")[2]
            target = (root.get("$defs") or root.get("definitions") or {}).get(named) or {}
            schema = {**target, **{k: v for k, v in schema.items() if k != "$ref"}}
            continue
        choices = schema.get("anyOf") or schema.get("oneOf")
        if not choices:
            break
        real = [choice for choice in choices if choice.get("type") != "null"]
        rest = {k: v for k, v in schema.items() if k not in ("anyOf", "oneOf")}
        schema = {**rest, **(real[0] if real else {})}
    return schema


class _Filling:
    def __init__(self, goal: str, whole: str, results: Sequence[Any], today: dt.date) -> None:
        self.goal = goal
        self.whole = whole
        self.results = results
        self.today = today
        self.taken_numbers: set[int] = set()
        self.taken_places: set[str] = set()
        self.quotes = quotations(goal)
        self.place = ordinal(goal)

    def value(self, name: str, schema: Mapping[str, Any], *, required: bool) -> Any:
        """Return a value for one parameter, or None. What was said wins over what was found."""
        kind = schema.get("type")
        if isinstance(kind, list):
            kind = next((each for each in kind if each != "null"), "string")
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._enum(name, schema, required=required)
        if kind == "boolean":
            return reading.flag(name, self.goal)
        if entity_of(name) and kind in ("integer", "string", "number"):
            return self._identifier(name, str(kind))
        if kind in ("integer", "number"):
            return self._number(name, schema, integer=kind == "integer", required=required)
        if kind == "array":
            return self._array(name, schema, required=required)
        if kind == "object":
            return None
        return self._string(name, schema, required=required)

    def _enum(self, name: str, schema: Mapping[str, Any], *, required: bool) -> Any:
        for text in (self.goal, self.whole):
            found = reading.one_of(schema["enum"], text)
            if found is not None:
                return found
        return self._found(name) if required and self._found(name) in schema["enum"] else None

    def _identifier(self, name: str, kind: str) -> Any:
        entity = entity_of(name) or ""
        said = reading.identifier(entity, self.goal, integer=kind != "string")
        if said is not None:
            return said
        return self._found(name, entity=entity)

    def _number(
        self, name: str, schema: Mapping[str, Any], *, integer: bool, required: bool
    ) -> Any:
        if name.lower() in _COUNT:
            value = reading.count(self.goal)
            return None if value is None else _within(value, schema)
        near = reading.number_near(terms(f"{name} {schema.get('description', '')}"), self.goal)
        spoken = reading.numbers(self.goal)
        free = [n for n in spoken if n[0] not in self.taken_numbers]
        chosen = near if near and near[0] not in self.taken_numbers else None
        if chosen is None and required and free:
            chosen = free[0]
        if chosen is None:
            return self._found(name) if required else None
        self.taken_numbers.add(chosen[0])
        return _within(int(chosen[1]) if integer else chosen[1], schema)

    def _array(self, name: str, schema: Mapping[str, Any], *, required: bool) -> Any:
        items = schema.get("items") or {}
        if "enum" in items:
            chosen = [each for each in items["enum"] if reading.one_of([each], self.goal)]
            return chosen or None
        if entity_of(name):
            value = self._found(name, entity=entity_of(name) or "")
            return None if value is None else [value]
        if items.get("type") in ("integer", "number"):
            values = [number for _, number in reading.numbers(self.goal)]
            return [int(v) if items["type"] == "integer" else v for v in values] or None
        listed = reading.enumeration(name, self.goal, anywhere=required) or (
            self.quotes if required and self.quotes else None
        )
        if listed:
            return listed
        return [subject_of(self.goal)] if required and subject_of(self.goal) else None

    def _string(self, name: str, schema: Mapping[str, Any], *, required: bool) -> Any:
        lower = name.lower()
        described = str(schema.get("description", ""))
        spoken = terms(f"{name} {described}")
        if schema.get("format") in ("date", "date-time") or _named(
            lower, "date", "day", "when", "deadline", "checkin", "checkout"
        ):
            day = reading.date(self.goal, today=self.today, which=lower)
            return day or (self._found(name) if required else None)
        if schema.get("format") == "time" or _named(lower, "time"):
            return reading.clock_time(self.goal) or (self._found(name) if required else None)
        if schema.get("format") == "email" or _named(lower, "email", "mail"):
            return reading.email(self.goal) or self._found(name)
        if _named(lower, "currency") or ("currency" in spoken and "code" in spoken):
            return reading.code(self.goal, lower)
        if "language" in spoken and (required or reading.language(self.goal)):
            language = reading.language(self.goal)
            if language:
                return language
        if reading.is_place(lower, spoken):
            place = reading.place(self.goal, lower, taken=self.taken_places) or (
                None
                if reading.names_direction(lower)
                else reading.place(self.whole, lower, taken=self.taken_places)
            )
            if place:
                self.taken_places.add(place)
                return place
            return self._found(name) if required else None
        if reading.is_unit(lower, spoken):
            return reading.unit(self.goal, lower) or None
        if reading.is_person(lower, spoken):
            person = reading.person(self.goal)
            if person or not required:
                return person
        if not required and not _free(lower):
            return reading.labelled(name, self.goal)
        labelled = reading.labelled(name, self.goal)
        if labelled:
            return labelled
        if self.quotes:
            return self.quotes.pop(0)
        if not required and lower not in ("query", "q", "search", "keywords"):
            return None
        if _free(lower):
            return reading.free_text(lower, self.goal) or subject_of(self.goal) or None
        return (
            self._found(name)
            or reading.proper_name(self.goal)
            or (reading.after_preposition(self.goal) or subject_of(self.goal) or None)
        )

    def _found(self, name: str, *, entity: str = "") -> Any:
        """Look a value up in earlier results, the newest first."""
        for result in reversed(self.results):
            value = _dig(result, name, entity, place=self.place)
            if value is not None:
                return value
        return None


def _free(name: str) -> bool:
    return name in _FREE_TEXT or name.rpartition("_")[2] in _FREE_TEXT


def _named(name: str, *wanted: str) -> bool:
    return bool(set(name.split("_")) & set(wanted)) or name in wanted


def _within(value: float, schema: Mapping[str, Any]) -> float:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None:
        value = max(value, low)
    return value if high is None else min(value, high)


def _dig(value: Any, name: str, entity: str, *, place: int = 0, depth: int = 0) -> Any:
    """Find a field by its name, or the ``id`` of a thing of a kind; ``place`` picks of several."""
    if depth > 5:
        return None
    if isinstance(value, list):
        chosen = value[place : place + 1] or value[:1]
        found = (_dig(each, name, entity, depth=depth + 1) for each in chosen)
        return next((each for each in found if each is not None), None)
    if not isinstance(value, Mapping):
        return None
    scalar = value.get(name)
    if isinstance(scalar, str | int | float) and not isinstance(scalar, bool):
        return scalar
    for key, inner in value.items():
        if not isinstance(inner, list | Mapping) or not inner:
            continue
        if entity and entity in terms(str(key)) | {stem(str(key))}:
            listed = inner if isinstance(inner, list) else [inner]
            one = listed[place] if place < len(listed) else None
            if isinstance(one, Mapping) and isinstance(one.get("id"), str | int):
                return one["id"]
        found = _dig(inner, name, entity, place=place, depth=depth + 1)
        if found is not None:
            return found
    return None
