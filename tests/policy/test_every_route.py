"""Walk every method of every route as somebody anonymous, an outsider and a teammate.

The outsider knows the team's real ids. What they are answered must equal, byte for byte but for
the id itself and the request's id, what they are answered for ids that do not exist.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from django.db import connections, transaction
from pytest_django import DjangoDbBlocker

from playground.policy.authentication import PUBLIC_ROUTES
from tests.policy.routes import KNOWN, STREAMS, routes
from tests.policy.walking import (
    SECRET,
    World,
    as_nobody,
    as_outsider,
    as_teammate,
    build,
    names_ids,
    requests,
    seen,
)

# A stream reads in a thread, whose connection sees only what was committed: ``test_every_stream``.
ROUTES = [route for route in routes() if route in KNOWN and route not in STREAMS]
OWN_ROUTES = [route for route in ROUTES if KNOWN[route].own]


@contextmanager
def undone(blocker: DjangoDbBlocker) -> Iterator[None]:
    """Take back in the end what the block did in any silo."""
    with blocker.unblock(), ExitStack() as opened:
        for alias in connections:
            opened.enter_context(transaction.atomic(using=alias))
        yield
        for alias in connections:
            transaction.set_rollback(True, using=alias)


@pytest.fixture(scope="module")
def kept(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    """Build the world once for all walks."""
    with undone(django_db_blocker):
        yield build()


@pytest.fixture
def world(kept: World, valkey: object, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    """Return the world as it was built, whatever an earlier walk did to it."""
    with undone(django_db_blocker):
        yield kept


def test_it_knows_every_route_when_the_site_map_is_read():
    served = set(routes())

    assert served - set(KNOWN) == set(), "describe these in tests/policy/routes.py"
    assert set(KNOWN) - served == set(), "these are gone"


def test_it_opens_no_other_door_when_the_public_ones_are_counted():
    assert {"healthz", "login", "login-link"} == PUBLIC_ROUTES
    assert {route for route in KNOWN if KNOWN[route].public} == {
        "healthz", "login", "login/<str:token>",
    }  # fmt: skip


@pytest.mark.parametrize("route", ROUTES)
def test_it_asks_to_sign_in_when_nobody_is(world, route):
    as_nobody(world, route)


@pytest.mark.parametrize("route", ROUTES)
def test_it_tells_an_outsider_nothing_when_they_have_real_ids(world, client_of, route):
    as_outsider(world, route, client_of)


@pytest.mark.parametrize("route", ROUTES)
def test_it_answers_a_teammate_when_the_ids_are_real(world, client_of, route):
    as_teammate(world, route, client_of)


@pytest.mark.parametrize("route", OWN_ROUTES)
def test_it_tells_a_teammate_nothing_when_the_thing_is_a_persons_own(world, client_of, route):
    client = client_of(world.bob, route)

    for asked in requests(route):
        for_real = seen(asked.by(client, world.real), world.real)

        assert SECRET not in for_real[2], asked
        if names_ids(asked):
            for_unknown = seen(asked.by(client, world.unknown), world.unknown)
            assert for_real == for_unknown, asked
