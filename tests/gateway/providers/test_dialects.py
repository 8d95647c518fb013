"""The dialects without a network."""

from typing import get_args

import pytest

from playground.gateway.models import EndpointKind
from playground.gateway.providers import dialects

V1 = "https://r.openai.azure.com/openai/v1/chat/completions"
CLASSIC = "https://r.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21"


def test_it_knows_every_kind_that_is_called_over_the_network() -> None:
    assert set(get_args(dialects.Kind)) == set(EndpointKind.values) - {"offline"}


@pytest.mark.parametrize(
    "base",
    [
        "https://r.openai.azure.com",
        "https://r.openai.azure.com/",
        "https://r.openai.azure.com/openai",
        "https://r.openai.azure.com/openai/v1",
        "https://r.openai.azure.com/openai/v1/",
        "https://r.openai.azure.com/openai/deployments/d",
    ],
)
def test_it_finds_azures_interfaces_however_the_resource_is_written(base: str) -> None:
    route = "chat/completions"

    assert dialects.url("azure", base, route, model="d") == V1
    assert dialects.url("azure", base, route, model="d", api_version="2024-10-21") == CLASSIC


def test_it_keeps_the_address_of_a_proxy_before_azure() -> None:
    url = dialects.url("azure", "https://proxy.example/azure/v1", "chat/completions", model="d")

    assert url == "https://proxy.example/azure/v1/chat/completions"


@pytest.mark.parametrize("name", ["a/b", "a?x=1", "a b", "ä"])
def test_it_quotes_the_deployment_when_its_name_would_lead_elsewhere(name: str) -> None:
    url = dialects.url("azure", "https://r", "embeddings", model=name, api_version="v")

    deployment = url.removeprefix("https://r/openai/deployments/").partition("/")[0]
    assert not set(deployment) & set("/? ä")
    assert url.endswith("/embeddings?api-version=v")


@pytest.mark.parametrize("kind", sorted(set(EndpointKind.values) - {"offline", "azure"}))
def test_it_appends_the_route_to_the_base_of_all_others(kind: str) -> None:
    url = dialects.url(kind, "https://x/v1/", "embeddings", model="m", api_version="ignored")

    assert url == "https://x/v1/embeddings"
    assert dialects.headers(kind, "k") == {"Authorization": "Bearer k"}


def test_it_shows_no_key_when_there_is_none() -> None:
    assert dialects.headers("azure", "") == dialects.headers("vllm", "") == {}


def test_it_keeps_the_limit_that_the_caller_gave_in_the_right_words() -> None:
    asked = {"model": "o3", "max_tokens": 9, "max_completion_tokens": 5}

    assert dialects.adapted("openai", asked) == {"model": "o3", "max_completion_tokens": 5}
    assert dialects.adapted("openai", {"model": "o3", "max_tokens": None}) == {"model": "o3"}
    assert asked["max_tokens"] == 9


def test_it_mends_nothing_when_the_refusal_is_about_something_else() -> None:
    asked = {"model": "m", "max_tokens": 9, "user": "u"}
    other = b'{"error": {"code": "unsupported_value", "param": "temperature"}}'

    for kind in EndpointKind.values:
        assert dialects.mended(kind, asked, other) is None
        assert dialects.mended(kind, asked, b"no json") is None


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'{"error": {"code": 1}}', {"code": 1}),
        (b'{"type": "error", "error": {"type": "x"}}', {"type": "x"}),
        (b'[{"error": {"code": 1}}]', {"code": 1}),
        (b'{"error": "text"}', {"error": "text", "message": "text"}),
        (b'{"object": "error", "code": 400}', {"object": "error", "code": 400}),
        (b"[]", {}),
        (b"[1]", {}),
        (b"null", {}),
        (b"", {}),
    ],
)
def test_it_finds_the_error_wherever_it_is_written(body: bytes, error: object) -> None:
    assert dialects.error_of(body) == error


@pytest.mark.parametrize(
    ("kind", "names"), [("anthropic", {"x-api-key", "anthropic-version"}), ("openai", set())]
)
def test_it_shows_the_key_as_the_listing_wants_it(kind: str, names: set[str]) -> None:
    assert set(dialects.listing_headers(kind, "sk-1")) == names
    assert dialects.listing_headers(kind, "") == {}
