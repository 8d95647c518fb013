"""Variables that several prompts share: one schema, one form, rows of a table. Pure."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from playground.core.errors import InvalidInput
from playground.core.forms import FormField
from playground.prompts.content import HISTORY
from playground.prompts.pages import filling

MAX_ROWS = 200
MAX_NAMES = 40
MAX_TABLE_CHARS = 500_000
MAX_VARIABLES_CHARS = 200_000

Schema = Mapping[str, Any]


def union(schemas: Iterable[Schema]) -> dict[str, Any]:
    """Return the schema of an object that holds what any of these read.

    What two of them type differently fits anything; what one of them needs is needed.
    """
    joined: dict[str, Any] = {"type": "object", "properties": {}}
    for schema in schemas:
        joined = _joined(joined, schema)
    joined["properties"] = {
        name: each
        for name, each in joined["properties"].items()
        # A conversation is no field: it is what the cells go on with.
        if name != HISTORY or each.get("type") != "array"
    }
    return joined


def fields(schema: Schema, variables: Mapping[str, Any]) -> list[FormField]:
    """Return a control for each variable, holding its value."""
    return filling.fields(schema, flattened(schema, variables))


def flattened(schema: Schema, variables: Mapping[str, Any]) -> dict[str, str]:
    """Return the values as a form shows them, by dotted name."""
    texts = {}
    for field in filling.fields(schema):
        value: Any = variables
        for step in _path(field.name):
            value = value.get(step) if isinstance(value, Mapping) else None
        if value is not None:
            texts[field.name] = _text(value, field.kind)
    return texts


def filled(schema: Schema, typed: Mapping[str, str]) -> dict[str, Any]:
    """Return the variables that were typed; what is missing is left out, not made up."""
    return filling.fill(_lenient(schema), typed).variables


def row_variables(
    schema: Schema, shared: Mapping[str, Any], row: Mapping[str, str]
) -> dict[str, Any]:
    """Return the shared variables with those of a table's row over them."""
    variables = filled(schema, {**flattened(schema, shared), **row})
    known = {field.name for field in filling.fields(schema)}
    rest = {name: text for name, text in row.items() if name not in known and "." not in name}
    return {**shared, **rest, **variables}


def table_of(text: str) -> dict[str, Any]:
    """Read a pasted or uploaded table whose first line names the variables; tabs or commas.

    Raises:
        InvalidInput: ``workbench.table-invalid``, ``workbench.table-too-large``.
    """
    if len(text) > MAX_TABLE_CHARS:
        raise InvalidInput("workbench.table-too-large", "A table has at most 500,000 characters.")
    if "\x00" in text:
        raise _bad("A table holds no NUL characters.")
    text = text.removeprefix("\ufeff").strip("\r\n")
    head = text.partition("\n")[0]
    separator = "\t" if "\t" in head else ";" if ";" in head and "," not in head else ","
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise _bad(f"This cannot be read as a table: {error}.") from None
    return checked_table([each.strip() for each in lines[0]] if lines else [], lines[1:])


def checked_table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Return a table once it is known to be one; lines without a value are dropped.

    Raises:
        InvalidInput: ``workbench.table-invalid``, ``workbench.table-too-large``.
    """
    kept = [list(row) for row in rows if any(cell.strip() for cell in row)]
    if not names and not kept:
        return {}
    if not all(names) or len(set(names)) != len(names):
        raise _bad("The first line names the variables, each once.")
    if not kept:
        raise _bad("There is no row below the names.")
    if len(names) > MAX_NAMES or len(kept) > MAX_ROWS:
        raise InvalidInput(
            "workbench.table-too-large",
            f"A table has at most {MAX_ROWS} rows and {MAX_NAMES} columns; this one has "
            f"{len(kept)} and {len(names)}.",
        )
    for number, row in enumerate(kept, 1):
        if len(row) > len(names):
            raise _bad(f"Row {number} has {len(row)} values for {len(names)} names.")
        row += [""] * (len(names) - len(row))
    return {"names": list(names), "rows": kept}


def as_csv(lines: Iterable[Sequence[str]]) -> str:
    """Write lines as CSV that spreadsheets open without running what stands in it."""
    written = io.StringIO()
    writer = csv.writer(written)
    for line in lines:
        writer.writerow([_harmless(each) for each in line])
    return written.getvalue()


def _harmless(text: str) -> str:
    # A cell that begins so is a formula; the quote is what spreadsheets take away again.
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _joined(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    properties = dict(first.get("properties") or {})
    for name, each in (second.get("properties") or {}).items():
        properties[name] = _either(properties[name], each) if name in properties else each
    needed = {*first.get("required", ()), *second.get("required", ())}
    return {"type": "object", "properties": properties, "required": sorted(needed)}


def _either(first: Any, second: Any) -> Any:
    if first == second or not second:
        return first
    if not first:
        return second
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        if first.get("type") == second.get("type") == "object":
            return _joined(first, second)
        if first.get("type") == second.get("type"):
            return {"type": first["type"]} if first.get("type") else {}
    return {}


def _lenient(schema: Mapping[str, Any]) -> dict[str, Any]:
    inner = {
        name: _lenient(each) if isinstance(each, Mapping) and each.get("properties") else each
        for name, each in (schema.get("properties") or {}).items()
    }
    return {**schema, "properties": inner, "required": []}


def _path(name: str) -> list[str]:
    return [step.strip('"') for step in next(csv.reader([name], delimiter="."))]


def _text(value: Any, kind: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if kind == "lines" and isinstance(value, list) and all(isinstance(each, str) for each in value):
        return "\n".join(value)
    return json.dumps(value, ensure_ascii=False)


def _bad(detail: str) -> InvalidInput:
    return InvalidInput("workbench.table-invalid", detail)
