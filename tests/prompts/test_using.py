"""What a ramp learns of prompts that are used inside runs, and what is foretold from it."""

from collections.abc import Iterator

import pytest

from playground.core import spans
from playground.policy.models import User
from playground.prompts.models import Prompt, Ramp
from playground.prompts.ramps.foretelling import calls_of
from playground.prompts.using import Used, using
from tests.prompts.ramped import greeting, started

__all__ = ["greeting"]
pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")

GUARDS = [{"kind": kind, "tolerated": 1} for kind in ("error_rate", "block_rate", "cost_usd")]


@pytest.fixture
def ramp(rhea: User, greeting: Prompt) -> Iterator[Ramp]:
    yield started(rhea, stages=[{"percent": 50}], guards=GUARDS)
    spans.flush()


def use(user: User) -> Used:
    with using(user.context(), name="greeting", label="production", variables={}) as used:
        return used


def test_it_foretells_from_uses_as_from_calls(rhea: User, ramp: Ramp) -> None:
    with spans.trace("agent", team="hiring", subject=rhea.urn, run_id=None, thread_id=None):
        for _ in range(48):
            use(rhea)
    spans.flush()

    assert calls_of(ramp.prompt, "production") == 2
    assert calls_of(ramp.prompt, "staging") == 0
