"""Compile templates together with the fragments that they include. Pure: imports no Django."""

import contextlib
import contextvars
import re
from collections.abc import Iterator, Mapping
from typing import Any

from jinja2 import Template, TemplateSyntaxError, nodes

from playground.core.errors import InvalidInput
from playground.prompts.held.shelf import Shelf
from playground.prompts.templating.fragments import Piece, reachable
from playground.prompts.templating.locating import column_of
from playground.prompts.templating.metering import BudgetExceeded, budget
from playground.prompts.templating.sandbox import PromptEnvironment, inclusions

MAX_TEMPLATE_CHARS = 64_000
# A character may take a kilobyte when it is compiled.
_templates: Shelf[str, Template] = Shelf(things=512, weight=600_000)
_trees: Shelf[str, nodes.Template] = Shelf(things=128, weight=200_000)

_pieces: contextvars.ContextVar[Mapping[str, Piece]] = contextvars.ContextVar(
    "playground_prompt_pieces"
)


class _Environment(PromptEnvironment):
    def get_template(self, name: Any, parent: str | None = None, globals: Any = None) -> Template:
        """Return what a template includes; each time it is paid like text of its own."""
        piece = _pieces.get({}).get(name)
        if piece is None:
            raise FragmentUnknown(name)
        budget().charge(1 + len(piece.template) // 16)
        return compiled(piece)


class FragmentUnknown(Exception):
    """A template names a fragment that was not found for it."""


ENVIRONMENT = _Environment()


@contextlib.contextmanager
def assembled(piece: Piece) -> Iterator[Template]:
    """Give the compiled template; inside the block it finds what it includes."""
    token = _pieces.set({each.key: each for each in reachable(piece)})
    try:
        yield compiled(piece)
    finally:
        _pieces.reset(token)


def piece_named(filename: str) -> Piece | None:
    """Return the piece of the rendering under way whose code carries this file name."""
    return _pieces.get({}).get(filename.removeprefix("<template ").removesuffix(">"))


def compiled(piece: Piece, *, message: int = 0) -> Template:
    """Compile without rendering.

    Raises:
        InvalidInput: the template is too long or does not parse.
    """
    _check_text(piece.template, message)
    with _telling(piece.template, message, piece.ref):
        return _compile(piece)


def check(template: str, *, index: int = 0) -> None:
    """Compile a template; the fragments that it names are not looked for.

    Raises:
        InvalidInput: see ``compiled``.
    """
    compiled(Piece(template), message=index)


def tree_of(template: str, *, message: int = 0) -> nodes.Template:
    """Return the syntax tree of a template; nobody changes it, as it is kept.

    Raises:
        InvalidInput: see ``compiled``.
    """
    _check_text(template, message)
    with _telling(template, message):
        return _tree(template)


def names_in(template: str, *, message: int = 0) -> dict[str, int]:
    """Return the fragments that a template names, as written, with the line of the first time."""
    named: dict[str, int] = {}
    for including in inclusions(tree_of(template, message=message)):
        named.setdefault(including.template.value, including.lineno)
    return named


def _compile(piece: Piece) -> Template:
    kept = _templates.get(piece.key)
    if kept is None:
        keys = {name: each.key for name, each in piece.includes.items()}
        kept = ENVIRONMENT.link(piece.template, keys, f"<template {piece.key}>")
        _templates.put(piece.key, kept, weight=len(piece.template))
    return kept


def _tree(template: str) -> nodes.Template:
    kept = _trees.get(template)
    if kept is None:
        kept = ENVIRONMENT.tree(template)
        _trees.put(template, kept, weight=len(template))
    return kept


@contextlib.contextmanager
def _telling(template: str, message: int, ref: str = "") -> Iterator[None]:
    """Say of errors while compiling where they lie."""
    try:
        yield
    except TemplateSyntaxError as error:
        raise _syntax(error, template, message, ref) from error
    except (RecursionError, MemoryError, SyntaxError, SystemError) as error:
        text = "the template is nested too deeply"
        raise located("prompt.limit", text, message, 1, 1, ref) from error
    except (BudgetExceeded, OverflowError, ValueError, TypeError) as error:
        raise located("prompt.limit", str(error), message, 1, 1, ref) from error


def _check_text(template: str, message: int) -> None:
    if len(template) > MAX_TEMPLATE_CHARS:
        raise InvalidInput(
            "prompt.too-large",
            f"A template has at most {MAX_TEMPLATE_CHARS} characters.",
            http_status=413,
            message=message,
        )
    if "\x00" in template:
        raise InvalidInput("prompt.nul", "A template holds no NUL characters.", message=message)


def _syntax(error: TemplateSyntaxError, template: str, message: int, ref: str) -> InvalidInput:
    quoted = re.search(r"named '([^']*)'", str(error.message))
    name = quoted.group(1) if quoted else None
    column = getattr(error, "column", None) or column_of(template, error.lineno, name)
    return located("prompt.syntax", str(error.message), message, error.lineno, column, ref)


def located(
    code: str, text: str, message: int, line: int, column: int, ref: str = ""
) -> InvalidInput:
    """Return an error with its place; ``ref`` names the fragment it lies in."""
    where = f"Line {line}, column {column}"
    place: dict[str, Any] = {"message": message, "line": line, "column": column}
    if ref:
        return InvalidInput(code, f"{where} of {ref}: {text[:300]}", **place, fragment=ref)
    return InvalidInput(code, f"{where}: {text[:300]}", **place)
