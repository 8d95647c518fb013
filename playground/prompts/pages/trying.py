"""Take what is typed in the editor to where it is asked, which a higher room knows."""

from collections.abc import Mapping
from typing import Protocol

from playground.core.context import RequestContext


class Opener(Protocol):
    """Put the context's draft of a prompt beside the version it began with; return the address.

    Args:
        values: what was typed into the inputs, by dotted name.
    """

    def __call__(self, context: RequestContext, path: str, *, values: Mapping[str, str]) -> str: ...


_openers: list[Opener] = []


def register(opener: Opener) -> None:
    """Let this opener take drafts from now on."""
    _openers[:] = [opener]


def opener() -> Opener | None:
    """Return who takes drafts; None where nobody does."""
    return _openers[0] if _openers else None
