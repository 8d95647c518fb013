"""What an import found, and what it had to change or leave out. Pure: no Django."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from playground.prompts.content import Content


class Fate(StrEnum):
    """What became of a thing: it means the same otherwise written, or it is not there any more."""

    CHANGED = "changed"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not as it was.

    Attributes:
        message: index from 0; None for what concerns the prompt as a whole.
        what: the thing, as the other product calls it.
    """

    fate: Fate
    what: str
    detail: str
    message: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "fate": self.fate.value,
            "message": self.message,
            "what": self.what,
            "detail": self.detail,
        }


@dataclass(slots=True)
class Notes:
    """Collect changes while a prompt is read; the same change of a message counts once."""

    changes: list[Change] = field(default_factory=list)

    def changed(self, what: str, detail: str, *, message: int | None = None) -> None:
        """Note that something is written otherwise."""
        self._add(Change(Fate.CHANGED, what, detail, message))

    def lost(self, what: str, detail: str, *, message: int | None = None) -> None:
        """Note that something is gone."""
        self._add(Change(Fate.LOST, what, detail, message))

    def _add(self, change: Change) -> None:
        if change not in self.changes:
            self.changes.append(change)


@dataclass(frozen=True, slots=True)
class Imported:
    """One version of a prompt.

    Attributes:
        name: without the team.
        note: what the other product says of the version.
    """

    name: str
    content: Content
    note: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A part of the document that makes no prompt."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """All that a document held: versions in the order in which they are to be saved."""

    prompts: tuple[Imported, ...]
    skipped: tuple[Skipped, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON, with the contents."""
        return {
            "prompts": [
                {
                    "name": each.name,
                    "note": each.note,
                    "content": each.content.as_json(),
                    "changes": [change.as_json() for change in each.changes],
                }
                for each in self.prompts
            ],
            "skipped": [{"name": each.name, "reason": each.reason} for each in self.skipped],
        }


def only_objects(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a list, or the one object that stands in its place."""
    found = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    return [each for each in found if isinstance(each, dict)]
