"""The hiring sample as every test of its skills needs it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker

from playground.core import spans
from playground.core.context import RequestContext
from playground.policy.models import Role, User
from playground.policy.people import ensure_member
from skills import registry
from skills.declaring import Skill, SkillContext
from skills.hiring import loading, wording
from skills.hiring.models import Candidate, Job


@pytest.fixture(scope="package")
def _sample_rows(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Commit the sample once for this folder: two thousand rows take seconds."""
    with django_db_blocker.unblock():
        loading.load(team="hiring")
    yield
    with django_db_blocker.unblock():
        Candidate.objects.all().delete()
        Job.objects.all().delete()


@pytest.fixture
def sample(_sample_rows: None, db: None) -> None:
    # A test that commits empties the tables; then this loads them again, else it only looks.
    loading.load(team="hiring")


def reviewer_of(team: str) -> RequestContext:
    """Return the context of somebody who may label what is protected."""
    User.objects.get_or_create(username="rachel", defaults={"display_name": "Rachel"})
    ensure_member("rachel", team=team, role=Role.REVIEWER)
    return User.objects.get(username="rachel").context(team=team)


@pytest.fixture
def call(sample: None, alice: User) -> Callable[..., Any]:
    """Call a skill's function as Alice, on the test's own connection."""
    wording.ensure_outreach(reviewer_of("hiring"))

    def call_skill(name: str, **arguments: Any) -> Any:
        skill = registry.get(name)
        context = SkillContext(request=alice.context())
        return skill(skill.args.model_validate(arguments), context)

    return call_skill


@pytest.fixture
def registered() -> Any:
    """Register skills for one test."""
    names: list[str] = []

    def register(skill: Skill) -> Skill:
        names.append(skill.name)
        return registry.register(skill)

    yield register
    for name in names:
        registry.unregister(name)


class _Keeper:
    """Keep every span that has ended."""

    def __init__(self) -> None:
        self.ended: list[spans.SpanRecord] = []

    def on_start(self, record: spans.SpanRecord) -> None: ...
    def on_update(self, record: spans.SpanRecord) -> None: ...
    def on_delta(self, delta: spans.SpanDelta) -> None: ...
    def on_interrupt(self, trace_id: str) -> None: ...
    def on_end(self, record: spans.SpanRecord) -> None:
        self.ended.append(record)

    def flush(self) -> bool:
        return True


@pytest.fixture
def recorded_spans() -> Iterator[list[spans.SpanRecord]]:
    """Return the spans that have ended so far; flush before reading."""
    keeper = _Keeper()
    spans.register_sink(keeper)
    yield keeper.ended
    spans.unregister_sink(keeper)
