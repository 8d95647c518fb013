"""Read the configuration from the database."""

from uuid import UUID

from django.db import transaction

from playground.core.errors import PlaygroundError
from playground.gateway import models as tables
from playground.gateway.configuration import (
    Configuration,
    Model,
    Price,
    Route,
    Rule,
    Server,
    Way,
)
from playground.gateway.quotas.limits import Kind, Limit, Scope


def version() -> UUID | None:
    """Return the version in force, which every change of a row makes new."""
    return tables.ConfigurationVersion.objects.values_list("version", flat=True).first()


def load() -> Configuration:
    """Read the whole configuration from the database."""
    with transaction.atomic():
        # Read first: a change that comes meanwhile is loaded again, never overlooked.
        read = version()
        served = list(tables.ServedModel.objects.select_related("endpoint"))
        targets = list(
            tables.Target.objects.filter(enabled=True, weight__gt=0, route__enabled=True)
            .select_related("route")
            .order_by("priority", "id")
        )
        quotas = list(tables.Quota.objects.filter(enabled=True).select_related("team"))
        rules = list(tables.Guardrail.objects.filter(enabled=True).select_related("team"))
        caches = list(tables.CacheRule.objects.filter(enabled=True).select_related("team"))
        named = list(tables.Route.objects.all())
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
        version=read,
        models={model.id: model for model in usable.values()},
        routes={
            row.name: Route(row.name, tuple(ways.get(row.pk, ())), row.retries, row.description)
            for row in named
            if row.enabled
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
        switched_off=frozenset(
            (
                *(row.name for row in named if not row.enabled),
                *(row.name for row in served if row.pk not in usable),
                *(f"{row.endpoint.name}/{row.name}" for row in served if row.pk not in usable),
            )
        ),
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
