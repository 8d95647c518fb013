"""The process clock. Leases and expiries use the database's clock instead."""

import datetime as dt


def now() -> dt.datetime:
    """Return the current time, aware, in UTC."""
    return dt.datetime.now(dt.UTC)


def moment_of(text: str) -> dt.datetime:
    """Read a time in ISO 8601 that names its zone, in UTC: the database takes few offsets.

    Raises:
        ValueError: it is none, names no zone, or lies beyond the first or the last year.
    """
    moment = dt.datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment without its zone")
    try:
        return moment.astimezone(dt.UTC)
    except OverflowError as error:
        raise ValueError("a moment beyond all years") from error
