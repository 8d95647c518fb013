"""Decide which arm of a ramp somebody is in: sticky, and monotone as the ramp grows. Pure.

A unit's bucket depends on its key and the ramp's salt alone. It is in the candidate's arm where
its bucket lies below the percentage, so that a percentage that grows moves nobody back, and no
process has to remember anybody.
"""

import hashlib
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from playground.core.attributes import Scalar

BUCKETS = 10_000
MAX_RULES = 50
MAX_VALUES = 1_000
_SHOWN = 5
NO_UNIT = "no key to keep it in one arm"
# Such as 1.4, v2.0.1 and 3.0-rc.1.
_VERSION = re.compile(r"[vV]?(\d{1,9}(?:\.\d{1,9}){0,4})(?:-([0-9A-Za-z.-]{1,64}))?(?:\+\S*)?")


class Arm(StrEnum):
    """One side of a comparison."""

    BASELINE = "baseline"
    CANDIDATE = "candidate"


class Operator(StrEnum):
    """How a rule tests an attribute."""

    EQ = "eq"
    NE = "ne"
    IN = "in"
    PREFIX = "prefix"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    VERSION_GTE = "version_gte"
    VERSION_LT = "version_lt"
    EXISTS = "exists"


_ORDERED = (Operator.GT, Operator.GTE, Operator.LT, Operator.LTE)
_VERSIONS = (Operator.VERSION_GTE, Operator.VERSION_LT)
_SAID = {
    Operator.EQ: "is",
    Operator.NE: "is not",
    Operator.PREFIX: "begins with",
    Operator.GT: "is more than",
    Operator.GTE: "is at least",
    Operator.LT: "is less than",
    Operator.LTE: "is at most",
    Operator.VERSION_GTE: "is version",
    Operator.VERSION_LT: "is older than version",
}


