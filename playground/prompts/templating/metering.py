"""What one rendering may spend, and how values are weighed. Pure: imports no Django."""

import contextlib
import contextvars
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

# Written out they tell where in memory they lie, or hold more than can be counted.
_NO_VALUES = (BuiltinFunctionType, FunctionType, MethodType, type, bytes, bytearray, complex)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bound one rendering.

    Attributes:
        steps: loop turns, calls, filters and sixteenths of characters handled, together.
        output_chars: of the rendered text.
        value_units: characters and elements of one value, counted through everything it holds.
        integer_bits: of one number.
        width: of padding, repetition counts and other sizes given as arguments.
        depth: of calls that call each other.
        seconds: of wall clock; the last resort, the steps decide first.
    """

    steps: int = 60_000
    output_chars: int = 200_000
    value_units: int = 200_000
    integer_bits: int = 4_096
    width: int = 10_000
    depth: int = 20
    seconds: float = 2.0


class BudgetExceeded(Exception):
    """A template asked for more than its limits allow."""


@dataclass(slots=True)
class Budget:
    """Count what a rendering has spent.

    A thread cannot be killed in Python, so the template pays before it computes.
    """

    limits: Limits
    spent: int = 0
    depth: int = 0
    started: float = field(default_factory=time.monotonic)

    def charge(self, units: int = 1) -> None:
        """Pay for work that is about to be done.

        Raises:
            BudgetExceeded: the steps or the seconds are used up.
        """
        # Nobody gets back what was spent.
        self.spent += max(units, 0)
        if self.spent > self.limits.steps:
            raise BudgetExceeded(f"the template needs more than {self.limits.steps} steps")
        if time.monotonic() - self.started > self.limits.seconds:
            raise BudgetExceeded(f"the template needs more than {self.limits.seconds:g} s")

    def size(self, units: int) -> None:
        """Refuse a value of that many characters or elements before it is made."""
        if units > self.limits.value_units:
            raise BudgetExceeded(
                f"a value would have more than {self.limits.value_units} characters or elements"
            )
        self.charge(1 + units // 16)

    def width(self, value: Any) -> None:
        """Refuse a padding, count or precision that is too large."""
        if isinstance(value, int) and abs(value) > self.limits.width:
            raise BudgetExceeded(f"a size or count is above {self.limits.width}")

    def weigh(self, value: Any) -> Any:
        """Return the value once everything it holds is known to be small enough.

        Shared parts count each time they are reached, as they would when written out: thirty
        lines of ``{% set a = [a, a] %}`` are 2³⁰ elements.
        """
        units = 0
        pending = [value]
        while pending:
            item = pending.pop()
            if isinstance(item, str):
                units += len(item)
            elif isinstance(item, dict):
                units += len(item)
                pending.extend(item.keys())
                pending.extend(item.values())
            elif isinstance(item, list | tuple | set | frozenset):
                units += len(item)
                pending.extend(item)
            elif isinstance(item, int) and item.bit_length() > self.limits.integer_bits:
                raise BudgetExceeded(f"a number has more than {self.limits.integer_bits} bits")
            elif isinstance(item, _NO_VALUES):
                raise TypeError(f"a {type(item).__name__} is no value")
            else:
                units += 1
            if units > self.limits.value_units or len(pending) > self.limits.value_units:
                self.size(self.limits.value_units + 1)
        self.size(units)
        return value


_budget: contextvars.ContextVar[Budget | None] = contextvars.ContextVar(
    "playground_prompt_budget", default=None
)


def budget() -> Budget:
    """Return the budget of the rendering under way; outside of one, a fresh small one.

    Jinja folds constants while it compiles: that work is metered too.
    """
    return _budget.get() or Budget(Limits())


@contextlib.contextmanager
def spending(limits: Limits) -> Iterator[Budget]:
    """Meter everything that templates do inside the block."""
    token = _budget.set(Budget(limits))
    try:
        yield budget()
    finally:
        _budget.reset(token)
