"""Say where in a template something went wrong: line and column, both from 1."""

import contextlib
import re
from collections.abc import Iterator
from types import TracebackType
from typing import Any

from jinja2 import TemplateSyntaxError, nodes

_NEWLINE = re.compile(r"\r\n|\r|\n")
_STRAY = re.compile(r"(?P<what>unexpected char .*) at (?P<at>\d+)", re.DOTALL)
_OPENING = re.compile(r"\{\{|\{%")


class Place(int):
    """The line of a token, as Jinja hands it on, which knows where the token begins."""

    offset: int
    """From 0, in the text with its line ends made ``\\n``."""


class TokenPlaces:
    """Give each token its place, of which Jinja only knows the line.

    On leaving with a syntax error, the error gets an attribute ``column`` where it is known.
    """

    def __init__(self, source: str) -> None:
        self._source = _NEWLINE.sub("\n", source)

    def __enter__(self) -> "TokenPlaces":
        return self

    def placed(self, pieces: Iterator[tuple[int, str, str]]) -> Iterator[tuple[int, str, str]]:
        """Yield what the lexer does; it leaves out only white space, and keeps the order."""
        position = 0
        for line, kind, piece in pieces:
            found = self._source.find(piece, position)
            place = Place(line)
            place.offset = position if found < 0 else found
            position = place.offset + len(piece)
            yield place, kind, piece

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not isinstance(error, TemplateSyntaxError):
            return
        offset = error.lineno.offset if isinstance(error.lineno, Place) else None
        if stray := _STRAY.fullmatch(str(error.message)):
            # Its number counts from the start of the text, and is none that is told elsewhere.
            error.args, offset = (stray["what"],), int(stray["at"])
        if offset is not None and not self._source.startswith("\n", offset):
            error.column = _column(self._source, offset)  # type: ignore[attr-defined]


def marked(template: nodes.Template, source: str) -> nodes.Template:
    """Put in the place of each line the number that ``place_of`` reads, before compiling."""
    starts = [0, *(found.end() for found in re.finditer("\n", _NEWLINE.sub("\n", source)))]
    for node in template.find_all(nodes.Node):
        line: Any = node.lineno
        if line is None:
            continue
        offset = line.offset if isinstance(line, Place) else starts[min(line, len(starts)) - 1]
        node.lineno = offset + 1
    return template


def place_of(source: str, mark: int) -> tuple[int, int]:
    """Return the line and column that a number of ``marked`` stands for."""
    text = _NEWLINE.sub("\n", source)
    return text.count("\n", 0, mark - 1) + 1, _column(text, mark - 1)


@contextlib.contextmanager
def unmarking(source: str) -> Iterator[None]:
    """Tell line and column in the place of a mark, where what is marked cannot be compiled."""
    try:
        yield
    except TemplateSyntaxError as error:
        error.lineno, error.column = place_of(source, error.lineno)  # type: ignore[attr-defined]
        raise


def column_of(source: str, line: int, name: str | None = None, *, after: int | None = None) -> int:
    """Return the column of a name on that line, else of the line's first expression.

    Args:
        after: a column that the name is not before, and what is told where it is not found.
    """
    lines = _NEWLINE.split(source)
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    begin = (after or 1) - 1
    for pattern in (rf"(?<![\w.]){re.escape(name)}\b", rf"\b{re.escape(name)}\b") if name else ():
        found = re.compile(pattern).search(text, begin)
        if found:
            return found.start() + 1
    if after is not None:
        return after
    opening = _OPENING.search(text)
    return opening.start() + 1 if opening else 1


def _column(text: str, offset: int) -> int:
    return offset - text.rfind("\n", 0, offset)
