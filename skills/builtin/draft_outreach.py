"""Draft a first message to a candidate."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from playground.core.errors import ModelRetry
from skills.declaring import SkillArgs, SkillContext, skill
from skills.hiring import finding, outreach, wording
from skills.hiring.vocabulary import Industry


class OutreachRequest(SkillArgs):
    candidate_id: int = Field(
        ge=1, le=2_000_000_000, description="Id of the candidate to write to."
    )
    job_id: int | None = Field(
        default=None,
        ge=1,
        le=2_000_000_000,
        description="Id of the job that the message is about, if there is one.",
    )
    industry: Industry | None = Field(
        default=None, description="Industry whose work by the candidate the message leans on."
    )
    tone: Literal["warm", "formal", "brief"] = Field(
        default="warm", description="How the message sounds."
    )
    sender: str | None = Field(
        default=None, max_length=80, description="Name to sign with; without one, whoever asks."
    )


class OutreachDraft(BaseModel):
    summary: str
    candidate_id: int
    candidate: str
    job_id: int | None
    subject: str
    body: str
    tone: str
    based_on: list[str]
    prompt: dict[str, Any]
    sent: bool


@skill(
    "hiring.draft_outreach",
    title="Draft outreach",
    description="Draft a personal outreach message to one candidate, from their profile and, if "
    "given, a job. Only writes a draft: nothing is sent.",
    team="hiring",
    tags=("hiring", "outreach", "writing", "message"),
    effect="draft",
    prompts=(wording.OUTREACH,),
)
def draft_outreach(args: OutreachRequest, context: SkillContext) -> OutreachDraft:
    person = finding.candidate(context.team, args.candidate_id)
    job = finding.job(context.team, args.job_id) if args.job_id is not None else None
    if job is not None and outreach.works_there(person, job):
        raise ModelRetry(
            "hiring.own-employer",
            f"{person.name} works at {job.company} already: take a job at another company, "
            "or write without one.",
            retryable=False,
        )
    asked_by = context.request.subject.partition(":")[2].replace("-", " ").title()
    known = outreach.facts(
        person, job, tone=args.tone, sender=args.sender or asked_by, industry=args.industry
    )
    with context.using(wording.OUTREACH, label=wording.LABEL, variables=known.variables) as used:
        subject, body = outreach.read(used.rendered.text or "")
    return OutreachDraft(
        summary=f"draft to {person.name}: “{subject}”",
        candidate_id=person.id,
        candidate=person.name,
        job_id=args.job_id,
        subject=subject,
        body=body,
        tone=args.tone,
        based_on=known.used,
        prompt=used.as_json(),
        sent=False,
    )
