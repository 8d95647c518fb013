"""Render prompt messages with variables, in a sandbox and within limits. Pure: no Django."""

import functools
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

from jinja2 import TemplateSyntaxError, UndefinedError, meta
from jinja2.environment import Template
from jinja2.exceptions import SecurityError

from playground.core.errors import InvalidInput
from playground.prompts.locating import column_of
from playground.prompts.metering import BudgetExceeded, Limits, spending
from playground.prompts.sandbox import PromptEnvironment

Role = Literal["system", "user", "assistant"]

LIMITS = Limits()
MAX_TEMPLATE_CHARS = 64_000
MAX_MESSAGES = 50
MAX_VARIABLE_DEPTH = 20
ROLES: tuple[Role, ...] = ("system", "user", "assistant")


class PromptMessage(TypedDict):
    """One message of a prompt as it is written."""

    role: Role
    template: str


class RenderedMessage(TypedDict):
    """One message as a model gets it."""

    role: Role
    content: str


_environment = PromptEnvironment()


def render(
    messages: Sequence[PromptMessage],
    variables: Mapping[str, Any],
    *,
    limits: Limits = LIMITS,
) -> list[RenderedMessage]:
    """Render each message; all of them share one budget.

    Raises:
        InvalidInput: with a code ``prompt.…`` and, where known, ``message`` (index from 0),
            ``line`` and ``column`` (from 1).
    """
    _check_variables(variables)
    if not 0 < len(messages) <= MAX_MESSAGES:
        raise InvalidInput("prompt.messages", f"A prompt has 1 to {MAX_MESSAGES} messages.")
    rendered: list[RenderedMessage] = []
    left = limits.output_chars
    with spending(limits):
        for index, message in enumerate(messages):
            text = _render_one(message["template"], variables, index=index, left=left)
            left -= len(text)
            rendered.append({"role": message["role"], "content": text})
    return rendered


def variables_of(template: str) -> tuple[str, ...]:
    """Name the variables that a template reads, in alphabetical order.

    Raises:
        InvalidInput: the template does not parse.
    """
    check(template)
    found = meta.find_undeclared_variables(_environment.parse(template))
    return tuple(sorted(found - _environment.globals.keys()))


def check(template: str, *, index: int = 0) -> None:
    """Compile without rendering.

    Raises:
        InvalidInput: the template is too long or does not parse.
    """
    _compiled(template, index)


def _compiled(template: str, index: int) -> Template:
    if len(template) > MAX_TEMPLATE_CHARS:
        raise InvalidInput(
            "prompt.too-large",
            f"A template has at most {MAX_TEMPLATE_CHARS} characters.",
            http_status=413,
            message=index,
        )
    if "\x00" in template:
        raise InvalidInput("prompt.nul", "A template holds no NUL characters.", message=index)
    try:
        return _compile(template)
    except TemplateSyntaxError as error:
        quoted = re.search(r"named '([^']*)'", str(error.message))
        name = quoted.group(1) if quoted else None
        column = getattr(error, "column", None) or column_of(template, error.lineno, name)
        raise _located("prompt.syntax", str(error.message), index, error.lineno, column) from error
    except (RecursionError, MemoryError, SyntaxError) as error:
        raise _located("prompt.limit", "the template is nested too deeply", index, 1, 1) from error
    except (BudgetExceeded, OverflowError, ValueError) as error:
        raise _located("prompt.limit", str(error), index, 1, 1) from error


@functools.lru_cache(maxsize=256)
def _compile(template: str) -> Template:
    return _environment.from_string(template)


def _render_one(template: str, variables: Mapping[str, Any], *, index: int, left: int) -> str:
    compiled = _compiled(template, index)
    pieces: list[str] = []
    total = 0
    try:
        for piece in compiled.generate(dict(variables)):
            total += len(piece)
            if total > left:
                raise BudgetExceeded(f"the output has more than {LIMITS.output_chars} characters")
            pieces.append(piece)
    except TemplateSyntaxError as error:
        raise _located("prompt.syntax", str(error.message), index, error.lineno, 1) from error
    except Exception as error:
        raise _explained(error, template, index) from error
    return "".join(pieces)


def _explained(error: Exception, template: str, index: int) -> InvalidInput:
    line = _template_line(error)
    text = str(error)
    name = None
    if isinstance(error, UndefinedError):
        code = "prompt.undefined"
        found = re.search(r"'([^']*)' is undefined|has no attribute '([^']*)'", text)
        name = (found.group(1) or found.group(2)) if found else None
    elif isinstance(error, SecurityError):
        code = "prompt.forbidden"
        found = re.search(r"'([^']*)'", text)
        name = found.group(1) if found else None
    elif isinstance(error, BudgetExceeded | RecursionError | MemoryError | OverflowError):
        code = "prompt.limit"
        text = text if isinstance(error, BudgetExceeded | OverflowError) else "it nests too deeply"
    else:
        code = "prompt.failed"
        text = f"{type(error).__name__}: {text}"
    return _located(code, text, index, line, column_of(template, line, name))


def _template_line(error: Exception) -> int:
    """Return the line of the innermost template frame: Jinja rewrites tracebacks to say it."""
    line = 1
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _located(code: str, text: str, index: int, line: int, column: int) -> InvalidInput:
    return InvalidInput(
        code,
        f"Line {line}, column {column}: {text[:300]}",
        message=index,
        line=line,
        column=column,
    )


def _check_variables(value: Any, depth: int = 0) -> None:
    """Let only JSON through: an object of ours would bring its methods along."""
    if depth > MAX_VARIABLE_DEPTH:
        raise InvalidInput(
            "prompt.variables", f"Variables nest at most {MAX_VARIABLE_DEPTH} levels deep."
        )
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                raise InvalidInput("prompt.variables", "Names of variables are text.")
            _check_variables(item, depth + 1)
    elif isinstance(value, list | tuple):
        for item in value:
            _check_variables(item, depth + 1)
    elif value is not None and not isinstance(value, str | int | float | bool):
        raise InvalidInput("prompt.variables", "Variables are JSON values.")
