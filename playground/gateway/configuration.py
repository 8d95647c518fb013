"""What administrators decided, as one value: loaded whole, kept in memory, never changed in place.

Every process asks twice a second at most whether there is a newer version, so that a change is in
force everywhere within a second and no message about it can be lost. Servers ask beside the calls,
whoever else when it is used. While the database is away the last known one stays in force.
"""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connection, transaction

from playground.core.errors import PlaygroundError
from playground.gateway import models as tables
from playground.gateway.quotas.limits import Kind, Limit, Scope

log = logging.getLogger(__name__)

FRESH_S = 0.8
WATCH_S = 0.4


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

    def limits_of(self, *, team: str, key: str, models: tuple[str, ...]) -> tuple[Limit, ...]:
        """Return the limits that bind a call by this team, with this key, of these models."""
        return tuple(
            limit
            for limit in self.limits
            if limit.scope.team in (None, team)
            and limit.scope.key in (None, key)
            and (limit.scope.model is None or limit.scope.model in models)
        )

    def rules_of(self, *, team: str, models: tuple[str, ...]) -> tuple[Rule, ...]:
        """Return the checks of a call by this team of these models."""
        return tuple(
            rule
            for rule in self.rules
            if rule.team in (None, team) and (not rule.model or rule.model in models)
        )

    def cache_ttl_s(self, *, team: str, models: tuple[str, ...]) -> int:
        """Return how long answers may be used again; 0 for not at all."""
        if not self.caches:
            return 0
        named = (self.caches.get((team, model)) for model in (*models, ""))
        return next((ttl_s for ttl_s in named if ttl_s), 0)


class _Known:
    """The configuration of this process."""

    lock = threading.Lock()
    at = -1e9
    value = Configuration()
    loaded = False


def current() -> Configuration:
    """Return the configuration in force, at most half a second old; may ask the database."""
    if is_fresh():
        return _Known.value
    with _Known.lock:
        if not is_fresh():
            _refresh()
        return _Known.value


def is_fresh() -> bool:
    """Return whether ``current`` would answer at once."""
    return time.monotonic() - _Known.at < FRESH_S


def watch() -> None:
    """Keep it fresh in a thread until the process ends, so that no call has to wait for it."""
    threading.Thread(target=_watch, name="configuration", daemon=True).start()


def _watch() -> None:
    while True:
        try:
            with _Known.lock:
                _refresh()
        except Exception as error:
            log.warning("the configuration cannot be read: %s", type(error).__name__)
        finally:
            # A pooled connection goes back.
            connection.close()
        time.sleep(WATCH_S)


def forget() -> None:
    """Let the next look ask the database."""
    _Known.at = -1e9


def _refresh() -> None:
    # Dated from before the question, so that no change made meanwhile is taken for seen.
    at = time.monotonic()
    try:
        version = _version()
        if not _Known.loaded or version != _Known.value.version:
            _Known.value = load()
            _Known.loaded = True
    except DatabaseError as error:
        if not _Known.loaded:
            raise
        log.warning("the last known configuration stays in force: %s", type(error).__name__)
    _Known.at = at


def _version() -> UUID | None:
    return tables.ConfigurationVersion.objects.values_list("version", flat=True).first()


def load() -> Configuration:
    """Read the whole configuration from the database."""
    with transaction.atomic():
        # Read first: a change that comes meanwhile is loaded again, never overlooked.
        version = _version()
        served = list(tables.ServedModel.objects.select_related("endpoint"))
        targets = list(
            tables.Target.objects.filter(enabled=True, weight__gt=0, route__enabled=True)
            .select_related("route")
            .order_by("priority", "id")
        )
        quotas = list(tables.Quota.objects.filter(enabled=True).select_related("team"))
        rules = list(tables.Guardrail.objects.filter(enabled=True).select_related("team"))
        caches = list(tables.CacheRule.objects.filter(enabled=True).select_related("team"))
        named = list(tables.Route.objects.filter(enabled=True))
    servers = {each.endpoint_id: each.endpoint for each in served}
    known = {pk: _server(row) for pk, row in servers.items() if row.enabled}
    usable = {
        row.pk: _model(row, known[row.endpoint_id])
        for row in served
        if row.enabled and row.endpoint_id in known
    }
    ways: dict[UUID, list[Way]] = {}
    for target in targets:
        if target.model_id in usable:
            way = Way(usable[target.model_id], target.priority, target.weight)
            ways.setdefault(target.route_id, []).append(way)
    return Configuration(
        version=version,
        models={model.id: model for model in usable.values()},
        routes={
            row.name: Route(row.name, tuple(ways.get(row.pk, ())), row.retries, row.description)
            for row in named
        },
        limits=tuple(_limit(row) for row in quotas),
        rules=tuple(
            Rule(
                name=row.name,
                team=row.team.slug if row.team else None,
                model=row.model,
                check=row.check_kind,
                stage=row.stage,
                action=row.action,
                settings=row.settings,
            )
            for row in rules
        ),
        caches={(row.team.slug, row.model): row.ttl_s for row in caches},
    )


def _server(row: tables.Endpoint) -> Server:
    secret, fault = "", ""
    try:
        secret = row.secret
    except PlaygroundError as error:
        fault = error.code
    return Server(
        name=row.name,
        kind=row.kind,
        base_url=row.base_url,
        api_version=row.api_version,
        secret=secret,
        external=row.external,
        silence_s=row.silence_s,
        fault=fault,
    )


def _model(row: tables.ServedModel, server: Server) -> Model:
    price = None
    if row.input_price is not None and row.output_price is not None:
        cached = row.input_price if row.cached_input_price is None else row.cached_input_price
        price = Price(row.input_price, cached, row.output_price)
    return Model(
        name=row.name,
        server=server,
        operation=row.operation,
        price=price,
        context_tokens=row.context_tokens,
        max_output_tokens=row.max_output_tokens,
        max_concurrent=row.max_concurrent,
    )


def _limit(row: tables.Quota) -> Limit:
    scope = Scope(
        team=row.team.slug if row.team else None,
        key=str(row.key_id) if row.key_id else None,
        model=row.model or None,
    )
    money = row.kind in (tables.Quota.Kind.DAY, tables.Quota.Kind.MONTH)
    return Limit(scope, Kind(row.kind), int(row.cap * 1_000_000) if money else int(row.cap))
