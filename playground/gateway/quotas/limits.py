"""Limits, whom they bind, and how much of them is left; pure, for use on every call."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

# The script counts in doubles; sums of a few such numbers are still exact.
MOST = 2**50


class Kind(StrEnum):
    """What a limit counts; the values are field names in Redis and stay as they are."""

    REQUESTS_PER_MINUTE = "requests"
    TOKENS_PER_MINUTE = "tokens"
    CONCURRENT_STREAMS = "streams"
    MONEY_PER_DAY = "day"
    MONEY_PER_MONTH = "month"


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom a limit binds: what is named must match, what is not named is anything.

    ``Scope(team="hiring", model="chat-default")`` is that team's use of that model,
    ``Scope(model="chat-default")`` everybody's.
    """

    team: str | None = None
    key: str | None = None
    model: str | None = None

    @property
    def named(self) -> dict[str, str]:
        """Return what is named."""
        names = {"team": self.team, "key": self.key, "model": self.model}
        return {kind: name for kind, name in names.items() if name is not None}

    def redis_key(self, prefix: str) -> str:
        """Return the key of the scope's counters; no two scopes share one, whatever their names."""
        parts = [f"{kind}={quote(name, safe='')}" for kind, name in self.named.items()]
        return f"{prefix}:used:{'&'.join(parts)}"


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``cap`` in one window; money in micro-dollars, windows in UTC. 0 forbids."""

    scope: Scope
    kind: Kind
    cap: int

    def __post_init__(self) -> None:
        if not 0 <= self.cap <= MOST:
            raise ValueError("A limit's cap is between 0 and 2^50.")


@dataclass(frozen=True, slots=True)
class Amount:
    """What one call takes: tokens in and out together, and money in micro-dollars."""

    tokens: int
    cost_micro_usd: int

    def __post_init__(self) -> None:
        if not (0 <= self.tokens <= MOST and 0 <= self.cost_micro_usd <= MOST):
            raise ValueError("An amount is between 0 and 2^50.")

    def of(self, kind: Kind) -> int:
        """Return how much of a limit of this kind one call takes."""
        match kind:
            case Kind.TOKENS_PER_MINUTE:
                return self.tokens
            case Kind.MONEY_PER_DAY | Kind.MONEY_PER_MONTH:
                return self.cost_micro_usd
            case Kind.REQUESTS_PER_MINUTE | Kind.CONCURRENT_STREAMS:
                return 1


@dataclass(frozen=True, slots=True)
class Standing:
    """How a limit stood when it was looked at: ``used`` includes what is reserved."""

    limit: Limit
    used: int
    reset_s: float

    @property
    def remaining(self) -> int:
        """Return what is left in this window; never negative, though used may exceed the cap."""
        return max(0, self.limit.cap - self.used)


def tightest(limits: Iterable[Limit]) -> tuple[Limit, ...]:
    """Return the limits with one for each scope and kind, the lowest."""
    lowest: dict[tuple[Scope, Kind], Limit] = {}
    for limit in limits:
        known = lowest.setdefault((limit.scope, limit.kind), limit)
        if limit.cap < known.cap:
            lowest[limit.scope, limit.kind] = limit
    return tuple(lowest.values())


def refusing(standings: Iterable[Standing], amount: Amount) -> Standing:
    """Return the limit to name in a refusal: one the call never fits, else the longest wait."""
    over = [one for one in standings if one.used + amount.of(one.limit.kind) > one.limit.cap]
    return max(over, key=lambda one: (amount.of(one.limit.kind) > one.limit.cap, one.reset_s))


def rate_limit_headers(
    standings: Iterable[Standing], *, retry_after_s: int | None = None
) -> dict[str, str]:
    """Return OpenAI's rate-limit headers, of the tightest scope for requests and for tokens.

    Source: https://platform.openai.com/docs/guides/rate-limits (rate limits in headers).
    """
    headers: dict[str, str] = {}
    names = {Kind.REQUESTS_PER_MINUTE: "requests", Kind.TOKENS_PER_MINUTE: "tokens"}
    for kind, name in names.items():
        of_kind = [one for one in standings if one.limit.kind is kind]
        if of_kind:
            least = min(of_kind, key=lambda one: (one.remaining, one.limit.cap))
            headers[f"x-ratelimit-limit-{name}"] = str(least.limit.cap)
            headers[f"x-ratelimit-remaining-{name}"] = str(least.remaining)
            headers[f"x-ratelimit-reset-{name}"] = _duration(least.reset_s)
    if retry_after_s is not None:
        headers["retry-after"] = str(retry_after_s)
    return headers


def _duration(seconds: float) -> str:
    """Spell a wait as OpenAI does: ``120ms``, ``7.5s``, ``1m0s``."""
    if seconds < 1:
        return f"{math.ceil(seconds * 1000)}ms"
    minutes, rest = divmod(round(seconds, 3), 60)
    return f"{int(minutes)}m{round(rest, 3):g}s" if minutes else f"{rest:g}s"
