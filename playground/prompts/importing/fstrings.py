"""Turn Python format strings, as LangChain's ``f-string``, into Jinja. Pure: no Django.

Source: https://docs.python.org/3/library/string.html#format-string-syntax
"""

import re
from string import Formatter

from playground.core.errors import InvalidInput
from playground.prompts.importing.expressing import Names, Piece, joined, quoted
from playground.prompts.importing.reporting import Notes

# What printf and format() write alike.
_NUMBER = re.compile(r"(?P<rest>0?\d{0,3}(?:\.\d{1,3})?[eEfFgG]|0?\d{0,3}[dxXo])")
_PADDING = re.compile(r"(?P<side>[<>])(?P<width>\d{1,3})s?")
_PART = re.compile(r"\.(?P<attribute>[^.\[\]]+)|\[(?P<item>[^\]]+)\]")
_NAME = re.compile(r"[^.\[\]]+")


def from_fstring(template: str, names: Names, notes: Notes, *, message: int) -> str:
    """Return the template in Jinja.

    Raises:
        InvalidInput: ``prompt.import-invalid``, it is no format string.
    """
    try:
        parts = list(Formatter().parse(template))
    except ValueError as error:
        raise InvalidInput(
            "prompt.import-invalid", f"message {message}: not a format string: {error}"
        ) from None
    pieces: list[Piece] = []
    for text, field, spec, conversion in parts:
        pieces.append((text, True))
        if field is not None:
            value = _value(field, names, message)
            pieces.append((_formatted(value, field, spec or "", conversion, notes, message), False))
    return joined(pieces)


def _value(field: str, names: Names, message: int) -> str:
    first = _NAME.match(field)
    if first is None or first[0].isdigit():
        raise InvalidInput(
            "prompt.import-invalid", f"message {message}: a field without a name: {{{field}}}"
        )
    value = names.of(first[0])
    rest = field[first.end() :]
    for part in _PART.finditer(rest):
        key = part["attribute"] or part["item"]
        number = part["item"] is not None and key.isdigit()
        value += f"[{key if number else quoted(key)}]"
    return value


def _formatted(
    value: str, field: str, spec: str, conversion: str | None, notes: Notes, message: int
) -> str:
    if conversion not in (None, "s"):
        notes.lost(
            f"{{{field}!{conversion}}}", "Python's representation; the value goes in as it is",
            message=message,
        )  # fmt: skip
    number, padding = _NUMBER.fullmatch(spec), _PADDING.fullmatch(spec)
    if number:
        return f"{{{{ {quoted('%' + number['rest'])}|format({value}) }}}}"
    if padding:
        width = ("-" if padding["side"] == "<" else "") + padding["width"]
        return f"{{{{ {quoted(f'%{width}s')}|format({value}) }}}}"
    if spec not in ("", "s"):
        notes.lost(
            f"{{{field}:{spec}}}", "a format that has no match; the value goes in as it is",
            message=message,
        )  # fmt: skip
    return f"{{{{ {value} }}}}"