class Rule(BaseModel):
    """Put whoever has such an attribute into an arm, whatever the percentage.

    Attributes:
        attribute: what every call tells of itself, or what callers tell, ``core.attributes``;
            dots would lead into objects.
        value: what it is tested against: a list for ``in``, whether it is there for ``exists``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    attribute: Annotated[str, Field(pattern=r"^[A-Za-z_][\w-]*(\.[\w-]+)*$", max_length=128)]
    op: Annotated[Operator, Field(strict=False)]
    value: Scalar | Annotated[list[Scalar], Field(min_length=1, max_length=MAX_VALUES)] = True
    arm: Annotated[Arm, Field(strict=False)] = Arm.CANDIDATE

    @model_validator(mode="after")
    def _fits_its_operator(self) -> Self:
        value, op = self.value, self.op
        if (op is Operator.IN) != isinstance(value, list):
            raise ValueError("a list is for the operator in, which takes nothing else")
        each_of = value if isinstance(value, list) else [value]
        if any(isinstance(each, float) and not math.isfinite(each) for each in each_of):
            raise ValueError("a number is finite")
        if op is Operator.PREFIX and not (isinstance(value, str) and value):
            raise ValueError("a prefix is a text")
        if op in _ORDERED and isinstance(value, bool):
            raise ValueError("an order is between numbers or between texts")
        if op in _VERSIONS and version_key(value) is None:
            raise ValueError("a version is a text such as 2.1 or v2.1.0-beta")
        if op is Operator.EXISTS and not isinstance(value, bool):
            raise ValueError("whether an attribute exists is true or false")
        return self

    def matches(self, attributes: Mapping[str, Any]) -> bool:
        """Return whether somebody with these attributes is meant; other types never are."""
        there, found = _walk(attributes, self.attribute)
        if self.op is Operator.EXISTS:
            return there is self.value
        if not there:
            return False
        if isinstance(self.value, list):
            return any(_same(found, each) for each in self.value)
        if self.op is Operator.EQ:
            return _same(found, self.value)
        if self.op is Operator.NE:
            return not _same(found, self.value)
        if self.op in _VERSIONS:
            return _by_version(found, self.value, self.op)
        if self.op is Operator.PREFIX:
            return isinstance(found, str) and found.startswith(str(self.value))
        return _ordered(found, self.value, self.op)

    def __str__(self) -> str:
        if isinstance(self.value, list):
            shown = ", ".join(map(_said, self.value[:_SHOWN]))
            more = ", …" if len(self.value) > _SHOWN else ""
            return f"{self.attribute} is one of {shown}{more}"
        if self.op is Operator.EXISTS:
            return f"{self.attribute} is {'there' if self.value else 'not there'}"
        newer = " or newer" if self.op is Operator.VERSION_GTE else ""
        return f"{self.attribute} {_SAID[self.op]} {_said(self.value)}{newer}"


@dataclass(frozen=True, slots=True)
class Assignment:
    """The arm that a unit is in, and why.

    Attributes:
        bucket: from 0 to 9,999; None where no chance was involved. Only units with a bucket can be
            compared: those that a rule picked differ from the others by more than their arm.
    """

    arm: Arm
    bucket: int | None
    reason: str


def bucket_of(key: str, *, salt: str) -> int:
    """Return the bucket of a unit, the same in every process and for ever.

    Source: BLAKE2b as a keyed hash, RFC 7693, section 2.9. The modulus of 64 bits favours no
    bucket by more than one part in 10¹⁵.
    """
    digest = hashlib.blake2b(
        key.encode("utf-8", "surrogatepass"), key=salt.encode(), digest_size=8
    ).digest()
    return int.from_bytes(digest, "big") % BUCKETS


def assign(
    key: str | None,
    *,
    salt: str,
    percent: float,
    rules: Sequence[Rule] = (),
    attributes: Mapping[str, Any] | None = None,
    without: str = NO_UNIT,
) -> Assignment:
    """Assign a unit: the first rule that matches decides, else its bucket.

    Who comes without a key stays with the baseline, as nothing would keep them in one arm.

    Args:
        without: why there is no key, where there is none.
    """
    for number, rule in enumerate(rules, start=1):
        if rule.matches(attributes or {}):
            return Assignment(rule.arm, None, f"rule {number}: {rule}")
    if not key:
        return Assignment(Arm.BASELINE, None, without)
    bucket = bucket_of(key, salt=salt)
    inside = bucket < round(percent * 100)
    return Assignment(
        Arm.CANDIDATE if inside else Arm.BASELINE,
        bucket,
        f"bucket {bucket / 100:.2f} % {'<' if inside else '≥'} {percent:g} %",
    )


def _walk(attributes: Mapping[str, Any], path: str) -> tuple[bool, Any]:
    found: Any = attributes
    for part in path.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return False, None
        found = found[part]
    return found is not None, found


_COMPARED: Mapping[Operator, Callable[[Any, Any], Any]] = {
    Operator.GT: operator.gt,
    Operator.GTE: operator.ge,
    Operator.LT: operator.lt,
    Operator.LTE: operator.le,
}


def _same(found: Any, value: Scalar) -> bool:
    # In Python, as nowhere else, True is 1.
    if isinstance(found, bool) or isinstance(value, bool):
        return found is value
    return bool(found == value)


def _ordered(found: Any, value: Any, op: Operator) -> bool:
    numbers = isinstance(found, int | float) and not isinstance(found, bool)
    if not (
        isinstance(found, str)
        if isinstance(value, str)
        else numbers and isinstance(value, int | float)
    ):
        return False
    return bool(_COMPARED[op](found, value))


def version_key(value: Any) -> tuple[Any, ...] | None:
    """Return something that orders versions, None of what is none.

    Numbers count as numbers, 2.10 after 2.9, and 2.1 is 2.1.0; what follows a dash comes before
    the version itself.

    Source: Semantic Versioning 2.0.0, section 11.
    """
    read = _VERSION.fullmatch(value) if isinstance(value, str) else None
    if read is None:
        return None
    numbers = [int(each) for each in read[1].split(".")]
    before = tuple(
        (0, int(each), "") if each.isascii() and each.isdigit() else (1, 0, each)
        for each in (read[2] or "").split(".")
    )
    return (*numbers, *[0] * (5 - len(numbers)), read[2] is None, before)


def _by_version(found: Any, value: Any, op: Operator) -> bool:
    one, other = version_key(found), version_key(value)
    if one is None or other is None:
        return False
    return one >= other if op is Operator.VERSION_GTE else one < other


def _said(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
