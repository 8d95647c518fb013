"""An agent to talk with."""

import pytest

from agents.building import save_agent
from agents.models import Agent, Thread
from agents.specifying import AgentSpec
from agents.threads import open_thread
from playground.policy.models import User

SPEC = AgentSpec(
    name="scout",
    title="Scout",
    prompt="You are {{ agent.title }} of {{ team }}. Today is {{ today }}.",
    description="Finds people",
    suggested=("Find someone",),
)


@pytest.fixture
def scout(alice: User) -> Agent:
    return save_agent(alice.context(), SPEC).agent


@pytest.fixture
def thread(alice: User, scout: Agent) -> Thread:
    return open_thread(alice.context(), agent=scout.name)
