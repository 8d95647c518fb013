"""Which rules hold for a call."""

from typing import Any

import pytest

from playground.gateway.configuration import Rule
from playground.gateway.ruling import in_force


def rule(action: str = "block", **more: Any) -> Rule:
    known = {"name": action, "team": None, "model": "", "check": "pii", "stage": "both"}
    return Rule(action=action, settings={}, **known | more)


@pytest.mark.parametrize(
    ("allow", "strict", "reached", "holds"),
    [
        ({"team": "a"}, {}, ["one/m"], False),
        ({"team": "a", "stage": "input"}, {}, ["one/m"], True),
        ({"team": "a", "check": "secrets"}, {}, ["one/m"], True),
        ({}, {"team": "a"}, ["one/m"], True),
        ({"model": "one/m"}, {}, ["one/m"], False),
        ({"model": "one/m"}, {}, ["one/m", "two/m"], True),
        ({"model": "both"}, {}, ["one/m", "two/m"], False),
        ({"model": "one/m", "team": "a"}, {"model": "one/m"}, ["one/m", "two/m"], False),
        ({"model": "one/m", "team": "a"}, {"model": "two/m"}, ["one/m", "two/m"], True),
    ],
)
def test_it_takes_a_rule_back_only_where_an_allow_covers_it(
    allow: dict[str, Any], strict: dict[str, Any], reached: list[str], holds: bool
) -> None:
    kept = rule(**strict)

    assert in_force([kept, rule("allow", **allow)], reached=reached) == [kept] * holds
