"""Put the sample's rows into the silo of client data."""

from django.db import transaction

from skills.hiring import generation, vectors
from skills.hiring.models import Candidate, Job


def load(*, team: str) -> tuple[int, int]:
    """Load candidates and jobs for a team unless it has some; return how many it then has."""
    with transaction.atomic(using="client_data"):
        if not Candidate.objects.of_team(team).exists():
            people, openings = vectors.committed()
            Candidate.objects.bulk_create(
                [
                    Candidate(**draft.as_row(), team=team, embedding=vector)
                    for draft, vector in zip(generation.candidates(), people, strict=True)
                ],
                batch_size=500,
            )
            Job.objects.bulk_create(
                [
                    Job(**draft.as_row(), team=team, embedding=vector)
                    for draft, vector in zip(generation.jobs(), openings, strict=True)
                ]
            )
    return Candidate.objects.of_team(team).count(), Job.objects.of_team(team).count()
