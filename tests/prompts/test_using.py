"""What a ramp learns of prompts that are used inside runs, and what is foretold from it."""

from collections.abc import Iterator

import pytest

from playground.core import spans
from playground.core.errors import PolicyDenied, ProviderError
from playground.policy.models import User
from playground.prompts.models import ArmSums, Prompt, Ramp
from playground.prompts.ramps.callers import traffic_of
from playground.prompts.using import Used, using
from tests.prompts.ramped import greeting, started

__all__ = ["greeting"]
pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

GUARDS = [{"kind": kind, "tolerated": 1} for kind in ("error_rate", "block_rate", "cost_usd")]


@pytest.fixture
def ramp(rhea: User, greeting: Prompt) -> Iterator[Ramp]:
    yield started(rhea, stages=[{"percent": 50}], guards=GUARDS)
    spans.flush()


def use(user: User, *, fails: Exception | None = None, cost_usd: float | None = None) -> Used:
    with using(user.context(), name="greeting", label="production", variables={}) as used:
        if cost_usd is not None:
            used.tell(cost_usd=cost_usd)
        if fails is not None:
            raise fails
    return used


def seen(ramp: Ramp) -> dict[str, tuple[int, float]]:
    return {row.metric: (row.n, row.total) for row in ArmSums.objects.filter(ramp=ramp)}


def test_it_tells_a_block_from_an_error(rhea: User, ramp: Ramp) -> None:
    for error in (
        PolicyDenied("guardrail.blocked", "The rule “no names” blocks this call."),
        ProviderError("provider.unavailable", "Nobody answers."),
    ):
        with pytest.raises(type(error)):
            use(rhea, fails=error)
    use(rhea)

    assert seen(ramp) == {"error_rate": (3, 1.0), "block_rate": (3, 1.0)}


def test_it_tells_what_the_block_says_of_itself_when_it_succeeds(rhea: User, ramp: Ramp) -> None:
    use(rhea, cost_usd=0.25)
    with pytest.raises(ProviderError):
        use(rhea, cost_usd=9, fails=ProviderError("provider.unavailable", "Nobody answers."))

    assert seen(ramp)["cost_usd"] == (1, 0.25)


def test_it_foretells_from_uses_as_from_calls(rhea: User, ramp: Ramp) -> None:
    with spans.trace("agent", team="hiring", subject=rhea.urn, run_id=None, thread_id=None):
        for _ in range(48):
            use(rhea)
    spans.flush()

    assert traffic_of(ramp.prompt, "production", unit="member").calls == 48
    assert traffic_of(ramp.prompt, "staging", unit="member").calls == 0
