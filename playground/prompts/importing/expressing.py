"""Write Jinja that says exactly what another template language said. Pure: no Django."""

import re
from collections.abc import Iterable
from typing import Any

from playground.core.errors import InvalidInput
from playground.prompts.importing.reporting import Notes
from playground.prompts.templating.compiling import MAX_TEMPLATE_CHARS

_OPENING = re.compile(r"\{(?=[{%#])")
# Words of Jinja's own, and names that are functions where no variable hides them.
_TAKEN = frozenset(
    "and or not in is if else elif for true false none True False None import include block "
    "extends macro call filter set raw with from as loop self super caller varargs kwargs "
    "recursive context range dict cycler joiner namespace lipsum".split()
)


def bounded(text: str, message: int | None) -> str:
    """Return a template that is not too long to be one here.

    Raises:
        InvalidInput: ``prompt.too-large``.
    """
    if len(text) > MAX_TEMPLATE_CHARS:
        raise InvalidInput(
            "prompt.too-large",
            f"A template has at most {MAX_TEMPLATE_CHARS} characters.",
            http_status=413,
            message=message,
        )
    return text


def literal(text: str) -> str:
    """Return a template that renders as the text; line ends become plain newlines."""
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    return _OPENING.sub("{{ '{' }}", plain)


Piece = tuple[str, bool]
"""Jinja, or, where the second is true, text that is to be rendered as it is."""


def joined(pieces: Iterable[Piece]) -> str:
    """Join pieces, so that no brace of a text opens a tag."""
    out: list[str] = []
    text = ""
    for piece, is_text in pieces:
        if is_text:
            text += piece
            continue
        out.append(_before_a_tag(text))
        out.append(piece)
        text = ""
    return "".join([*out, literal(text)])


def _before_a_tag(text: str) -> str:
    written = literal(text)
    return written[:-1] + "{{ '{' }}" if written.endswith("{") else written


def quoted(value: Any) -> str:
    """Return JSON as an expression of Jinja."""
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        return "'" + escaped.replace("\n", "\\n").replace("\r", "\\r") + "'"
    if isinstance(value, list):
        return "[" + ", ".join(quoted(each) for each in value) + "]"
    if isinstance(value, dict):
        pairs = (f"{quoted(str(key))}: {quoted(each)}" for key, each in value.items())
        return "{" + ", ".join(pairs) + "}"
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return repr(value)


class Names:
    """Give each variable of a prompt a name that Jinja takes, the same one everywhere."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._given: dict[str, str] = {}
        self._taken: set[str] = set()

    def of(self, name: str) -> str:
        """Return the variable's name in Jinja."""
        if name not in self._given:
            fit = re.sub(r"\W+", "_", name.strip()) or "variable"
            if not fit.isidentifier():
                fit = f"v_{fit}"
            if fit in _TAKEN:
                fit += "_"
            while fit in self._taken:
                fit += "_2"
            self._given[name] = fit
            self._taken.add(fit)
            if fit != name:
                self._notes.changed(f"variable {name}", f"is called {fit}")
        return self._given[name]

    def fresh(self, wish: str) -> str:
        """Return a name that no variable has, for a loop to use."""
        number = 1
        while (name := wish if number == 1 else f"{wish}{number}") in self._taken:
            number += 1
        self._taken.add(name)
        return name
