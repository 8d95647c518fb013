"""Embed the sample's candidates and jobs afresh; needed after their texts have changed."""

from typing import Any

from django.core.management.base import BaseCommand

from skills.hiring import generation, vectors


class Command(BaseCommand):
    help = "Embed the sample's candidates and jobs afresh (takes minutes) and store the vectors."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        people = [vectors.text_of_candidate(each) for each in generation.candidates()]
        openings = [vectors.text_of_job(each) for each in generation.jobs()]
        vectors.store(vectors.make(people), vectors.make(openings))
        self.stdout.write(
            f"{len(people)} candidates and {len(openings)} jobs, "
            f"{vectors.FILE.stat().st_size / 1e6:.1f} MB in {vectors.FILE.name}"
        )
