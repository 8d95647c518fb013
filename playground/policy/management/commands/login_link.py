"""Print a one-time login link."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from playground.policy import links
from playground.policy.models import User
from playground.policy.people import OWNER, ensure_owner


class Command(BaseCommand):
    help = "Print a login link that works once, within 12 hours."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--user", help=f"whom to sign in; without it {OWNER!r}, who administers every team"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["user"] is None:
            user = ensure_owner()
        else:
            found = User.objects.filter(username=options["user"], is_active=True).first()
            if found is None:
                raise CommandError(f"there is no user {options['user']!r}")
            user = found
        self.stdout.write(f"{settings.PLAYGROUND_PUBLIC_URL}/login/{links.issue(user)}")
