"""The Cedar policies in force: the starter files, replaced or added to by rows of ``Policy``.

They are compiled once and kept; a change made in this process counts at once, one made in
another within a second.
"""

import threading
import time
from dataclasses import dataclass
from pathlib import Path

from cedarpy import PolicySet
from django.db.models import Count, Max

from playground.core.errors import InvalidInput
from playground.policy.models import Policy

_STARTER = Path(__file__).parent / "starter"
_RECHECK_S = 1.0


@dataclass(frozen=True, slots=True)
class Compiled:
    """A compiled set and the state of the table that it was made from."""

    policies: PolicySet
    fingerprint: tuple[object, ...]
    checked: float


_lock = threading.Lock()
_compiled: Compiled | None = None


def starter_texts() -> dict[str, str]:
    """Return the Cedar text that ships, by name."""
    return {path.stem: path.read_text() for path in sorted(_STARTER.glob("*.cedar"))}


def in_force() -> PolicySet:
    """Return the compiled policies that count now.

    Raises:
        ValueError: a stored policy is not Cedar; nothing may be decided then, because leaving out
            one that forbids would open what it closes.
    """
    global _compiled
    kept = _compiled
    if kept is not None and time.monotonic() - kept.checked < _RECHECK_S:
        return kept.policies
    with _lock:
        rows = Policy.objects.aggregate(Count("id"), Max("updated_at"))
        fingerprint = tuple(rows.values())
        same = kept is not None and kept.fingerprint == fingerprint
        policies = kept.policies if kept is not None and same else _compile()
        _compiled = Compiled(policies, fingerprint, time.monotonic())
        return policies


def _compile() -> PolicySet:
    texts = starter_texts()
    for policy in Policy.objects.all():
        texts[policy.name] = policy.cedar if policy.enabled else ""
    return PolicySet.from_str("\n".join(texts[name] for name in sorted(texts)))


def check(cedar: str) -> None:
    """Check that a text is Cedar.

    Raises:
        InvalidInput: ``policy.not-cedar``.
    """
    try:
        PolicySet.from_str(cedar)
    except ValueError as error:
        raise InvalidInput("policy.not-cedar", f"This is not a Cedar policy: {error}") from error


def store(name: str, *, cedar: str, enabled: bool = True) -> Policy:
    """Store a policy under the name, replacing the row or starter policy of that name.

    Raises:
        InvalidInput: the text is not Cedar.
    """
    check(cedar)
    policy, _ = Policy.objects.update_or_create(
        name=name, defaults={"cedar": cedar, "enabled": enabled}
    )
    forget_compiled()
    return policy


def forget_compiled() -> None:
    """Compile afresh at the next decision."""
    global _compiled
    _compiled = None
