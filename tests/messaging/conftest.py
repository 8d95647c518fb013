"""Lanes that need no agent, and handlers that need no model."""

import uuid
from collections.abc import Callable, Iterator

import pytest
from pytest_django import DjangoDbBlocker

from playground.messaging import handlers, lanes
from playground.messaging.appending import Appended, append_message
from playground.messaging.handlers import RunHandler
from playground.messaging.models import Lane
from playground.policy.models import User
from tests.messaging.stage import Stage

KIND = "thread"


@pytest.fixture
def lane(alice: User) -> Lane:
    return lanes.open_lane(context=alice.context(), owner=alice, kind=KIND)


@pytest.fixture
def say(lane: Lane) -> Callable[..., Appended]:
    def append(content: str = "hello", *, key: str | None = None, **options: object) -> Appended:
        return append_message(
            lane.pk,
            role="user",
            content=content,
            author="user:alice",
            dedup_key=key or str(uuid.uuid4()),
            starts_run=True,
            **options,  # type: ignore[arg-type]
        )

    return append


@pytest.fixture
def handled_by() -> Iterator[Callable[[RunHandler], None]]:
    before = dict(handlers._handlers)
    yield lambda handler: handlers.register(KIND, handler)
    handlers._handlers.clear()
    handlers._handlers.update(before)


@pytest.fixture(scope="session")
def built_stage(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Stage]:
    made = Stage()
    with django_db_blocker.unblock():
        try:
            made.set_up()
            yield made
        finally:
            made.tear_down()


@pytest.fixture
def stage(built_stage: Stage, django_db_blocker: DjangoDbBlocker) -> Iterator[Stage]:
    """Use the services that may be killed, in place of the session's."""
    with django_db_blocker.unblock(), built_stage.entered():
        yield built_stage
