"""Refuse names, variables and tables that a workbench cannot keep. Pure: imports no Django."""

import json
from collections.abc import Mapping
from typing import Any

from playground.console.workbench import inputs
from playground.console.workbench.storing import lost_numbers
from playground.core.errors import InvalidInput
from playground.policy import bodies

MAX_NAME = 100


def checked_name(name: str) -> str:
    """Return a name as it is kept.

    Raises:
        InvalidInput: ``workbench.name-invalid``.
    """
    if len(name) > MAX_NAME or "\x00" in name:
        raise InvalidInput("workbench.name-invalid", f"A name has at most {MAX_NAME} characters.")
    return name.strip()


def checked_variables(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return variables as they are kept.

    Raises:
        InvalidInput: ``workbench.variables-invalid``, with ``errors`` where they are numbers that
            would not come back; ``workbench.variables-too-large``.
    """
    refuse_lost(variables)
    try:
        # The database gives large numbers back as whole ones of any length.
        written = json.dumps(dict(variables), ensure_ascii=False, allow_nan=False)
        encoded = written.encode()
    except (TypeError, ValueError, RecursionError):
        encoded = b"\\u0000"
    if bodies.escapes_nul(encoded):
        raise InvalidInput("workbench.variables-invalid", "Variables are a JSON object.")
    if len(encoded) > inputs.MAX_VARIABLES_CHARS:
        raise InvalidInput("workbench.variables-too-large", "Variables have at most 200 kB.")
    return dict(variables)


def refuse_lost(variables: Mapping[str, Any]) -> None:
    """Refuse numbers that the database would give back otherwise.

    Raises:
        InvalidInput: ``workbench.variables-invalid``; ``errors`` tells each ``field``.
    """
    errors = [
        {"field": where, "message": why}
        for name, value in variables.items()
        for where, why in lost_numbers(name, value, long=True)
    ]
    if errors:
        detail = f"{errors[0]['field']}: {errors[0]['message']}"
        raise InvalidInput("workbench.variables-invalid", detail, errors=errors)


def checked_table(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table as it is kept; an empty mapping for none.

    Raises:
        InvalidInput: ``workbench.table-invalid``, ``workbench.table-too-large``.
    """
    return inputs.checked_table(table.get("names", []), table.get("rows", []))
