"""Names lead where administrators and the environment say, and nowhere else."""

import threading
from typing import Any

import pytest
from aiohttp import web

from playground.core.context import RequestContext
from playground.core.errors import InvalidInput
from playground.gateway import calling, catalogue, endpoints, loading, watching
from playground.gateway.chat import ChatRequest
from playground.gateway.configuration import Configuration, Model, Route, Server, Way
from playground.gateway.models import Endpoint, ServedModel
from playground.gateway.models import Route as RouteRow
from tests.gateway.mock import lead, serve
from tests.gateway.upstream import connected, delta, served_beside, stream

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


def configured(*models: Model) -> Configuration:
    ways = tuple(Way(model) for model in models)
    return Configuration(
        models={model.id: model for model in models}, routes={"both": Route("both", ways)}
    )


def test_it_leads_only_to_models_that_can_do_what_is_asked() -> None:
    server = Server("acme", "openai")
    chat, vectors = Model("c", server), Model("v", server, operation="embeddings")
    known = configured(chat, vectors)

    for operation, model in (("chat", chat), ("embeddings", vectors)):
        route = catalogue.route_of("both", known, operation=operation)
        assert [way.model for way in route.ways] == [model]
    with pytest.raises(InvalidInput):
        catalogue.route_of("both", configured(chat), operation="embeddings")


@pytest.mark.parametrize("off", ["model", "endpoint", "route"])
def test_it_asks_nobody_else_for_what_is_switched_off(settings: Any, off: str) -> None:
    settings.OPENAI_BASE_URL = "http://127.0.0.1:9/v1"
    model = serve("acme", "http://127.0.0.1:9/v1")
    lead("both", model)
    match off:
        case "model":
            ServedModel.objects.filter(pk=model.pk).update(enabled=False)
        case "endpoint":
            Endpoint.objects.filter(name="acme").update(enabled=False)
        case "route":
            RouteRow.objects.update(enabled=False)
    names = ["both"] if off == "route" else ["acme/m", "m"]

    for name in names:
        with pytest.raises(InvalidInput):
            catalogue.route_of(name, loading.load())


def test_it_answers_nothing_by_default_when_the_default_route_is_switched_off() -> None:
    lead("chat-default", serve("acme", "http://127.0.0.1:9/v1"))
    RouteRow.objects.update(enabled=False)

    with pytest.raises(InvalidInput):
        catalogue.route_of("chat-default", loading.load())


def test_it_asks_the_endpoint_when_it_calls_its_own_model_as_the_default(settings: Any) -> None:
    settings.OPENAI_BASE_URL = "http://127.0.0.1:9/v1"
    settings.OPENAI_MODEL = "chat-default"

    route = catalogue.route_of("chat-default", Configuration())

    assert [way.model.id for way in route.ways] == ["openai/chat-default"]


def test_it_asks_nobody_for_a_name_that_no_model_has(settings: Any) -> None:
    settings.OPENAI_BASE_URL = "http://127.0.0.1:9/v1"

    with pytest.raises(InvalidInput):
        catalogue.route_of("x" * 251, Configuration())


@pytest.mark.usefixtures("valkey")
def test_it_finds_the_default_beside_the_loop_that_answers(settings: Any) -> None:
    """The endpoint lists its models on the loop that calls run on, which must not wait for it."""
    settings.OPENAI_MODEL = ""
    endpoints.Listing.until = 0.0
    said = stream(delta(content="Hello"), delta("stop"), "[DONE]")

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/models"):
            return web.json_response({"data": [{"id": "theirs"}]})
        return await said(request)

    with connected(settings) as endpoint:
        endpoint.answer = answer
        watching.forget()
        context = RequestContext(subject="user:ada", team="hiring")
        request = ChatRequest("chat-default", [{"role": "user", "content": "hi"}])

        answered: list[Any] = []
        asking = threading.Thread(
            target=lambda: answered.append(calling.complete(context, request)), daemon=True
        )
        asking.start()
        asking.join(20)

    assert [completion.text for completion in answered] == ["Hello"]
    assert endpoint.bodies[0]["model"] == "theirs"
    endpoints.Listing.until = 0.0


def test_it_keeps_connections_of_two_endpoints_of_one_name_apart() -> None:
    with served_beside() as one, served_beside() as two:
        first = endpoints.provider_of(Model("m", Server("openai", "openai", one.url)))
        second = endpoints.provider_of(Model("m", Server("openai", "openai", two.url)))
        again = endpoints.provider_of(Model("m", Server("openai", "openai", two.url)))

        assert first is not second
        assert again is second
