"""What the framework refuses before any handler is a problem document all the same."""

from collections.abc import Callable

import pytest
from django.test import Client

from playground.policy.models import User

Keyed = Callable[[User], Client]


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_it_documents_a_method_that_is_not_allowed(
    alice: User, api_for: Keyed, method: str
) -> None:
    answer = getattr(api_for(alice), method)("/api/threads")

    assert answer.status_code == 405
    assert answer["Content-Type"].startswith("application/problem+json")
    assert answer.json()["code"] == "http.405"
    assert "GET" in answer["Allow"]
