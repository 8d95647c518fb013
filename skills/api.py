"""The API of skills: list and search them, read one, invoke one."""

from typing import Any

from ninja import Field, Query, Router, Schema

from playground.core.errors import InvalidInput, NotFound, PolicyDenied
from playground.policy.deciding import require
from playground.policy.requests import TeamRequest
from skills import registry, searching
from skills.declaring import Skill
from skills.invoking import SkillOutcome, invoke

skills_api = Router(tags=["skills"])


class SkillOut(Schema):
    """A skill and the contract by which models call it."""

    name: str
    alias: str = Field(description="The name under which models call it.")
    title: str
    description: str
    tags: list[str]
    effect: str = Field(description="`read`, `draft` or `write`.")
    kind: str
    team: str | None = Field(description="Slug of the only team that sees it; null for all.")
    version: str = Field(description="Release and content hash.")
    timeout_s: float
    prompts: list[str] = Field(description="Names of the prompts that it takes its words from.")
    input_schema: dict[str, Any]
    output_schema: dict[str, Any]


class SkillList(Schema):
    items: list[SkillOut]
    next: str | None = None


class Invocation(Schema):
    arguments: dict[str, Any] = Field(default_factory=dict)


class OutcomeOut(Schema):
    """What became of a call. A skill's own failure is an outcome, not an error of the API."""

    ok: bool
    output: Any = None
    summary: str
    error_code: str | None
    error_detail: str | None
    retryable: bool
    ms: int
    version: str | None
    trace_id: str | None
    span_id: str | None


@skills_api.get("", response=SkillList, url_name="list-skills")
def list_skills(request: TeamRequest, q: str = Query("", max_length=200)) -> Any:
    """List the skills that the caller's team may use; `q` searches by words and by meaning."""
    return {"items": searching.search(request.context, q)}


@skills_api.get("/{name}", response=SkillOut, url_name="read-skill")
def read_skill(request: TeamRequest, name: str) -> Any:
    """Read one skill."""
    # A skill can be called, and Ninja calls what it is given if it can.
    return SkillOut.from_orm(viewed(request, name))


@skills_api.post("/{name}/invoke", response=OutcomeOut, url_name="invoke-skill")
def invoke_skill(request: TeamRequest, name: str, invocation: Invocation) -> Any:
    """Invoke a skill as the caller. The call is traced: see `trace_id`."""
    outcome = invoke(request.context, name, invocation.arguments)
    raise_refusal(outcome)
    return outcome


def viewed(request: TeamRequest, name: str) -> Skill:
    """Return the skill if the request's person may look at it.

    Raises:
        NotFound: there is none that they may know of.
    """
    skill = registry.find(request.context, name)
    require(request.context, "view", skill.resource(), audit=False)
    return skill


def raise_refusal(outcome: SkillOutcome) -> None:
    """Turn an outcome that says the call was not made into the error that it is.

    Raises:
        NotFound: no such skill.
        PolicyDenied: the caller may not invoke it.
        InvalidInput: the arguments are not valid; ``errors`` names the fields.
    """
    detail = outcome.error_detail or ""
    match outcome.error_code:
        case "skill.not-found":
            raise NotFound("skill.not-found", detail)
        case "policy.denied":
            raise PolicyDenied("policy.denied", "You may not invoke this skill.")
        case "skill.arguments-invalid":
            raise InvalidInput("skill.arguments-invalid", detail, errors=list(outcome.errors))
