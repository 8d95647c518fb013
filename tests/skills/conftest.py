"""The hiring sample as every test of its skills needs it."""

from collections.abc import Callable
from typing import Any

import pytest

from playground.policy.models import User
from skills import registry
from skills.declaring import Skill, SkillContext
from skills.hiring import loading


@pytest.fixture
def sample(db: None) -> None:
    loading.load(team="hiring")


@pytest.fixture
def call(sample: None, alice: User) -> Callable[..., Any]:
    """Call a skill's function as Alice, on the test's own connection."""

    def call_skill(name: str, **arguments: Any) -> Any:
        skill = registry.get(name)
        context = SkillContext(request=alice.context())
        return skill(skill.args.model_validate(arguments), context)

    return call_skill


@pytest.fixture
def registered() -> Any:
    """Register skills for one test."""
    names: list[str] = []

    def register(skill: Skill) -> Skill:
        names.append(skill.name)
        return registry.register(skill)

    yield register
    for name in names:
        registry.unregister(name)
