"""Write errors down without what their messages quote of what people have written.

The message of an error of the database, of a value or of a key is left out: any of them may be a
row or a text. What stands in its place is the type, PostgreSQL's code, and the names of what is
concerned; where it was raised, the traceback tells. Of others the message is kept.
"""

import re
import traceback
from typing import Any

from django.db import Error as DjangoError
from django.db import OperationalError as DjangoOperationalError
from psycopg import Error, OperationalError

# pydantic repeats what it refused, mostly on one line; that may hold what looks like its end.
_REFUSED = re.compile(r", input_value=(?:.*|(?s:.*?))(?=, input_type=)")
_QUOTING = (ValueError, KeyError, DjangoError, Error)
# By their names: a process that needs neither library is the smaller for it.
_PYDANTIC = ("pydantic_core._pydantic_core", "ValidationError")
_JINJA = ("jinja2.exceptions", "TemplateError")
_CONCERNED = ("constraint", "table", "column")


def told(exc_info: Any) -> str:
    """Return an exception's traceback without the values that its messages repeat."""
    said = traceback.TracebackException(*exc_info)
    _blank(said, exc_info[1])
    return "".join(said.format()).rstrip("\n")


def named_in(text: str, error: BaseException) -> str:
    """Return a text in which an error is named by its type alone, and so are its causes."""
    for each in (error, error.__cause__, error.__context__):
        if each is not None and _quotes(each):
            for quoted in (repr(each), str(each)):
                # What is shorter stands in ids as well, and tells nothing.
                text = text.replace(quoted, type(each).__name__) if len(quoted) > 2 else text
    return text


def _quotes(error: BaseException) -> bool:
    return isinstance(error, _QUOTING) or _is_a(error, _JINJA)


def _is_a(error: BaseException, named: tuple[str, str]) -> bool:
    return any((each.__module__, each.__name__) == named for each in type(error).__mro__)


def _blank(said: traceback.TracebackException, error: BaseException) -> None:
    # The one place in which the message stands before it is laid out among its lines.
    said._str = _message(error, str(getattr(said, "_str", "")))  # type: ignore[attr-defined]
    pairs = [(said.__cause__, error.__cause__), (said.__context__, error.__context__)]
    if isinstance(error, BaseExceptionGroup):
        pairs += zip(said.exceptions or (), error.exceptions, strict=False)
    for inner, raised in pairs:
        if inner is not None and raised is not None:
            _blank(inner, raised)


def _message(error: BaseException, message: str) -> str:
    if _is_a(error, _PYDANTIC):
        return _REFUSED.sub("", message)
    if not _quotes(error):
        return message
    source = error.__cause__ if isinstance(error, DjangoError) else error
    if not isinstance(source, Error):
        return ""
    if source.sqlstate is None:
        # It tells of the connection, such as of where nobody listens.
        connection = isinstance(error, (OperationalError, DjangoOperationalError))
        return message if connection else ""
    concerned = {name: getattr(source.diag, f"{name}_name") for name in _CONCERNED}
    names = [f"{name} {told}" for name, told in concerned.items() if told]
    return ", ".join([f"SQLSTATE {source.sqlstate}", *names])
