"""Templates with the fragments that they include, each at the version it was saved with. Pure."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from playground.core.numbering import whole_number

MAX_NESTING = 5
"""Fragments within fragments, counted from the prompt."""
MAX_INCLUSIONS = 200
"""Different inclusions of one prompt, those through fragments among them."""


@dataclass(frozen=True, slots=True)
class Name:
    """A fragment as a template names it: ``team/name``, ``team/name@3`` or ``team/name@label``.

    Attributes:
        team: None for the team of the prompt that includes it.
        version: the number after ``@``.
        label: the word after ``@``.
    """

    team: str | None
    name: str
    version: int | None = None
    label: str | None = None


def name_of(written: str) -> Name:
    """Read the name of a fragment."""
    path, _, pin = written.partition("@")
    team, _, name = path.rpartition("/")
    number = whole_number(pin)
    return Name(team or None, name, number, None if number is not None else pin or None)


@dataclass(frozen=True, slots=True)
class Piece:
    """One template and what it includes, by the names that are written in it.

    Attributes:
        ref: ``team/name@number`` of a fragment's version; empty for a prompt's own template.
        key: names the template together with everything that it includes.
    """

    template: str
    includes: "Includes" = field(default_factory=lambda: NOTHING)
    ref: str = ""
    key: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha256(self.template.encode("utf-8", "surrogatepass"))
        for name in sorted(self.includes):
            digest.update(f"\x00{name}\x00{self.includes[name].key}".encode())
        digest.update(self.ref.encode())
        object.__setattr__(self, "key", digest.hexdigest())

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Piece) and other.key == self.key


Includes = Mapping[str, Piece]
NOTHING: Includes = MappingProxyType({})


def reachable(piece: Piece) -> Iterator[Piece]:
    """Yield the piece and everything below it, each once."""
    seen: set[str] = set()
    pending = [piece]
    while pending:
        each = pending.pop()
        if each.key not in seen:
            seen.add(each.key)
            yield each
            pending.extend(each.includes.values())
