"""How somebody comes to a route: with a key to the API, signed in to the rest."""

from collections.abc import Callable

import pytest
from django.test import Client

from playground.policy.models import User
from tests.policy.walking import ClientOf


@pytest.fixture
def client_of(client_for: Callable[..., Client], api_for: Callable[..., Client]) -> ClientOf:
    def of(user: User, route: str) -> Client:
        by_key = route.startswith("api/") and route != "api/docs"
        return (api_for if by_key else client_for)(user, raise_request_exception=False)

    return of
