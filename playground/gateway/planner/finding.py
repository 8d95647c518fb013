"""Find an argument in what earlier tools returned."""

from collections.abc import Mapping, Sequence
from typing import Any

from playground.gateway.planner.wording import stem, terms


def found(results: Sequence[Any], name: str, *, entity: str = "", place: int = 0) -> Any:
    """Look a value up in earlier results, the newest first.

    Args:
        entity: of which kind of thing an identifier is wanted.
        place: which of several things, from 0.
    """
    if place:
        # Only what was found among several can be the second one.
        listed = [each for each in map(_listed, reversed(results)) if len(each) > place]
        for things in listed:
            value = _dig([things[place]], name, entity) or things[place].get("id")
            if isinstance(value, str | int):
                return value
    for result in reversed(results):
        value = _dig(result, name, entity, place=place)
        if value is not None:
            return value
    return None


def _listed(result: Any) -> list[Mapping[str, Any]]:
    """Return the longest list of things with an ``id`` in a result."""
    lists = [result] if isinstance(result, list) else []
    if isinstance(result, Mapping):
        lists = [each for each in result.values() if isinstance(each, list)]
    things = [[one for one in each if isinstance(one, Mapping) and "id" in one] for each in lists]
    return max(things, key=len, default=[])


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
