"""Place what was refused at the fields of a form. Pure."""

from collections.abc import Collection

from playground.core.errors import PlaygroundError

_APART = ("model", "temperature", "max_tokens")
"""Settings that have a field of their own."""


def placed(error: PlaygroundError, fields: Collection[str]) -> tuple[dict[str, str], str]:
    """Return what to say by field, and what none of them is the place for."""
    at: dict[str, str] = {}
    rest: list[str] = []
    for path, message in _told(error):
        name, _, inner = path.partition(".")
        if name == "settings" and inner in _APART:
            name = inner
        if name in fields:
            at.setdefault(name, message.removeprefix(f"{name}: "))
        else:
            rest.append(f"{path}: {message}" if path else message)
    return at, ("; ".join(rest) if at else error.detail)


def _told(error: PlaygroundError) -> list[tuple[str, str]]:
    errors = error.extra.get("errors") or [error.extra | {"message": error.detail}]
    return [(str(each.get("field", "")), str(each["message"])) for each in errors]
