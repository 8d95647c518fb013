"""The people of every test.

Alice owns, Bob is her teammate, Vera only looks, Charlie is a stranger of another team, Ada
administers Alice's team. ``client_for`` signs somebody in as a browser, ``api_for`` as a script
with a key.
"""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from playground.policy import keys
from playground.policy.models import Membership, Role, Team, User


def join(username: str, *, team: str, role: Role) -> User:
    joined, _ = Team.objects.get_or_create(slug=team, defaults={"name": team.title()})
    user, _ = User.objects.get_or_create(
        username=username, defaults={"display_name": username.title()}
    )
    Membership.objects.update_or_create(user=user, team=joined, defaults={"role": role})
    return user


@pytest.fixture
def hiring(db: None) -> Team:
    return Team.objects.get_or_create(slug="hiring", defaults={"name": "Hiring"})[0]


@pytest.fixture
def alice(hiring: Team) -> User:
    return join("alice", team="hiring", role=Role.DEVELOPER)


@pytest.fixture
def bob(hiring: Team) -> User:
    return join("bob", team="hiring", role=Role.DEVELOPER)


@pytest.fixture
def vera(hiring: Team) -> User:
    return join("vera", team="hiring", role=Role.VIEWER)


@pytest.fixture
def ada(hiring: Team) -> User:
    return join("ada", team="hiring", role=Role.ADMIN)


@pytest.fixture
def charlie(db: None) -> User:
    return join("charlie", team="trust", role=Role.DEVELOPER)


@pytest.fixture
def client_for() -> Callable[[User], Client]:
    def sign_in(user: User, **options: Any) -> Client:
        client = Client(**options)
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def key_for() -> Callable[[User], str]:
    made: dict[int, str] = {}

    def key_of(user: User) -> str:
        if user.pk not in made:
            membership = user.memberships.select_related("team").order_by("team__slug")[0]
            made[user.pk] = keys.create(user=user, team=membership.team, name="test").secret
        return made[user.pk]

    return key_of


@pytest.fixture
def api_for(key_for: Callable[[User], str]) -> Callable[[User], Client]:
    def client_with_key(user: User, **options: Any) -> Client:
        return Client(headers={"authorization": f"Bearer {key_for(user)}"}, **options)

    return client_with_key
