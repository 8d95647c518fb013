"""Name in words who did something: people by their names, and the guard of a ramp."""

from collections.abc import Iterable

from playground.policy.people import names_of

GUARD = "system:ramp-guard"


def credits_for(urns: Iterable[str]) -> dict[str, str]:
    """Return what those behind URNs are called within a sentence; one query."""
    return names_of(urns) | {GUARD: "the ramp's guard"}
