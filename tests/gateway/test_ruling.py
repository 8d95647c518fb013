"""Which rules hold for a call."""

from typing import Any

import pytest

from playground.gateway.configuration import Rule
from playground.gateway.ruling import in_force


def rule(action: str = "block", **more: Any) -> Rule:
    known = {"name": action, "team": None, "model": "", "check": "pii", "stage": "both"}
    return Rule(action=action, settings={}, **known | more)


@pytest.mark.parametrize(
    ("allow", "strict", "holds"),
    [
        ({"team": "a"}, {}, False),
        ({"team": "a", "stage": "input"}, {}, True),
        ({"team": "a", "check": "secrets"}, {}, True),
        ({}, {"team": "a"}, True),
        ({"model": "one/m"}, {}, False),
    ],
)
def test_it_takes_a_rule_back_only_where_an_allow_covers_it(
    allow: dict[str, Any], strict: dict[str, Any], holds: bool
) -> None:
    kept = rule(**strict)

    assert in_force([kept, rule("allow", **allow)]) == [kept] * holds
