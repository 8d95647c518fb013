"""The models that can be called here by name, by configuration and by the environment.

A model that nobody else knows by name is asked of the endpoint that the environment connects.
"""

from dataclasses import dataclass, replace

from django.conf import settings

from playground.core.asking import in_thread
from playground.core.errors import InvalidInput
from playground.gateway import endpoints
from playground.gateway.configuration import Configuration, Model, Route, Way
from playground.gateway.endpoints import SCRIPTED_MODEL
from playground.gateway.planner.provider import MODEL as PLANNER
from playground.gateway.providers.scripted import MODEL as SCRIPTED
from playground.gateway.watching import current

LONGEST_NAME = 250
# Everybody's: what agents call that name no model.
DEFAULT_ROUTE = "chat-default"
# Stands for the connected endpoint while it does not list its models.
UNLISTED = "connected-endpoint"
OFFLINE_NOTE = "rule-based, not a language model"


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One model that can be named in an agent's specification."""

    id: str
    provider: str
    title: str
    note: str
    offline: bool


def available() -> list[ModelInfo]:
    """List the chat models: routes first, then those of endpoints, then the one in this process."""
    configuration = current()
    listed = [
        ModelInfo(route.name, "route", route.name, _leads_to(route), _is_offline(route))
        for route in configuration.routes.values()
    ]
    listed += [
        ModelInfo(model.id, model.server.name, model.id, "", False)
        for model in configuration.models.values()
        if model.operation == "chat" and model.server.kind != "offline"
    ]
    names = endpoints.listed_models()
    listed += [ModelInfo(name, "openai", _title_of(name), "", False) for name in names]
    if not names and endpoints.environment_server() is not None:
        listed.append(
            ModelInfo(UNLISTED, "openai", UNLISTED, "the endpoint does not answer", False)
        )
    if PLANNER in configuration.models:
        listed.append(ModelInfo(PLANNER, "offline", "offline planner", OFFLINE_NOTE, True))
    if settings.PLAYGROUND_SCRIPTED:
        listed.append(ModelInfo(SCRIPTED, "scripted", "scripted", "for tests", True))
    return listed


def chat_models() -> list[Model]:
    """Return every chat model that may answer, in no order; the endpoint may be asked for its."""
    configuration = current()
    models = [each for each in configuration.models.values() if each.operation == "chat"]
    server = endpoints.environment_server()
    if server is not None:
        models += [Model(name, server) for name in endpoints.listed_models()]
    return models


def _title_of(name: str) -> str:
    # llama.cpp names a model by the path of its file.
    return name.rpartition("/")[2] if name.startswith("/") else name


def _leads_to(route: Route) -> str:
    if not route.ways:
        return "leads nowhere"
    first, *more = sorted(route.ways, key=lambda way: (way.priority, -way.weight))
    return f"→ {first.model.id}" + (f" and {len(more)} more" if more else "")


def _is_offline(route: Route) -> bool:
    return all(way.model.server.kind == "offline" for way in route.ways)


def default_model() -> str:
    """Return what answers where no model is named; may ask the database and the endpoint."""
    return _default(current())


def _default(configuration: Configuration) -> str:
    if DEFAULT_ROUTE in configuration.routes:
        return DEFAULT_ROUTE
    listed = endpoints.listed_models()
    if listed:
        return listed[0]
    # An endpoint that is down is said to be down; nobody else answers in its place.
    return PLANNER if endpoints.environment_server() is None else UNLISTED


async def found(name: str, configuration: Configuration, *, operation: str = "chat") -> Route:
    """Return ``route_of`` a name; where the endpoint must be asked for it, beside the loop.

    Raises:
        InvalidInput: ``model.unknown``.
    """
    unrouted = name == DEFAULT_ROUTE and name not in configuration.routes
    if unrouted and not endpoints.Listing.is_fresh():
        return await in_thread(route_of, name, configuration, operation=operation)
    return route_of(name, configuration, operation=operation)


def route_of(name: str, configuration: Configuration, *, operation: str = "chat") -> Route:
    """Return where a name leads: a route, ``endpoint/model``, or a model's own name.

    Several endpoints that serve a model of one name share its calls. The default route leads to
    the default model where administrators made none; then the endpoint may be asked for its models.

    Raises:
        InvalidInput: ``model.unknown``.
    """
    known = configuration.routes.get(name)
    if known is not None:
        return _able(known, operation)
    if name in configuration.models:
        found = [configuration.models[name]]
    else:
        found = [each for each in configuration.models.values() if each.name == name]
    found = [model for model in found if model.operation == operation]
    if found:
        return _straight(name, *found)
    is_default = name == DEFAULT_ROUTE and name not in configuration.switched_off
    # An endpoint may call a model of its own so.
    if is_default and operation == "chat" and (default := _default(configuration)) != name:
        return route_of(default, configuration)
    if name == SCRIPTED and settings.PLAYGROUND_SCRIPTED:
        return _straight(name, SCRIPTED_MODEL)
    server = endpoints.environment_server()
    if server is None or name in configuration.models or name in configuration.switched_off:
        raise unknown(name)
    # Longer than any model is called anywhere.
    if len(name) > LONGEST_NAME:
        raise unknown(name)
    return _straight(name, Model(name, server, operation=operation))


def unknown(name: str) -> InvalidInput:
    """Return the error for a name that leads nowhere."""
    return InvalidInput("model.unknown", f"There is no model “{name[:80]}” here.", param="model")


def _able(route: Route, operation: str) -> Route:
    """Return the route with the ways that can do what is asked.

    Raises:
        InvalidInput: ``model.unknown``, it has ways, and none of them can.
    """
    ways = tuple(way for way in route.ways if way.model.operation == operation)
    if len(ways) == len(route.ways):
        return route
    if not ways:
        raise unknown(route.name)
    return replace(route, ways=ways)


def _straight(name: str, *models: Model) -> Route:
    # Nobody asked for retries, and whoever calls directly retries by their own rules.
    return Route(name, tuple(Way(model) for model in models), retries=0)
