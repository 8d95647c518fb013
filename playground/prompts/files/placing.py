"""Say where in a prompt's file something is wrong: file, line and column, both from 1. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from playground.core.errors import InvalidInput
from playground.prompts.content import Content
from playground.prompts.files.basing import Base

# What editors, git and YAML readers change, drop or take for the end of a line.
FRAGILE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff]")


def refuse(path: str, line: int, column: int, detail: str) -> InvalidInput:
    """Return an error that points into a file."""
    return InvalidInput(
        "prompt.file-invalid",
        f"{path}:{line}:{column}: {detail}",
        file=path,
        line=line,
        column=column,
    )


@dataclass(frozen=True, slots=True)
class PromptFile:
    """What a file says, and where it says it.

    Attributes:
        places: line on which the template of each message begins; of a placeholder, its marker's.
        fields: line on which each name of the front matter stands.
        quoted: messages whose template is one quoted line, within which lines cannot be told.
        based_on: the version that it was made from, None where it does not say.
    """

    path: str
    content: Content
    places: tuple[int, ...]
    fields: Mapping[str, int]
    quoted: frozenset[int] = frozenset()
    based_on: Base | None = None

    def place(self, message: int, line: int = 1, column: int = 1) -> tuple[int, int]:
        """Return line and column in the file of a place in a message's template."""
        if message in self.quoted:
            return self.places[message], 1
        return self.places[message] + line - 1, column
