"""Find jobs."""

from typing import Literal

from pydantic import BaseModel, Field

from skills.declaring import SkillArgs, SkillContext, skill
from skills.hiring import finding, reading


class JobSearch(SkillArgs):
    query: str = Field(
        min_length=1,
        max_length=500,
        description="Which job openings are wanted, in plain words. "
        "Such as `backend jobs in healthtech`.",
    )
    location: str | None = Field(
        default=None, max_length=80, description="City or country of the job."
    )
    seniority: Literal["junior", "mid", "senior", "staff", "lead"] | None = Field(
        default=None, description="Level of experience that the job asks for."
    )
    skills: list[str] = Field(
        default_factory=list, max_length=10, description="Tools of which the job uses at least one."
    )
    industry: str | None = Field(
        default=None, max_length=80, description="Industry of the company."
    )
    remote: bool = Field(default=False, description="Only jobs that can be done remotely.")
    limit: int = Field(default=5, ge=1, le=20, description="How many jobs to return.")


class JobHit(BaseModel):
    id: int
    title: str
    company: str
    location: str
    seniority: str
    min_years: int
    industry: str
    skills: list[str]
    nice_to_have: list[str]
    remote: bool
    salary_eur: str
    description: str
    score: float


class JobHits(BaseModel):
    summary: str
    total: int
    jobs: list[JobHit]


@skill(
    "hiring.search_jobs",
    title="Search jobs",
    description="Look up open jobs and positions by role, tools, location, seniority and industry. "
    "Returns the best matches first, each with an id, the requirements and the salary range.",
    team="hiring",
    tags=("hiring", "jobs", "openings"),
    kind="retrieval",
)
def search_jobs(args: JobSearch, context: SkillContext) -> JobHits:
    filters = reading.settle(
        location=args.location or "",
        seniority=args.seniority or "",
        skills=args.skills,
        industry=args.industry or "",
        min_years=0,
    )
    hits = finding.find_jobs(
        context.team, query=args.query, filters=filters, remote=args.remote, limit=args.limit
    )
    found = [
        JobHit(
            id=each.row.id,
            title=each.row.title,
            company=each.row.company,
            location=f"{each.row.city}, {each.row.country}",
            seniority=each.row.seniority,
            min_years=each.row.min_years,
            industry=each.row.industry,
            skills=each.row.skills,
            nice_to_have=each.row.nice_to_have,
            remote=each.row.remote,
            salary_eur=f"{each.row.salary_from_eur:,}–{each.row.salary_to_eur:,}",
            description=each.row.description,
            score=each.score,
        )
        for each in hits.items
    ]
    return JobHits(summary=f"{hits.total} found", total=hits.total, jobs=found)
