"""Read one candidate's profile."""

from typing import Any

from pydantic import BaseModel, Field

from skills.declaring import SkillArgs, SkillContext, skill
from skills.hiring import finding


class ProfileRequest(SkillArgs):
    candidate_id: int = Field(
        ge=1, le=2_000_000_000, description="Id of the candidate, from a candidate search."
    )


class CandidateProfile(BaseModel):
    summary: str
    id: int
    name: str
    headline: str
    about: str
    seniority: str
    years: int
    location: str
    skills: list[str]
    industries: list[str]
    companies: list[dict[str, Any]]
    languages: list[str]
    open_to_work: bool
    remote: bool
    salary_eur: int
    notice_weeks: int


@skill(
    "hiring.candidate_profile",
    title="Read candidate profile",
    description="Read the full profile of one candidate: career, companies, skills, languages, "
    "salary expectation and notice period.",
    team="hiring",
    tags=("hiring", "candidates", "profile"),
)
def candidate_profile(args: ProfileRequest, context: SkillContext) -> CandidateProfile:
    person = finding.candidate(context.team, args.candidate_id)
    return CandidateProfile(
        summary=f"{person.name}, {person.headline}",
        id=person.id,
        name=person.name,
        headline=person.headline,
        about=person.summary,
        seniority=person.seniority,
        years=person.years,
        location=f"{person.city}, {person.country}",
        skills=person.skills,
        industries=person.industries,
        companies=person.companies,
        languages=person.languages,
        open_to_work=person.open_to_work,
        remote=person.remote,
        salary_eur=person.salary_eur,
        notice_weeks=person.notice_weeks,
    )
