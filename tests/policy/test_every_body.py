"""Walk every route with a NUL character, in a body of each kind and in the address."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.utils.http import urlencode

from tests.policy.routes import KNOWN, METHODS, routes
from tests.policy.walking import nobodys


def _nulled(body: Mapping[str, Any]) -> dict[str, Any]:
    return {**body, "nul": "a\x00b"}


def _forms(route: str, body: Mapping[str, Any]) -> list[tuple[Any, str]]:
    """Return the ways in which a body may be sent, as it is and as its content type says."""
    if route.startswith("api/"):
        written = json.dumps(body)
        kinds = ("application/json", "application/x-www-form-urlencoded", MULTIPART_CONTENT)
        return [(written, kind) for kind in kinds]
    return [
        (urlencode(body), "application/x-www-form-urlencoded"),
        (encode_multipart(BOUNDARY, body), MULTIPART_CONTENT),
        (encode_multipart(BOUNDARY, {"nul\x00": "b"}), MULTIPART_CONTENT),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("route", [route for route in routes() if route in KNOWN])
def test_it_refuses_a_nul_character_when_a_body_or_an_address_holds_one(alice, client_of, route):
    client, path = client_of(alice, route), "/" + nobodys().fill(route)
    refused = []

    # Pages read bodies that are posted alone.
    for method in ("POST", "PUT", "PATCH", "DELETE") if route.startswith("api/") else ("POST",):
        body = _nulled(nobodys().into(KNOWN[route].bodies.get(method, {})))
        refused += [
            (method, kind, client.generic(method, path, sent, kind))
            for sent, kind in _forms(route, body)
        ]
    for method in METHODS:
        refused.append((method, "query", client.generic(method, f"{path}?q=a%00b")))
        refused.append((method, "raw", client.generic(method, path, QUERY_STRING="q=a\x00b")))

    for *told, answer in refused:
        assert answer.status_code == 400, told
        assert told[0] == "HEAD" or "request.nul" in answer.content.decode(), told
