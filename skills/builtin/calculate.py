"""Arithmetic, so that a model need not guess at numbers."""

import ast
import math
import operator
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, Field

from playground.core.errors import ModelRetry
from skills.declaring import SkillArgs, SkillContext, skill

MAX_MAGNITUDE = 1e300
MAX_EXPONENT = 1000
MAX_NODES = 200

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sqrt": math.sqrt, "abs": abs, "round": round, "min": min, "max": max, "floor": math.floor,
    "ceil": math.ceil, "ln": math.log, "log": math.log, "log10": math.log10, "exp": math.exp,
    "sin": math.sin, "cos": math.cos, "tan": math.tan,
}  # fmt: skip
_CONSTANTS = {"pi": math.pi, "e": math.e}


class Sum(SkillArgs):
    expression: str = Field(
        min_length=1,
        max_length=500,
        description="Arithmetic expression with numbers, + - * / // % ** and parentheses, "
        "such as `(1200 * 1.19) / 12` or `sqrt(2)`.",
    )


class Value(BaseModel):
    expression: str
    value: float | int
    summary: str


@skill(
    "math.calculate",
    title="Calculate",
    description="Calculate the exact value of an arithmetic expression: sums, products, "
    "percentages, powers, roots.",
    tags=("math", "numbers", "plus", "minus", "times", "sum"),
    timeout_s=2,
)
def calculate(args: Sum, context: SkillContext) -> Value:
    value = evaluate(args.expression)
    shown = f"{value:,}" if isinstance(value, int) else f"{value:,.10g}"
    return Value(expression=args.expression, value=value, summary=f"{args.expression} = {shown}")


def evaluate(expression: str) -> float | int:
    """Return the value of an arithmetic expression; nothing else is understood.

    Raises:
        ModelRetry: ``math.invalid``, saying what cannot be calculated.
    """
    written = expression.replace("^", "**").replace("×", "*").replace("÷", "/").replace("−", "-")
    try:
        tree = ast.parse(written.strip(), mode="eval")
        if sum(1 for _ in ast.walk(tree)) > MAX_NODES:
            raise _wrong("the expression is too long")
        value = _value(tree.body)
    except (SyntaxError, RecursionError, MemoryError):
        raise _wrong("this is not an arithmetic expression") from None
    except ZeroDivisionError:
        raise _wrong("it divides by zero") from None
    except (ValueError, OverflowError, TypeError) as error:
        raise _wrong(f"it has no value: {error}") from None
    if isinstance(value, complex) or not math.isfinite(value):
        raise _wrong("it has no finite real value")
    return value


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return _bounded(number)
        case ast.Name(id=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case ast.UnaryOp(op=sign, operand=operand) if type(sign) in _UNARY:
            return _UNARY[type(sign)](_value(operand))
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _BINARY:
            first, second = _value(left), _value(right)
            if isinstance(sign, ast.Pow) and abs(second) > MAX_EXPONENT:
                raise _wrong(f"exponents go up to {MAX_EXPONENT}")
            if isinstance(sign, ast.Pow) and abs(first) > 1 and second > 0:
                _bounded(float(second) * math.log10(abs(first)), limit=300)
            return _bounded(_BINARY[type(sign)](first, second))
        case ast.Call(func=ast.Name(id=name), args=given, keywords=[]) if name in _FUNCTIONS:
            return _bounded(_FUNCTIONS[name](*(_value(each) for each in given)))
    raise _wrong("only numbers, + - * / // % **, parentheses and common functions are understood")


def _bounded(value: Any, *, limit: float = MAX_MAGNITUDE) -> Any:
    if isinstance(value, int | float) and abs(value) > limit:
        raise _wrong("the numbers grow too large")
    return value


def _wrong(why: str) -> ModelRetry:
    return ModelRetry("math.invalid", f"Cannot calculate: {why}.", retryable=False)
