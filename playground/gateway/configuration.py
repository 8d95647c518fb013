"""What administrators decided, as one value: loaded whole and never changed in place."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from playground.gateway.quotas.limits import Limit


@dataclass(frozen=True, slots=True)
class Server:
    """An endpoint as calls need it; ``fault`` says why it cannot be called."""

    name: str
    kind: str
    base_url: str = ""
    api_version: str = ""
    secret: str = field(default="", repr=False)
    external: bool = True
    silence_s: float = 120.0
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens."""

    input: Decimal
    cached_input: Decimal
    output: Decimal

    def cost_micro_usd(self, *, input_tokens: int, cached_tokens: int, output_tokens: int) -> int:
        """Return the price of a call in micro-dollars, rounded up; cached tokens are input too."""
        # Dollars per million tokens are micro-dollars per token.
        cost = (
            self.input * (input_tokens - cached_tokens)
            + self.cached_input * cached_tokens
            + self.output * output_tokens
        )
        return -int(-cost // 1)


@dataclass(frozen=True, slots=True)
class Model:
    """A model that can be called; None is not known."""

    name: str
    server: Server
    operation: str = "chat"
    price: Price | None = None
    context_tokens: int | None = None
    max_output_tokens: int | None = None
    max_concurrent: int | None = None

    @property
    def id(self) -> str:
        """Name it among all models: ``endpoint/model``."""
        return f"{self.server.name}/{self.name}"


@dataclass(frozen=True, slots=True)
class Way:
    """One model that a route leads to, with its share of the calls of its priority."""

    model: Model
    priority: int = 0
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Route:
    """A name for callers, and the ways it leads."""

    name: str
    ways: tuple[Way, ...]
    retries: int = 1
    description: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """A responsible-AI check; None and an empty text are every team and every model."""

    name: str
    team: str | None
    model: str
    check: str
    stage: str
    action: str
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything at one version."""

    version: UUID | None = None
    models: Mapping[str, Model] = field(default_factory=dict)
    routes: Mapping[str, Route] = field(default_factory=dict)
    limits: tuple[Limit, ...] = ()
    rules: tuple[Rule, ...] = ()
    caches: Mapping[tuple[str, str], int] = field(default_factory=dict)
    switched_off: frozenset[str] = frozenset()
    """Names of models and routes that exist and may not be called."""

    def limits_of(self, *, team: str, key: str, models: tuple[str, ...]) -> tuple[Limit, ...]:
        """Return the limits that bind a call by this team, with this key, of these models."""
        return tuple(
            limit
            for limit in self.limits
            if limit.scope.team in (None, team)
            and limit.scope.key in (None, key)
            and (limit.scope.model is None or limit.scope.model in models)
        )

    def rules_of(
        self, *, team: str, named: tuple[str, ...], reached: tuple[str, ...]
    ) -> tuple[Rule, ...]:
        """Return the checks of a call by this team.

        Args:
            named: what the caller asks for and the route it is.
            reached: the models that may answer. What holds for one of them holds for the call;
                what one of them is allowed only if it is the only one.
        """

        def holds(rule: Rule) -> bool:
            if not rule.model or rule.model in named:
                return True
            if rule.action == "allow":
                return set(reached) == {rule.model}
            return rule.model in reached

        return tuple(rule for rule in self.rules if rule.team in (None, team) and holds(rule))

    def cache_ttl_s(self, *, team: str, models: tuple[str, ...]) -> int:
        """Return how long answers may be used again; 0 for not at all."""
        if not self.caches:
            return 0
        named = (self.caches.get((team, model)) for model in (*models, ""))
        return next((ttl_s for ttl_s in named if ttl_s), 0)
