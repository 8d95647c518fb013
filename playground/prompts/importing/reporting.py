"""What an import found, and what it had to change or leave out. Pure: no Django."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from playground.core.errors import InvalidInput
from playground.prompts.content import Content

MAX_ITEMS = 1_000
"""Prompts of a document, messages of a prompt."""


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

    _changes: dict[Change, None] = field(default_factory=dict)

    @property
    def changes(self) -> tuple[Change, ...]:
        """Return the changes in the order in which they were found."""
        return tuple(self._changes)

    def changed(self, what: str, detail: str, *, message: int | None = None) -> None:
        """Note that something is written otherwise."""
        self._changes[Change(Fate.CHANGED, what, detail, message)] = None

    def lost(self, what: str, detail: str, *, message: int | None = None) -> None:
        """Note that something is gone."""
        self._changes[Change(Fate.LOST, what, detail, message)] = None


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
    """All that a document held; of one prompt the oldest version comes first."""

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
    """Return the objects of a list, or the one object that stands in its place.

    Raises:
        InvalidInput: ``prompt.import-invalid``, the list is too long.
    """
    found = value if isinstance(value, list) else [value]
    if len(found) > MAX_ITEMS:
        raise InvalidInput("prompt.import-invalid", f"a list has more than {MAX_ITEMS} entries")
    return [each for each in found if isinstance(each, dict)]
