"""Every test runs on real services: one PostgreSQL and one Valkey for the session.

``db`` wraps a test in transactions that are rolled back, in all three silos; ``transactional_db``
commits, and its tables are emptied afterwards. Tests connect as the application roles.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as effort

from tests import services

# The settings are read when Django is first imported, so the session's folder is decided here.
HOME = services.new_home()
for name in ("DATABASE_URL", "MEMORY_DATABASE_URL", "CLIENT_DATABASE_URL", "REDIS_URL"):
    os.environ.pop(name, None)
for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL"):
    os.environ.pop(name, None)
os.environ.update(
    DJANGO_SETTINGS_MODULE="playground.settings",
    PLAYGROUND_HOME=str(HOME),
    PLAYGROUND_STATIC="plain",
    PLAYGROUND_LOG_LEVEL="WARNING",
)
services.plan(HOME)

import django  # noqa: E402

django.setup()

import redis  # noqa: E402
from django.conf import settings  # noqa: E402
from django.test import TestCase, TransactionTestCase  # noqa: E402
from pytest_django import DjangoDbBlocker  # noqa: E402

from playground.core import migrating, spans  # noqa: E402
from playground.core.provisioning import acting_as  # noqa: E402
from playground.gateway import calibrating, watching  # noqa: E402
from playground.gateway.breaking import breaker  # noqa: E402
from playground.policy import policies  # noqa: E402
from playground.prompts.held import holding  # noqa: E402
from tests.stack import Stack  # noqa: E402

pytest_plugins = ["tests.people"]

# A machine that is busy with something else is no fault of what is tested.
effort.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
effort.load_profile("patient")


@pytest.fixture(scope="session")
def embedded_services() -> Iterator[services.Services]:
    """Run the session's PostgreSQL and Valkey."""
    running = services.Services(HOME)
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def django_db_setup(
    embedded_services: services.Services, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """Migrate as the owners; nothing is called ``test_…``, the whole cluster is the test's."""
    passwords = embedded_services.credentials.passwords
    with django_db_blocker.unblock(), acting_as("owner", embedded_services.silos, passwords):
        for silo in embedded_services.silos:
            migrating.migrate(silo.alias)
    embedded_services.remember_seeds()

    def empty(_case: TransactionTestCase) -> None:
        # Spans are written by a thread of their own, which must not wait for what waits for it.
        with django_db_blocker.unblock():
            spans.flush()
        embedded_services.empty()

    TransactionTestCase._fixture_teardown = empty  # type: ignore[method-assign]
    TransactionTestCase.databases = TestCase.databases = "__all__"  # type: ignore[assignment]
    yield
    from django.db import connections

    with django_db_blocker.unblock():
        # What is left would be written at exit, when the database is gone.
        spans.flush()
    connections.close_all()
    for silo in embedded_services.silos:
        connections[silo.alias].close_pool()


@pytest.fixture(autouse=True)
def fresh_configuration() -> None:
    """Let no test see what another configured or held, nor whose circuits it broke."""
    watching.forget()
    calibrating.forget()
    holding.forget()
    breaker.reset()
    # On a busy machine they are looked at anew within a test, with what is rolled back after it.
    policies.forget_compiled()


@pytest.fixture
def valkey(embedded_services: services.Services) -> Iterator["redis.Redis"]:
    """Give a client of an empty Valkey."""
    client = redis.Redis.from_url(settings.REDIS_URL)
    client.flushall()
    yield client
    client.close()


@pytest.fixture(scope="session")
def live_stack() -> Iterator[Stack]:
    """Run a whole Playground of the session's own: the sample workspace, and the scripted model."""
    stack = Stack(extra={"PLAYGROUND_SCRIPTED": "1"})
    try:
        yield stack.start()
    finally:
        stack.remove()


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Let the workers of xdist read the settings when they have folders of their own."""
    if getattr(session.config.option, "numprocesses", None):
        # Known in the environment they would be read before ``conftest`` decides the folder.
        os.environ.pop("DJANGO_SETTINGS_MODULE", None)


def pytest_sessionfinish() -> None:
    services.Places.under(HOME).remove()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give all files that use ``live_stack`` to one process, so that one such stack is started."""
    if config.option.dist != "loadfile":
        return None
    from tests.sharing import SharedStack

    return SharedStack(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that no process waits for another at the end."""
    slow = {
        item.path
        for item in items
        if item.get_closest_marker("browser") or item.get_closest_marker("drill")
    }
    items.sort(key=lambda item: item.path not in slow)
