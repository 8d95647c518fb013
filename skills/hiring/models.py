"""Candidates, jobs, and what a search finds them by. They live in the silo of client data."""

from typing import ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from pgvector.django import VectorField

from playground.core.ids import urn

DIMENSIONS = 384


def _words(*columns: str) -> models.GeneratedField:
    """Return a column that the database keeps: the weighted words of the others."""
    return models.GeneratedField(
        expression=models.Func(*columns, function="hiring_words"),
        output_field=SearchVectorField(),
        db_persist=True,
    )


class TeamRows(models.QuerySet):  # type: ignore[type-arg]
    def of_team(self, team: str) -> Self:
        """Keep the rows that belong to the team with this slug."""
        return self.filter(team=team)


class Candidate(models.Model):
    """Somebody who might be hired; ``salary_eur`` is expected a year, ``notice_weeks`` to leave."""

    id = models.PositiveIntegerField(primary_key=True)
    team = models.SlugField()
    name = models.CharField(max_length=120)
    headline = models.CharField(max_length=240)
    field = models.CharField(max_length=32)
    seniority = models.CharField(max_length=16)
    years = models.PositiveSmallIntegerField()
    city = models.CharField(max_length=64)
    country = models.CharField(max_length=64)
    skills = ArrayField(models.CharField(max_length=64))
    industries = ArrayField(models.CharField(max_length=64))
    companies = models.JSONField()
    languages = ArrayField(models.CharField(max_length=32))
    open_to_work = models.BooleanField()
    remote = models.BooleanField()
    salary_eur = models.PositiveIntegerField()
    notice_weeks = models.PositiveSmallIntegerField()
    summary = models.TextField()
    embedding = VectorField(dimensions=DIMENSIONS)
    # No index over the embedding: two thousand rows are compared exactly, filters included.
    words = _words("name", "headline", "city", "skills", "industries", "summary")

    objects = TeamRows.as_manager()

    class Meta:
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [
            GinIndex(fields=["words"], name="candidate_words"),
            GinIndex(fields=["skills"], name="candidate_skills"),
            models.Index(fields=["team", "city", "seniority"], name="candidate_filters"),
        ]

    def __str__(self) -> str:
        return f"{self.name}, {self.headline}"

    @property
    def urn(self) -> str:
        """Name the person outside of the silo."""
        return urn("candidate", self.id)


class Job(models.Model):
    """An opening; salaries are euros a year."""

    id = models.PositiveIntegerField(primary_key=True)
    team = models.SlugField()
    title = models.CharField(max_length=120)
    company = models.CharField(max_length=64)
    field = models.CharField(max_length=32)
    seniority = models.CharField(max_length=16)
    min_years = models.PositiveSmallIntegerField()
    city = models.CharField(max_length=64)
    country = models.CharField(max_length=64)
    skills = ArrayField(models.CharField(max_length=64))
    nice_to_have = ArrayField(models.CharField(max_length=64))
    industry = models.CharField(max_length=64)
    remote = models.BooleanField()
    salary_from_eur = models.PositiveIntegerField()
    salary_to_eur = models.PositiveIntegerField()
    description = models.TextField()
    embedding = VectorField(dimensions=DIMENSIONS)
    words = _words("company", "title", "city", "skills", "nice_to_have", "description")

    objects = TeamRows.as_manager()

    class Meta:
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [GinIndex(fields=["words"], name="job_words")]

    def __str__(self) -> str:
        return f"{self.title} at {self.company}, {self.city}"
