"""Say where in a template something went wrong: line and column, both from 1."""

import re
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any

from jinja2 import TemplateSyntaxError
from jinja2.lexer import TokenStream

if TYPE_CHECKING:
    from jinja2 import Environment

_NEWLINE = re.compile(r"\r\n|\r|\n")
_STRAY = re.compile(r"(?P<what>unexpected char .*) at (?P<at>\d+)", re.DOTALL)
_OPENING = re.compile(r"\{\{|\{%")


class TokenPositions:
    """Remember where the parser stands, which Jinja only knows by line.

    On leaving with a syntax error, the error gets an attribute ``column``.
    """

    def __init__(self, environment: "Environment", source: str) -> None:
        self._environment = environment
        self._source = _NEWLINE.sub("\n", source)
        self._stream: TokenStream | None = None

    def __enter__(self) -> "TokenPositions":
        return self

    def follow(self, stream: TokenStream) -> None:
        """Watch the parser's stream of tokens."""
        self._stream = stream

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, TemplateSyntaxError):
            if stray := _STRAY.fullmatch(str(error.message)):
                # Its number counts from the start of the text, and is none that is told elsewhere.
                error.args = (stray["what"],)
                at = int(stray["at"])
                error.column = at - self._source.rfind("\n", 0, at)  # type: ignore[attr-defined]
                return
            value = getattr(self._stream.current, "value", "") if self._stream else ""
            error.column = self._column(error.lineno, str(value))  # type: ignore[attr-defined]

    def _column(self, line: int, value: str) -> int:
        """Find the token on its line: the lexer walks the same pieces the parser saw."""
        for offset, piece in self._pieces():
            start = self._source.count("\n", 0, offset) + 1
            if start == line and piece == value and value.strip():
                return offset - (self._source.rfind("\n", 0, offset) + 1) + 1
            if start > line:
                break
        return column_of(self._source, line)

    def _pieces(self) -> Iterator[tuple[int, str]]:
        position = 0
        try:
            for _, _, piece in self._environment.lexer.tokeniter(self._source, None):
                found = self._source.find(piece, position)
                if found < 0:
                    return
                yield found, piece
                position = found + len(piece)
        except TemplateSyntaxError:
            return


def column_of(source: str, line: int, name: str | None = None) -> int:
    """Return the column of a name on that line, else of the line's first expression."""
    lines = _NEWLINE.split(source)
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    if name:
        found: Any = re.search(rf"(?<![\w.]){re.escape(name)}\b", text) or re.search(
            rf"\b{re.escape(name)}\b", text
        )
        if found:
            return int(found.start()) + 1
    opening = _OPENING.search(text)
    return opening.start() + 1 if opening else 1
