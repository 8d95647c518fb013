"""Turn text with ``{{name}}`` and no other syntax, as many registries keep it, into Jinja. Pure."""

import re
from collections.abc import Iterator

from playground.prompts.importing.expressing import Names, Piece, bounded, joined
from playground.prompts.importing.reporting import Notes

_HOLE = re.compile(r"\{\{([^{}]*)\}\}")
_NAME = re.compile(r"[^\W\d]\w*(?:[-. ]\w+)*")


def from_substitutions(text: str, names: Names, notes: Notes, *, message: int | None) -> str:
    """Return the text in Jinja; braces that hold no name stay text."""
    return joined(pieces_of(text, names, notes, message=message))


def pieces_of(text: str, names: Names, notes: Notes, *, message: int | None) -> Iterator[Piece]:
    """Yield the text's literals and variables."""
    position = 0
    for hole in _HOLE.finditer(bounded(text, message)):
        name = hole[1].strip()
        if _NAME.fullmatch(name) is None:
            continue
        yield text[position : hole.start()], True
        yield f"{{{{ {names.of(name)} }}}}", False
        position = hole.end()
    yield text[position:], True
    if "{%" in text and "%}" in text:
        notes.changed("{% … %}", "is text there, so it is kept as text", message=message)
    if "\r" in text:
        notes.changed("line ends", "became plain newlines", message=message)
