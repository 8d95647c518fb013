"""Search candidates and jobs by words and by meaning at once, inside one team's rows."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db.models import F, FloatField, Q, QuerySet, Value
from pgvector.django import MaxInnerProduct

from playground.core import ranking
from playground.core.errors import ModelRetry
from playground.gateway.embeddings import embed
from skills.hiring import reading, roles
from skills.hiring.models import Candidate, Job
from skills.hiring.reading import Filters

MAX_TERMS = 24
# A role that fits wholly outweighs any usual lead in words or meaning.
ROLE_WEIGHT = 8.0
# Who works in the wanted industry today goes before who once did, other things being near.
PRESENT_WEIGHT = 1.0
RELAXED_FIRST = ("industry", "skills", "min_years", "seniority", "location")


@dataclass(frozen=True, slots=True)
class Found:
    """One hit.

    Attributes:
        score: sum of the two z-scores, the weighted role and the present industry; compare it
            within one search only.
        words: z-score of the full-text rank.
        meaning: z-score of the embedding's similarity.
        role: share, 0 to 1, of the role's words in the query that the job title answers to.
    """

    row: Any
    score: float
    words: float
    meaning: float
    role: float


@dataclass(frozen=True, slots=True)
class _Ranked:
    """A hit before its row is loaded."""

    key: int
    score: float = 0.0
    words: float = 0.0
    meaning: float = 0.0
    role: float = 0.0


@dataclass(frozen=True, slots=True)
class Hits:
    """The hits, best first, how many there are in all, and how the request was understood."""

    total: int
    items: list[Found]
    filters: Filters
    relaxed: tuple[str, ...] = ()


def find_candidates(team: str, *, query: str, filters: Filters, limit: int) -> Hits:
    """Search the team's candidates. What the query names and the filters leave open is a filter.

    Those read from the query are given up one by one where nothing would be left; given ones
    are kept. Runs three queries, a few more where filters are given up.
    """
    wanted, relaxed = filters.over(reading.read(query)), []
    rows = _narrow(Candidate.objects.of_team(team), wanted)
    for name in RELAXED_FIRST:
        if rows.exists():
            break
        if getattr(wanted, name) and not getattr(filters, name):
            wanted = wanted.without(name)
            relaxed.append(name)
            rows = _narrow(Candidate.objects.of_team(team), wanted)
    present = set(
        rows.filter(companies__0__industry=wanted.industry).values_list("pk", flat=True)
        if wanted.industry
        else ()
    )
    found = _rank(rows, query or " ".join((*wanted.skills, wanted.industry)), preferred=present)
    return Hits(len(found), _load(Candidate, found[:limit]), wanted, tuple(relaxed))


def find_jobs(team: str, *, query: str, filters: Filters, remote: bool, limit: int) -> Hits:
    """Search the team's jobs, as candidates are searched."""
    rows = Job.objects.of_team(team)
    if filters.location:
        rows = rows.filter(_located(filters.location))
    if filters.seniority:
        rows = rows.filter(seniority=filters.seniority)
    if filters.industry:
        rows = rows.filter(industry__iexact=filters.industry)
    if filters.skills:
        rows = rows.filter(
            Q(skills__overlap=list(filters.skills)) | Q(nice_to_have__overlap=list(filters.skills))
        )
    if remote:
        rows = rows.filter(remote=True)
    found = _rank(rows, query)
    return Hits(len(found), _load(Job, found[:limit]), filters)


def candidate(team: str, number: int) -> Candidate:
    """Return one of the team's candidates.

    Raises:
        ModelRetry: ``hiring.candidate-not-found``.
    """
    row: Candidate | None = Candidate.objects.of_team(team).filter(pk=number).first()
    if row is None:
        raise ModelRetry(
            "hiring.candidate-not-found",
            f"There is no candidate {number}; take the id from a search.",
            retryable=False,
        )
    return row


def job(team: str, number: int) -> Job:
    """Return one of the team's jobs.

    Raises:
        ModelRetry: ``hiring.job-not-found``.
    """
    row: Job | None = Job.objects.of_team(team).filter(pk=number).first()
    if row is None:
        raise ModelRetry(
            "hiring.job-not-found",
            f"There is no job {number}; take the id from a job search.",
            retryable=False,
        )
    return row


def _narrow(rows: "QuerySet[Any]", filters: Filters) -> "QuerySet[Any]":
    if filters.location:
        rows = rows.filter(_located(filters.location))
    if filters.seniority:
        rows = rows.filter(seniority=filters.seniority)
    if filters.industry:
        rows = rows.filter(industries__contains=[filters.industry.lower()])
    if filters.skills:
        rows = rows.filter(skills__contains=list(filters.skills))
    if filters.min_years:
        rows = rows.filter(years__gte=filters.min_years)
    return rows


def _located(place: str) -> Q:
    return Q(city__iexact=place) | Q(country__iexact=place)


def _rank(rows: "QuerySet[Any]", query: str, *, preferred: Collection[int] = ()) -> list[_Ranked]:
    """Score every row, best first; one query."""
    terms = ranking.words(query)[:MAX_TERMS]
    if not terms:
        return [_Ranked(each) for each in rows.values_list("pk", flat=True)]
    # Any word may match: the rank, not the filter, rewards those who match more.
    either = SearchQuery(" OR ".join(terms), config="english", search_type="websearch")
    vector = embed([query[:1000]], kind="query")[0]
    scored = rows.annotate(
        by_words=SearchRank(F("words"), either, normalization=Value(1)),
        by_meaning=MaxInnerProduct("embedding", vector) * Value(-1.0, FloatField()),
    ).values_list("pk", "field", "by_words", "by_meaning")
    named = roles.wanted(query)
    by_words, by_meaning, by_role = {}, {}, {}
    for key, field, lexical, semantic in scored:
        by_words[key], by_meaning[key] = float(lexical), float(semantic)
        by_role[key] = roles.fit(field, named)
    fused = ranking.fuse([by_words, by_meaning])
    first, second = ranking.zscores(by_words), ranking.zscores(by_meaning)
    ranked = [
        _Ranked(
            key=key,
            score=fused[key] + ROLE_WEIGHT * role + PRESENT_WEIGHT * (key in preferred),
            words=first[key],
            meaning=second[key],
            role=role,
        )
        for key, role in by_role.items()
    ]
    return sorted(ranked, key=lambda each: (-each.score, each.key))


def _load(model: Any, ranked: list[_Ranked]) -> list[Found]:
    rows = model.objects.defer("embedding", "words").in_bulk([each.key for each in ranked])
    return [
        Found(
            row=rows[each.key],
            score=round(each.score, 3),
            words=round(each.words, 2),
            meaning=round(each.meaning, 2),
            role=round(each.role, 2),
        )
        for each in ranked
        if each.key in rows
    ]
