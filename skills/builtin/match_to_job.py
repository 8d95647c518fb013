"""Hold one candidate against one job."""

from pydantic import BaseModel, Field

from skills.declaring import SkillArgs, SkillContext, skill
from skills.hiring import finding, matching


class MatchRequest(SkillArgs):
    candidate_id: int = Field(
        ge=1, le=2_000_000_000, description="Id of the candidate, from a candidate search."
    )
    job_id: int = Field(ge=1, le=2_000_000_000, description="Id of the job, from a job search.")


class MatchResult(BaseModel):
    summary: str
    candidate_id: int
    candidate: str
    job_id: int
    job: str
    score: int
    parts: dict[str, int]
    reasons: list[str]
    gaps: list[str]


@skill(
    "hiring.match_to_job",
    title="Match candidate to job",
    description="Score how well one candidate fits one job, from 0 to 100, with the reasons for "
    "it and the gaps.",
    team="hiring",
    tags=("hiring", "matching", "screening"),
)
def match_to_job(args: MatchRequest, context: SkillContext) -> MatchResult:
    person = finding.candidate(context.team, args.candidate_id)
    job = finding.job(context.team, args.job_id)
    found = matching.match(person, job)
    return MatchResult(
        summary=f"{person.name} fits {job.title} at {job.company} with {found.score} of 100",
        candidate_id=person.id,
        candidate=person.name,
        job_id=job.id,
        job=f"{job.title} at {job.company}, {job.city}",
        score=found.score,
        parts=found.parts,
        reasons=found.reasons,
        gaps=found.gaps,
    )
