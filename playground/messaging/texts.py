"""Text that PostgreSQL can store. Pure: imports no Django."""

from typing import Any

from playground.core.errors import InvalidInput

MAX_CHARS = 200_000
MAX_KEY_CHARS = 200


def check_content(content: str) -> None:
    """Refuse content that cannot be stored, or is too much for one message.

    Raises:
        InvalidInput: ``message.too-large``, ``message.nul`` or ``message.encoding``.
    """
    if len(content) > MAX_CHARS:
        raise InvalidInput(
            "message.too-large",
            f"A message has at most {MAX_CHARS} characters.",
            http_status=413,
        )
    check_storable(content)


def check_key(dedup_key: str | None) -> None:
    """Refuse a dedup key that cannot be stored.

    Raises:
        InvalidInput: ``message.invalid-key``, ``message.nul`` or ``message.encoding``.
    """
    if dedup_key is None:
        return
    if not 0 < len(dedup_key) <= MAX_KEY_CHARS:
        raise InvalidInput(
            "message.invalid-key", f"A dedup key has between 1 and {MAX_KEY_CHARS} characters."
        )
    check_storable(dedup_key)


def check_storable(text: str) -> None:
    """Refuse NUL characters and lone surrogates.

    Raises:
        InvalidInput: ``message.nul`` or ``message.encoding``.
    """
    if "\x00" in text:
        raise InvalidInput("message.nul", "A message holds no NUL characters.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidInput("message.encoding", "A message is valid Unicode text.") from None


def storable(value: Any) -> Any:
    """Return a JSON value with whatever PostgreSQL refuses replaced, however deep it lies."""
    match value:
        case str():
            text = value.replace("\x00", "\N{SYMBOL FOR NULL}")
            return text if text.isascii() else text.encode("utf-8", "replace").decode()
        case dict():
            return {storable(str(key)): storable(item) for key, item in value.items()}
        case list() | tuple():
            return [storable(item) for item in value]
        case float() if value != value or value in (float("inf"), float("-inf")):
            return str(value)
        case _:
            return value
