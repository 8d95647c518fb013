"""Make an API key and print it, once."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_slug

from playground.policy import auditing, keys
from playground.policy.models import Role
from playground.policy.people import ensure_member


class Command(BaseCommand):
    help = "Make an API key and print it on stdout; user, team and membership are made if missing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", required=True, help="user name")
        parser.add_argument("--team", required=True, help="team, by its short name")
        parser.add_argument(
            "--role", choices=Role.values, default=Role.DEVELOPER, help="of a new membership"
        )
        parser.add_argument("--name", default="command line", help="what the list of keys shows")

    def handle(self, *args: Any, **options: Any) -> None:
        for word in ("user", "team"):
            try:
                validate_slug(options[word])
            except ValidationError:
                raise CommandError(f"--{word} may hold letters, digits, - and _ only") from None
        membership = ensure_member(
            options["user"], team=options["team"], role=Role(options["role"])
        )
        created = keys.create(user=membership.user, team=membership.team, name=options["name"])
        auditing.record(
            membership.user.context(team=membership.team.slug),
            action="create",
            resource=f"apikey:{created.key.id}",
            outcome="done",
            details={"by": "manage.py create_api_key"},
        )
        self.stdout.write(created.secret)
