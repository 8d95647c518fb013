"""Write a table with what each column answered: for spreadsheets, and for programs."""

import json
from collections.abc import Iterator
from typing import Any

from playground.console.workbench import inputs
from playground.console.workbench.describing import LETTERS
from playground.console.workbench.models import SINGLE, Cell, Column, Turn, TurnStatus, Workbench
from playground.console.workbench.telling import text_of

_NAMES = ("output", "status", "prompt", "model", "ms", "tokens in", "tokens out", "cost usd")

_Cells = dict[tuple[Any, int], Cell]


def outputs_csv(bench: Workbench) -> str:
    """Return one line for each row of the table: its values, then by column what came of it.

    Without a table there is one line, of the shared variables' outputs.
    """
    columns, cells = _all_of(bench)
    head = list(bench.table.get("names", []))
    for letter, _ in zip(LETTERS, columns, strict=False):
        head += [f"{letter} {name}" for name in _NAMES]
    lines = [head]
    for number, values in _rows(bench):
        line = list(values.values())
        for column in columns:
            line += _told(cells.get((column.pk, number)))
        lines.append(line)
    return inputs.as_csv(lines)


def outputs_jsonl(bench: Workbench) -> bytes:
    """Return one JSON object a line for each row and column that was run, rows first.

    Without a table they are the shared variables' outputs.
    """
    # The database keeps whole numbers of more than 64 bits, which orjson does not write.
    lines = (
        json.dumps(each, ensure_ascii=False, separators=(",", ":")) for each in _objects(bench)
    )
    return "".join(f"{line}\n" for line in lines).encode()


def _objects(bench: Workbench) -> Iterator[dict[str, Any]]:
    columns, cells = _all_of(bench)
    for number, _ in _rows(bench):
        for letter, column in zip(LETTERS, columns, strict=False):
            cell = cells.get((column.pk, number))
            if cell is not None:
                yield _object(letter, number, cell)


def _object(letter: str, number: int, cell: Cell) -> dict[str, Any]:
    turns = list(cell.turns.all())
    last = turns[-1] if turns else None
    request = cell.request or {}
    return {
        "row": number,
        "column": letter,
        "cell": str(cell.pk),
        "inputs": cell.variables,
        "messages": request.get("messages"),
        "output": text_of(cell),
        "status": _status(last),
        "error": cell.error or (last.failure if last else None),
        "structured": last.check_result if last else None,
        "prompt": request.get("ref") or None,
        "model": request.get("model"),
        "figures": last.figures if last else {},
        "trace_id": last.trace_id if last else None,
    }


def _all_of(bench: Workbench) -> tuple[list[Column], _Cells]:
    cells = Cell.objects.shown(bench).prefetch_related("turns__run")
    return list(bench.columns.all()), {(cell.column_id, cell.row): cell for cell in cells}


def _rows(bench: Workbench) -> list[tuple[int, dict[str, str]]]:
    return list(enumerate(bench.inputs, 1)) or [(SINGLE, {})]


def _status(last: Turn | None) -> str:
    return last.state if last else TurnStatus.FAILED.value


def _told(cell: Cell | None) -> list[str]:
    if cell is None:
        return [""] * len(_NAMES)
    turns = list(cell.turns.all())
    last = turns[-1] if turns else None
    failure = cell.error or (last.failure if last else None)
    figures = last.figures if last else {}
    request = cell.request or {}
    took = figures.get("total_ms")
    return [
        text_of(cell) or (failure or {}).get("detail", ""),
        _status(last),
        request.get("ref", ""),
        request.get("model", ""),
        "" if took is None else f"{took:.0f}",
        *(str(figures.get(name, "")) for name in ("input_tokens", "output_tokens")),
        "" if figures.get("cost_usd") is None else f"{figures['cost_usd']:.6f}",
    ]
