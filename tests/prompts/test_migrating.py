"""Versions that were saved before contents had one shape are carried over, and back."""

import pytest
from django.core.management import call_command
from django.db import connection

from playground.core.provisioning import acting_as
from playground.policy.models import Team
from playground.prompts.models import PromptVersion
from playground.prompts.resolving import render_version
from tests.services import Services


@pytest.mark.django_db(transaction=True, databases="__all__")
def test_it_carries_versions_over_and_back(embedded_services: Services, hiring: Team) -> None:
    def migrate(*target: str) -> None:
        connection.close()
        passwords = embedded_services.credentials.passwords
        with acting_as("owner", embedded_services.silos, passwords):
            call_command("migrate", *target, verbosity=0, interactive=False)
        connection.close()

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
