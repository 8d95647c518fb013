"""Read the form that plans a ramp, and write a plan back into one. Pure."""

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol, Self

from playground.core.attributes import KNOWN
from playground.core.errors import InvalidInput
from playground.core.numbering import whole_number
from playground.prompts.ramps.bucketing import Operator
from playground.prompts.ramps.metrics import LARGEST
from playground.prompts.ramps.planning import MAX_GUARDS, MAX_STAGES, Plan, plan_of

Row = dict[str, str]
COLUMNS: Final = {
    "stages": ("percent", "min_minutes", "min_samples"),
    "rules": ("attribute", "op", "value", "arm"),
    "guards": ("kind", "tolerated", "alpha", "effect"),
}
_MOST: Final = {"stages": MAX_STAGES, "rules": 50, "guards": MAX_GUARDS}
_NEW: Final[Mapping[str, Row]] = {
    "stages": {"percent": "", "min_minutes": "30", "min_samples": "100"},
    "rules": {"attribute": "key", "op": "eq", "value": "", "arm": "candidate"},
    "guards": {"kind": "", "tolerated": "", "alpha": "0.05", "effect": ""},
}
_USUAL: Final[Mapping[str, Sequence[Row]]] = {
    "stages": (
        {"percent": "10", "min_minutes": "30", "min_samples": "100"},
        {"percent": "50", "min_minutes": "30", "min_samples": "100"},
        {"percent": "100", "min_minutes": "0", "min_samples": "0"},
    ),
    "rules": (),
    "guards": (
        {"kind": "error_rate", "tolerated": "0.02", "alpha": "0.05", "effect": ""},
        {"kind": "latency_ms", "tolerated": "500", "alpha": "0.05", "effect": ""},
    ),
}
_OF_TEXTS: Final = (Operator.PREFIX, Operator.VERSION_GTE, Operator.VERSION_LT)
_NUMBERS: Final = frozenset(("percent", "tolerated", "alpha"))
_WHOLE: Final = frozenset(("min_minutes", "min_samples"))
# Asked about and not planned.
_ASKED: Final = frozenset(("effect",))
_LONGEST_CELL: Final = 100_000
DAYS_OFFERED: Final = (1, 7, 30)


class Fields(Protocol):
    """What a form was sent with, a name several times where it is a column."""

    def get(self, name: str, default: str, /) -> str: ...
    def getlist(self, name: str, /) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Form:
    """A plan as it is typed: texts, right or wrong.

    Attributes:
        units: keys to foretell for, one a line.
        days: to look back for callers; anything but a number is a made-up crowd.
        revision: of the draft that is edited, as it was read.
    """

    prompt: str = ""
    label: str = ""
    candidate: str = ""
    unit: str = "member"
    on_regression: str = "rollback"
    automatic_advance: bool = False
    reason: str = ""
    units: str = ""
    days: str = "7"
    revision: str = ""
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
            days=fields.get("days", "7"),
            revision=fields.get("revision", ""),
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

    @property
    def looked_back(self) -> int:
        """Return the days in which callers are looked for, 0 where a crowd is made up."""
        return next((each for each in DAYS_OFFERED if self.days == str(each)), 0)

    @property
    def seen_revision(self) -> int:
        """Return the revision of the draft that was read, 0 of none."""
        digits = self.revision.isascii() and self.revision.isdigit()
        return int(self.revision[:9]) if digits else 0

    def effects(self) -> dict[str, float]:
        """Return by metric how much worse somebody wants to see, where they say it.

        Raises:
            InvalidInput: ``ramp.invalid``.
        """
        asked = {}
        for at, row in enumerate(self.rows["guards"]):
            if row["effect"]:
                effect = _number(f"guards.{at}.effect", row["effect"], whole=False)
                if not 0 < effect <= LARGEST:
                    raise _fault(f"guards.{at}.effect", "this is more than 0")
                asked[row["kind"]] = effect
        return asked

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
    rows = [{name: _said(each.get(name)) for name in COLUMNS[table]} for each in things]
    if table == "rules":
        for row, rule in zip(rows, things, strict=True):
            row["value"] = _written(rule)
    return rows


def _rows(fields: Fields, table: str) -> list[Row]:
    columns = [fields.getlist(f"{table}-{name}") for name in COLUMNS[table]]
    rows = itertools.zip_longest(*columns, fillvalue="")
    return [
        dict(zip(COLUMNS[table], (cell.strip()[:_LONGEST_CELL] for cell in row), strict=True))
        for row in itertools.islice(rows, _MOST[table] + 1)
    ]


def _read(table: str, at: int, row: Row) -> dict[str, Any]:
    return {
        name: _number(f"{table}.{at}.{name}", text, whole=name in _WHOLE)
        if name in _NUMBERS | _WHOLE
        else text
        for name, text in row.items()
        if name not in _ASKED
    }


def _rule(at: int, row: Row) -> dict[str, Any]:
    op, text = row["op"], row["value"]
    # What every call tells is text; of what callers tell, 3 is a number and "3" a text.
    read = str if row["attribute"] in KNOWN or op in _OF_TEXTS else _literal
    value: Any
    if op == Operator.IN:
        value = [read(each.strip()) for each in text.split(",") if each.strip()]
    elif op == Operator.EXISTS:
        value = text.casefold() not in ("no", "false", "0")
    elif not text:
        raise _fault(f"rules.{at}.value", "say what it is compared with")
    else:
        value = read(text)
    return {**row, "value": value}


def _literal(text: str) -> Any:
    """Read a value as JSON would, and as text where it is none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, bool | int | float | str) else text


def _written(rule: Mapping[str, Any]) -> str:
    """Write a rule's value so that it is read as it was."""
    value = rule.get("value")
    values = value if isinstance(value, list) else [value]
    plain = rule.get("attribute") in KNOWN or rule.get("op") in _OF_TEXTS
    if rule.get("op") == Operator.EXISTS:
        return "yes" if value else "no"
    return ", ".join(
        each if isinstance(each, str) and (plain or _literal(each) == each) else json.dumps(each)
        for each in values
    )


def _number(where: str, text: str, *, whole: bool) -> float | int:
    try:
        return int(text) if whole else float(text.replace(",", "."))
    except ValueError:
        raise _fault(where, "this is a whole number" if whole else "this is a number") from None


def _fault(where: str, message: str) -> InvalidInput:
    errors = [{"field": where, "message": message}]
    return InvalidInput("ramp.invalid", f"{where}: {message}", errors=errors)


def _said(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)
