"""Hold the reasons that people give for their changes to what is kept of them."""

from playground.core.errors import InvalidInput

MAX_REASON = 500


def check_reason(
    reason: str, *, code: str = "prompt.reason", what: str = "A reason", least: int = 0
) -> None:
    """Refuse a reason that is too long to be kept, or missing where one is needed.

    Args:
        what: that is given, for the error's text.
        least: characters that are not space.

    Raises:
        InvalidInput: with that code.
    """
    if not least <= len(reason.strip()) <= len(reason) <= MAX_REASON or "\x00" in reason:
        span = f"{least} to {MAX_REASON}" if least else f"at most {MAX_REASON}"
        raise InvalidInput(code, f"{what} has {span} characters.")
