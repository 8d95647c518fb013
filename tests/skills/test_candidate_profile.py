from collections.abc import Callable
from typing import Any

import pytest

from playground.core.errors import ModelRetry
from playground.policy.models import User
from skills import registry
from skills.declaring import SkillContext


def test_it_tells_the_whole_profile_when_the_candidate_exists(call: Callable[..., Any]) -> None:
    profile = call("hiring.candidate_profile", candidate_id=42)

    assert profile.id == 42
    assert profile.summary.startswith(profile.name)
    assert profile.companies[0]["company"]
    assert len(profile.about) > 80


def test_it_says_so_when_there_is_no_such_candidate(call: Callable[..., Any]) -> None:
    with pytest.raises(ModelRetry, match="candidate-not-found"):
        call("hiring.candidate_profile", candidate_id=999_999)


def test_it_shows_nothing_when_the_candidate_is_another_teams(sample: None, charlie: User) -> None:
    skill = registry.get("hiring.candidate_profile")
    context = SkillContext(request=charlie.context())

    with pytest.raises(ModelRetry, match="candidate-not-found"):
        skill(skill.args.model_validate({"candidate_id": 42}), context)
