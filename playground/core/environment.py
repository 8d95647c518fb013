"""Read environment variables, failing loudly with the variable's name and never its value."""

import os
from collections.abc import Sequence


class InvalidSetting(ValueError):
    """An environment variable holds something that cannot be used."""


def text(name: str, default: str = "") -> str:
    """Return a variable without surrounding spaces; an empty one counts as not set."""
    return os.environ.get(name, "").strip() or default


def number(name: str, default: float, *, least: float, most: float) -> float:
    """Return a variable as a number within bounds.

    Raises:
        InvalidSetting: it is no number or out of bounds.
    """
    raw = text(name)
    if not raw:
        return default
    try:
        value = float(raw)
    except ValueError:
        raise InvalidSetting(f"{name} must be a number") from None
    if not least <= value <= most:
        raise InvalidSetting(f"{name} must lie between {least:g} and {most:g}")
    return value


def whole(name: str, default: int, *, least: int, most: int) -> int:
    """Return a variable as a whole number within bounds.

    Raises:
        InvalidSetting: it is no whole number or out of bounds.
    """
    value = number(name, default, least=least, most=most)
    if value != int(value):
        raise InvalidSetting(f"{name} must be a whole number")
    return int(value)


def one_of(name: str, default: str, choices: Sequence[str]) -> str:
    """Return a variable that must be one of a few words.

    Raises:
        InvalidSetting: it is another word.
    """
    value = text(name, default)
    if value not in choices:
        raise InvalidSetting(f"{name} must be one of: {', '.join(choices)}")
    return value


def switch(name: str) -> bool:
    """Return whether a variable is 1, true, yes or on.

    Raises:
        InvalidSetting: it is none of these nor their opposites.
    """
    value = text(name, "0").lower()
    if value not in ("1", "true", "yes", "on", "0", "false", "no", "off"):
        raise InvalidSetting(f"{name} must be 1 or 0")
    return value in ("1", "true", "yes", "on")


def words(name: str) -> tuple[str, ...]:
    """Return a comma-separated variable as its parts."""
    return tuple(part.strip() for part in text(name).split(",") if part.strip())
