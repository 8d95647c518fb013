"""Cover entities wherever text may stand: in texts, in JSON, in the values and names of objects."""

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import orjson

from playground.gateway.guardrails.entities import redact
from playground.gateway.guardrails.kinds import Entity
from playground.policy import bodies

_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)


class Visitor:
    """Go through texts, and give back each as it may go on: here, as it came."""

    def text(self, text: str) -> str:
        """Take a text."""
        return text

    def name(self, name: str) -> str:
        """Take what must stay as it is, lest nobody knows any more what it names."""
        return name

    def arguments(self, text: str) -> str:
        """Take what is JSON as a rule."""
        return self.text(text)

    def value(self, value: Any) -> Any:
        """Take a value of JSON with all that is in it, the names of members too."""
        match value:
            case str():
                return self.text(value)
            case bool() | None:
                return value
            case int() | float():
                clean = self.text(str(value))
                return value if clean == str(value) else clean
            case list() | tuple():
                return [self.value(each) for each in value]
            case Mapping():
                return self.members(value, lambda _, each: self.value(each))
        return value

    def members(self, thing: Mapping[str, Any], take: Callable[[str, Any], Any]) -> dict[str, Any]:
        """Take the names of the members, and each by its name as ``take`` says."""
        taken: dict[str, Any] = {}
        for name, each in thing.items():
            clean = self.text(name)
            # What reads the same now must not hide the other.
            while clean in taken:
                clean += "_"
            taken[clean] = take(name, each)
        return taken


class Cover(Visitor):
    """Put marks in the place of entities; ``found`` counts them, and tells nothing else.

    Args:
        kinds: what to cover.
        names: whether to count too what stands in names that stay as they are.
    """

    def __init__(self, kinds: Collection[Entity], *, names: bool = False) -> None:
        self.found: Counter[Entity] = Counter()
        self._kinds = frozenset(kinds)
        self._names = names

    def text(self, text: str) -> str:
        clean, findings = redact(text, self._kinds)
        if findings:
            self.found.update(finding.kind for finding in findings)
        return clean

    def name(self, name: str) -> str:
        if self._names:
            self.text(name)
        return name

    def arguments(self, text: str) -> str:
        """Cover what is in JSON and leave it JSON; anything else is a text."""
        try:
            value = orjson.loads(text)
            deep = bodies.depth(text.encode()) > bodies.MAX_DEPTH
        except orjson.JSONDecodeError:
            deep = True
        if deep:
            return self._raw(text)
        before = self.found.total()
        clean = self.value(value)
        if self.found.total() == before:
            # Of members with the same name only the last was looked at.
            self.text(unescaped(text))
            if self.found.total() == before and "{" in text:
                self.value(json.loads(text, object_pairs_hook=_every, parse_int=str))
            if self.found.total() == before:
                return text
        # A password is one by its name.
        return self._raw(orjson.dumps(clean).decode())

    def each(self, texts: Iterable[str]) -> list[str]:
        """Cover what is in each of the texts, JSON or not."""
        return [self.arguments(text) for text in texts]

    def _raw(self, text: str) -> str:
        plain = unescaped(text)
        clean = self.text(plain)
        return text if clean == plain else clean


def _every(members: list[tuple[str, Any]]) -> Any:
    """Return an object; where members have the same name, a list of all."""
    thing = dict(members)
    return thing if len(thing) == len(members) else [list(member) for member in members]


def unescaped(text: str) -> str:
    """Return JSON, whole or not, with the letters that are written as numbers as themselves."""
    return _ESCAPE.sub(_letter, text) if "\\" in text else text


def _letter(found: re.Match[str]) -> str:
    if found[1] is None:
        return "/" if found[2] == "/" else found[0]
    code = int(found[1], 16)
    is_letter = code >= 0x20 and code not in (0x22, 0x5C) and not 0xD800 <= code <= 0xDFFF
    return chr(code) if is_letter else found[0]
