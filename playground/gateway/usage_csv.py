"""Write calls as CSV, so that a spreadsheet opens them and runs none of it."""

import csv
import datetime as dt
import io
from collections.abc import Iterable

from playground.gateway.models import LedgerRow

_COLUMNS = (
    *("id", "settled_at", "team", "key_id", "subject", "actor", "purpose", "operation", "model"),
    *("route", "endpoint", "served_by", "streamed", "input_tokens", "output_tokens"),
    *("cached_tokens", "counted_here", "cost_micro_usd", "latency_ms", "first_token_ms"),
    *("outcome", "error_code", "blocked_by", "attempts", "from_cache", "request_id", "trace_id"),
)


def sheet(rows: Iterable[LedgerRow], *, heading: bool = False) -> str:
    """Write calls as lines, below the names of the columns where it is the first part."""
    text = io.StringIO()
    writer = csv.writer(text)
    if heading:
        writer.writerow(_COLUMNS)
    writer.writerows([_cell(getattr(row, name)) for name in _COLUMNS] for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    """Write a value so that no spreadsheet takes it for a formula."""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat()
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value
