"""What the framework refuses before any handler is a problem document all the same."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable

import pytest
from django.test import Client

from playground.policy.models import User
from tests.stack import Stack

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


@pytest.mark.parametrize("boundary", ["", "; boundary=x"])
def test_it_answers_in_words_when_a_form_cannot_be_read(live_stack: Stack, boundary: str) -> None:
    request = urllib.request.Request(
        f"{live_stack.base}/api/threads",
        b"abc",
        {"Content-Type": f"multipart/form-data{boundary}"},
    )

    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)

    assert refused.value.code == 401
    assert json.load(refused.value)["code"] == "auth.required"
