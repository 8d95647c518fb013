"""Write a table with what each column answered, for spreadsheets."""

from playground.console.workbench import inputs
from playground.console.workbench.answering import conversation_of
from playground.console.workbench.models import Cell, Workbench

_NAMES = ("output", "status", "prompt", "model", "ms", "tokens in", "tokens out", "cost usd")


def outputs_csv(bench: Workbench) -> str:
    """Return one line for each row of the table: its values, then by column what came of it.

    Without a table there is one line, of the shared variables' outputs.
    """
    columns = list(bench.columns.all())
    cells = {
        (cell.column_id, cell.row): cell
        for cell in Cell.objects.shown(bench).prefetch_related("turns__run")
    }
    letters = dict(zip([column.pk for column in columns], "ABCDEF", strict=False))
    head = list(bench.table.get("names", []))
    for column in columns:
        letter = letters[column.pk]
        head += [f"{letter} {name}" for name in _NAMES]
    rows = list(enumerate(bench.table.get("rows", []), 1)) or [(0, [])]
    lines = [head]
    for number, values in rows:
        line = list(values)
        for column in columns:
            line += _told(cells.get((column.pk, number)))
        lines.append(line)
    return inputs.as_csv(lines)


def _told(cell: Cell | None) -> list[str]:
    if cell is None:
        return [""] * len(_NAMES)
    turns = list(cell.turns.all())
    last = turns[-1] if turns else None
    failure = cell.error or (last.failure if last else None)
    said = conversation_of(turns)
    text = next((each["content"] for each in reversed(said) if each["role"] == "assistant"), "")
    figures = last.figures if last else {}
    request = cell.request or {}
    took = figures.get("total_ms")
    return [
        text or (failure or {}).get("detail", ""),
        last.state if last else "failed",
        request.get("ref", ""),
        request.get("model", ""),
        "" if took is None else f"{took:.0f}",
        *(str(figures.get(name, "")) for name in ("input_tokens", "output_tokens")),
        "" if figures.get("cost_usd") is None else f"{figures['cost_usd']:.6f}",
    ]
