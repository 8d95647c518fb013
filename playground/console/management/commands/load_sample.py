"""Load the sample workspace."""

from typing import Any

from django.core.management.base import BaseCommand

from playground.console import sample


class Command(BaseCommand):
    help = "Load the sample workspace, as far as it is missing: teams, people, candidates, agents."

    def handle(self, *args: Any, **options: Any) -> None:
        loaded = sample.load()
        made = ", ".join(loaded.agents_made) or "none new"
        self.stdout.write(
            f"Sample workspace: {loaded.candidates} candidates, {loaded.jobs} jobs, agents: {made}"
        )
