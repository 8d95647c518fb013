"""What was kept before the tables were as they are is carried over, and back."""

from collections.abc import Callable

import pytest
from django.core.management import call_command
from django.db import connection

from playground.core.provisioning import acting_as
from playground.policy.models import Team, User
from playground.prompts.models import (
    ExposedSums,
    Exposure,
    LabelProposal,
    Prompt,
    PromptVersion,
    Ramp,
    SlotSums,
)
from playground.prompts.ramps import drafting
from playground.prompts.ramps.proposing_ramps import propose
from playground.prompts.resolving import render_version
from tests.prompts.ramped import greeting, happen, planned, started
from tests.services import Services

__all__ = ["greeting"]
pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")
Migrate = Callable[..., None]


@pytest.fixture
def migrate(embedded_services: Services) -> Migrate:
    """Return what takes the tables to a migration, or to the last one."""

    def to(*target: str) -> None:
        connection.close()
        passwords = embedded_services.credentials.passwords
        with acting_as("owner", embedded_services.silos, passwords):
            call_command("migrate", *target, verbosity=0, interactive=False)
        connection.close()

    return to


def test_it_carries_versions_over_and_back(migrate: Migrate, hiring: Team) -> None:
    migrate("prompts", "0001")
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO prompts_prompt (id, team_id, name, kind) "
                "VALUES (gen_random_uuid(), %s, 'old', 'agent') RETURNING id",
                [hiring.pk],
            )
            cursor.execute(
                "INSERT INTO prompts_promptversion "
                "(id, prompt_id, number, messages, inputs, content_hash, author) VALUES "
                "(gen_random_uuid(), %s, 1, %s, %s, 'x', 'user:alice')",
                [
                    cursor.fetchone()[0],
                    '[{"role": "system", "template": "Hi {{ name }}"}]',
                    '["name"]',
                ],
            )
    finally:
        migrate()
    version = PromptVersion.objects.select_related("prompt__team").get()
    migrate("prompts", "0001")
    with connection.cursor() as cursor:
        cursor.execute("SELECT inputs FROM prompts_promptversion")
        (inputs,) = cursor.fetchone()
    migrate()

    assert (version.prompt.kind, version.prompt.author) == ("chat", "user:alice")
    assert version.inputs == {"type": "object", "properties": {"name": {}}}
    assert version.content_hash == version.content.content_hash
    assert render_version(version, {"name": "Ana"}).messages[0]["content"] == "Hi Ana"
    assert inputs == '["name"]'


def test_it_carries_what_was_seen_of_ramps_over_and_back(
    migrate: Migrate, rhea: User, greeting: Prompt
) -> None:
    given_up = planned(rhea)
    drafting.discard(rhea.context(), given_up.pk, reason="not this one")
    waiting = propose(rhea.context(), planned(rhea).pk, reason="later")
    ramp = started(rhea, stages=[{"percent": 50}])
    ok = {"error_rate": 0.0}
    happen(ramp, {"baseline": ok, "candidate": ok}, members=range(40), user=rhea)

    migrate("prompts", "0007")
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT sum(n), count(DISTINCT hour) FROM prompts_hoursums")
            (calls, hours) = cursor.fetchone()
    finally:
        migrate()

    assert (calls, hours in (1, 2)) == (40, True)
    assert sum(SlotSums.objects.values_list("n", flat=True)) == 40
    exposed = sum(ExposedSums.objects.values_list("units", flat=True))
    assert exposed == Exposure.objects.count() == 40
    kept = {each.pk: each for each in Ramp.objects.all()}
    assert kept.keys() == {ramp.pk, waiting.pk}, "what the older tables cannot say is forgotten"
    assert kept[ramp.pk].started_at is not None
    # Left without its ramp it would move the label for everybody.
    assert not LabelProposal.objects.exists()
