"""Render a prompt's content with variables, in a sandbox and within limits. Pure: no Django.

The one path: pages, agents, the gateway, the API and tests all render here.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateSyntaxError, UndefinedError
from jinja2.exceptions import SecurityError

from playground.core.errors import InvalidInput
from playground.prompts.content import HISTORY, Content, Placeholder, Text
from playground.prompts.templating.compiling import FragmentUnknown, assembled, located, piece_named
from playground.prompts.templating.fragments import NOTHING, Includes, Piece
from playground.prompts.templating.locating import column_of, place_of
from playground.prompts.templating.metering import BudgetExceeded, Limits, spending

LIMITS = Limits()
MAX_VARIABLE_DEPTH = 20
MAX_HISTORY = 1_000
_ROLES = frozenset(("system", "developer", "user", "assistant", "tool"))
_FIELDS = frozenset(("role", "content", "name", "tool_calls", "tool_call_id"))

RenderedMessage = dict[str, Any]
"""A message in the shape of OpenAI's Chat Completions."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a rendering gives.

    Attributes:
        messages: of a chat; empty for the other kinds.
        text: of a text or a fragment; None for a chat.
    """

    messages: list[RenderedMessage]
    text: str | None = None


def render(
    content: Content,
    variables: Mapping[str, Any],
    *,
    includes: Includes = NOTHING,
    history: Sequence[Mapping[str, Any]] | None = None,
    limits: Limits = LIMITS,
) -> Rendered:
    """Render every template; all of them, and the fragments they include, share one budget.

    Args:
        history: messages for the placeholder ``history``, unless the variables hold them.

    Raises:
        InvalidInput: with a code ``prompt.…`` and, where known, ``message`` (index from 0),
            ``line`` and ``column`` (from 1) and ``fragment`` (``team/name@number``).
    """
    _check_variables(variables)
    messages: list[RenderedMessage] = []
    left = limits.output_chars
    with spending(limits):
        for index, message in enumerate(content.messages):
            if isinstance(message, Placeholder):
                given = variables.get(message.name, history if message.name == HISTORY else None)
                messages += _conversation(message.name, given, index)
                continue
            piece = Piece(message.template, includes)
            text = _render_one(piece, variables, index=index, left=left, limits=limits)
            left -= len(text)
            if isinstance(message, Text):
                return Rendered([], text)
            extra = message.model_dump(exclude_none=True, exclude={"role", "template"})
            messages.append({"role": message.role, "content": text, **extra})
    return Rendered(messages)


def _conversation(name: str, given: Any, index: int) -> list[RenderedMessage]:
    if given is None and name == HISTORY:
        return []
    if not isinstance(given, list | tuple) or len(given) > MAX_HISTORY:
        raise _not_messages(name, f"is not a list of at most {MAX_HISTORY} messages", index)
    for number, message in enumerate(given):
        place = f"[{number}]"
        if not isinstance(message, Mapping) or not set(message) <= _FIELDS:
            raise _not_messages(name, f"{place} is not a message", index)
        if message.get("role") not in _ROLES:
            raise _not_messages(name, f"{place} has no role that is known", index)
        calls = message.get("tool_calls")
        if not isinstance(message.get("content"), str | list) and not calls:
            raise _not_messages(name, f"{place} has no content", index)
        if calls is not None and not isinstance(calls, list):
            raise _not_messages(name, f"{place} has tool calls that are no list", index)
    return [dict(message) for message in given]


def _not_messages(name: str, what: str, index: int) -> InvalidInput:
    return InvalidInput("prompt.history", f"The variable “{name}” {what}.", message=index)


def _render_one(
    piece: Piece, variables: Mapping[str, Any], *, index: int, left: int, limits: Limits
) -> str:
    pieces: list[str] = []
    total = 0
    with assembled(piece) as template:
        try:
            for part in template.generate(dict(variables)):
                total += len(part)
                if total > left:
                    raise BudgetExceeded(
                        f"the output has more than {limits.output_chars} characters"
                    )
                pieces.append(part)
            text = "".join(pieces)
            if not _is_sound(text):
                raise ValueError("half a surrogate pair is no text, nor is a NUL character")
            return text
        except InvalidInput:
            raise
        except Exception as error:
            raise _explained(error, piece, index) from error


def _explained(error: Exception, root: Piece, index: int) -> InvalidInput:
    piece, mark = _mark_of(error, root)
    line, column = place_of(piece.template, mark)
    text = str(error)
    name = None
    if isinstance(error, UndefinedError):
        code = "prompt.undefined"
        found = re.search(r"'([^']*)' is undefined|has no attribute '([^']*)'", text)
        name = (found.group(1) or found.group(2)) if found else None
    elif isinstance(error, FragmentUnknown):
        code, name = "prompt.fragment-not-found", text
        text = f"there is no fragment “{text}”"
    elif isinstance(error, SecurityError):
        code = "prompt.forbidden"
        found = re.search(r"'([^']*)'", text)
        name = found.group(1) if found else None
    elif isinstance(error, BudgetExceeded | RecursionError | MemoryError | OverflowError):
        code = "prompt.limit"
        text = text if isinstance(error, BudgetExceeded | OverflowError) else "it nests too deeply"
    elif isinstance(error, TemplateSyntaxError):
        code, text = "prompt.syntax", str(error.message)
    else:
        code = "prompt.failed"
        text = f"{type(error).__name__}: {text}"
    column = column_of(piece.template, line, name, after=column)
    return located(code, text, index, line, column, piece.ref)


def _mark_of(error: Exception, root: Piece) -> tuple[Piece, int]:
    """Return the innermost template and the mark in it: Jinja rewrites tracebacks to say them."""
    place = (root, 1)
    trace = error.__traceback__
    while trace is not None:
        piece = piece_named(trace.tb_frame.f_code.co_filename)
        if piece is not None:
            place = (piece, trace.tb_lineno)
        trace = trace.tb_next
    return place


def _check_variables(value: Any, depth: int = 0) -> None:
    """Let only JSON through: an object of ours would bring its methods along."""
    if depth > MAX_VARIABLE_DEPTH:
        raise _no_json(f"Variables nest at most {MAX_VARIABLE_DEPTH} levels deep.")
    if isinstance(value, str):
        if not _is_sound(value):
            raise _no_json("Half a surrogate pair is no text.")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str) or not _is_sound(key):
                raise _no_json("Names of variables are text.")
            _check_variables(item, depth + 1)
    elif isinstance(value, list | tuple):
        for item in value:
            _check_variables(item, depth + 1)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise _no_json("NaN and Infinity are no JSON.")
    elif value is not None and not isinstance(value, int):
        raise _no_json("Variables are JSON values.")


def _is_sound(text: str) -> bool:
    if "\x00" in text:
        return False
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def _no_json(why: str) -> InvalidInput:
    return InvalidInput("prompt.variables", why)
