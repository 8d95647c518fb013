"""Find candidates."""

from typing import Literal

from pydantic import BaseModel, Field

from skills.declaring import SkillArgs, SkillContext, skill
from skills.hiring import finding, reading

Seniority = Literal["junior", "mid", "senior", "staff", "lead"]


class CandidateSearch(SkillArgs):
    query: str = Field(
        min_length=1,
        max_length=500,
        description="Who is wanted, in plain words: role, tools, topics. "
        "Such as `Python engineers who know fintech`.",
    )
    location: str | None = Field(
        default=None, max_length=80, description="City or country where the candidates live."
    )
    seniority: Seniority | None = Field(
        default=None, description="Level of experience that the candidates must have."
    )
    skills: list[str] = Field(
        default_factory=list,
        max_length=10,
        description="Tools and technologies that every candidate must know.",
    )
    industry: str | None = Field(
        default=None,
        max_length=80,
        description="Industry in which the candidates must have worked, such as healthtech.",
    )
    min_years: int | None = Field(
        default=None, ge=0, le=50, description="Least number of years of experience."
    )
    limit: int = Field(default=5, ge=1, le=20, description="How many candidates to return.")


class CandidateHit(BaseModel):
    id: int
    name: str
    headline: str
    seniority: str
    years: int
    location: str
    skills: list[str]
    industries: list[str]
    open_to_work: bool
    score: float
    words_score: float
    meaning_score: float
    role_score: float
    why: list[str]


class CandidateHits(BaseModel):
    summary: str
    total: int
    candidates: list[CandidateHit]
    filters: dict[str, str | int | list[str]]
    relaxed: list[str]


@skill(
    "hiring.search_candidates",
    title="Search candidates",
    description="Search for candidates, people who could be hired, by role, skills, location, "
    "seniority and industry. Returns the best matches first, each with an id and the reasons.",
    team="hiring",
    tags=("hiring", "candidates", "people", "sourcing"),
    kind="retrieval",
)
def search_candidates(args: CandidateSearch, context: SkillContext) -> CandidateHits:
    filters = reading.settle(
        location=args.location or "",
        seniority=args.seniority or "",
        skills=args.skills,
        industry=args.industry or "",
        min_years=args.min_years or 0,
    )
    hits = finding.find_candidates(
        context.team, query=args.query, filters=filters, limit=args.limit
    )
    found = [_hit(each, hits.filters) for each in hits.items]
    summary = f"{hits.total} found"
    if hits.relaxed:
        summary += f", not narrowed by {', '.join(hits.relaxed)}"
    return CandidateHits(
        summary=summary,
        total=hits.total,
        candidates=found,
        filters=hits.filters.named(),
        relaxed=list(hits.relaxed),
    )


def _hit(found: finding.Found, filters: reading.Filters) -> CandidateHit:
    person = found.row
    why = [f"{person.seniority}, {person.years} years"]
    if filters.skills:
        why.append(f"knows {', '.join(each for each in filters.skills if each in person.skills)}")
    if filters.industry:
        at = [each["company"] for each in person.companies if each["industry"] == filters.industry]
        why.append(f"{filters.industry} at {', '.join(at)}" if at else filters.industry)
    why.append(f"lives in {person.city}")
    if person.open_to_work:
        why.append("open to offers")
    return CandidateHit(
        id=person.id,
        name=person.name,
        headline=person.headline,
        seniority=person.seniority,
        years=person.years,
        location=f"{person.city}, {person.country}",
        skills=person.skills,
        industries=person.industries,
        open_to_work=person.open_to_work,
        score=found.score,
        words_score=found.words,
        meaning_score=found.meaning,
        role_score=found.role,
        why=why,
    )
