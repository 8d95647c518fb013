import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.core.errors import ModelRetry
from skills.builtin.calculate import evaluate


@pytest.mark.parametrize(
    ("expression", "value"),
    [("2 + 3 * 4", 14), ("(1200 * 1.19) / 12", 119.0), ("2^10", 1024), ("sqrt(2)", math.sqrt(2)),
     ("-7 // 2", -4), ("max(1, 5, 3)", 5), ("10 % 4", 2)],
)  # fmt: skip
def test_it_gives_the_value_when_it_is_arithmetic(expression: str, value: float) -> None:
    assert evaluate(expression) == pytest.approx(value)


@pytest.mark.parametrize(
    "expression",
    ["__import__('os')", "1/0", "9**9**9", "10**1000", "(-8)**0.5", "'a'*9",
     "x", "[1]", "1 if 1 else 2",
     "().__class__", "exp(1000)", "sqrt(-1)",
     "1+" * 300 + "1", "True + 1", "round(1, ndigits=2)", ""],
)  # fmt: skip
def test_it_refuses_when_it_is_no_arithmetic_or_grows_too_large(expression: str) -> None:
    with pytest.raises(ModelRetry, match=r"math\.invalid"):
        evaluate(expression)


@given(st.text(alphabet="0123456789+-*/().% esqrtpi,", max_size=40))
def test_it_answers_or_refuses_when_given_anything(expression: str) -> None:
    try:
        value = evaluate(expression)
    except ModelRetry:
        return
    assert math.isfinite(value)
