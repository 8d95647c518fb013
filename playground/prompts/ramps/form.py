"""Read the form that plans a ramp, and write a plan back into one. Pure."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol, Self

from playground.core.errors import InvalidInput
from playground.core.numbering import whole_number
from playground.prompts.ramps.bucketing import Operator
from playground.prompts.ramps.planning import MAX_GUARDS, MAX_STAGES, Plan, plan_of

Row = dict[str, str]
COLUMNS: Final = {
    "stages": ("percent", "min_minutes", "min_samples"),
    "rules": ("attribute", "op", "value", "arm"),
    "guards": ("kind", "tolerated", "alpha"),
}
_MOST: Final = {"stages": MAX_STAGES, "rules": 50, "guards": MAX_GUARDS}
_NEW: Final[Mapping[str, Row]] = {
    "stages": {"percent": "", "min_minutes": "30", "min_samples": "100"},
    "rules": {"attribute": "key", "op": "eq", "value": "", "arm": "candidate"},
    "guards": {"kind": "", "tolerated": "", "alpha": "0.05"},
}
_USUAL: Final[Mapping[str, Sequence[Row]]] = {
    "stages": (
        {"percent": "10", "min_minutes": "30", "min_samples": "100"},
        {"percent": "50", "min_minutes": "30", "min_samples": "100"},
        {"percent": "100", "min_minutes": "0", "min_samples": "0"},
    ),
    "rules": (),
    "guards": (
        {"kind": "error_rate", "tolerated": "0.02", "alpha": "0.05"},
        {"kind": "latency_ms", "tolerated": "500", "alpha": "0.05"},
    ),
}
_NUMBERS: Final = frozenset(("percent", "tolerated", "alpha"))
_WHOLE: Final = frozenset(("min_minutes", "min_samples"))


class Fields(Protocol):
    """What a form was sent with, a name several times where it is a column."""

    def get(self, name: str, default: str, /) -> str: ...
    def getlist(self, name: str, /) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Form:
    """A plan as it is typed: texts, right or wrong.

    Attributes:
        units: keys to foretell for, one a line.
    """

    prompt: str = ""
    label: str = ""
    candidate: str = ""
    unit: str = "member"
    on_regression: str = "rollback"
    automatic_advance: bool = False
    reason: str = ""
    units: str = ""
    rows: Mapping[str, Sequence[Row]] = field(default_factory=lambda: dict(_USUAL))

    @classmethod
    def of(cls, fields: Fields) -> Self:
        """Take what was sent; before a prompt was chosen there were no tables to send."""
        tables = {table: _rows(fields, table) for table in COLUMNS}
        return cls(
            prompt=fields.get("prompt", ""),
            label=fields.get("label", ""),
            candidate=fields.get("candidate", ""),
            unit=fields.get("unit", "member"),
            on_regression=fields.get("on_regression", "rollback"),
            automatic_advance=fields.get("automatic_advance", "") == "on",
            reason=fields.get("reason", "").strip(),
            units=fields.get("units", ""),
            rows=tables if fields.get("unit", "") else dict(_USUAL),
        )

    def changed(self, edit: str) -> Self:
        """Return it with a row more or less, as ``add:stages`` and ``drop:rules:2`` say."""
        verb, _, where = edit.partition(":")
        table, _, index = where.partition(":")
        if table not in COLUMNS:
            return self
        rows = list(self.rows[table])
        if verb == "add" and len(rows) < _MOST[table]:
            rows.append(dict(_NEW[table]))
        elif verb == "drop" and (at := whole_number(index)) is not None and at < len(rows):
            del rows[at]
        return replace(self, rows={**self.rows, table: rows})

    @property
    def keys(self) -> list[str]:
        """Return the keys to foretell for."""
        return [line.strip() for line in self.units.splitlines() if line.strip()][:100]

    def plan(self) -> Plan:
        """Read it as a plan.

        Raises:
            InvalidInput: ``ramp.invalid`` with ``errors``, see ``planning.plan_of``.
        """
        body = {
            "label": self.label,
            "candidate": _number("candidate", self.candidate, whole=True),
            "unit": self.unit,
            "on_regression": self.on_regression,
            "automatic_advance": self.automatic_advance,
            "rules": [_rule(at, row) for at, row in enumerate(self.rows["rules"])],
        }
        for table in ("stages", "guards"):
            body[table] = [_read(table, at, row) for at, row in enumerate(self.rows[table])]
        return plan_of(body)


def faults_of(error: InvalidInput) -> dict[str, str]:
    """Return what is wrong by field, such as ``stages.0.percent``."""
    errors = error.extra.get("errors")
    listed = errors if isinstance(errors, list) else []
    return {each["field"]: each["message"] for each in listed} or {"": error.detail}


def rows_of(table: str, things: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Write the stages, rules or guards of a ramp as rows of the form."""
    return [{name: _said(each.get(name)) for name in COLUMNS[table]} for each in things]


def _rows(fields: Fields, table: str) -> list[Row]:
    columns = [fields.getlist(f"{table}-{name}") for name in COLUMNS[table]]
    rows = itertools.zip_longest(*columns, fillvalue="")
    return [
        dict(zip(COLUMNS[table], (cell.strip()[:2000] for cell in row), strict=True))
        for row in itertools.islice(rows, _MOST[table] + 1)
    ]


def _read(table: str, at: int, row: Row) -> dict[str, Any]:
    return {
        name: _number(f"{table}.{at}.{name}", text, whole=name in _WHOLE)
        if name in _NUMBERS | _WHOLE
        else text
        for name, text in row.items()
    }


def _rule(at: int, row: Row) -> dict[str, Any]:
    op, text = row["op"], row["value"]
    value: Any = text
    if op == Operator.IN:
        value = [each.strip() for each in text.split(",") if each.strip()]
    elif op == Operator.EXISTS:
        value = text.casefold() not in ("no", "false", "0")
    elif op in (Operator.GTE, Operator.LTE):
        try:
            value = float(text)
        except ValueError:
            value = text
    elif not text:
        raise _fault(f"rules.{at}.value", "say what it is compared with")
    return {**row, "value": value}


def _number(where: str, text: str, *, whole: bool) -> float | int:
    try:
        return int(text) if whole else float(text.replace(",", "."))
    except ValueError:
        raise _fault(where, "this is a whole number" if whole else "this is a number") from None


def _fault(where: str, message: str) -> InvalidInput:
    errors = [{"field": where, "message": message}]
    return InvalidInput("ramp.invalid", f"{where}: {message}", errors=errors)


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value or 0)
