"""Check a prompt's content over HTTP before it is saved: what the editor says beside the text."""

from typing import Any

from ninja import Router, Schema

from playground.core.bodies import BodyIn
from playground.policy.requests import TeamRequest
from playground.prompts.finding import find_prompt
from playground.prompts.pages.editing import Typed
from playground.prompts.pages.previewing import preview

checks_api = Router(tags=["prompts"])


class CheckIn(BodyIn):
    """A content that need not be valid, and values for its inputs by dotted names."""

    content: dict[str, Any]
    values: dict[str, str] = {}


class FindingOut(Schema):
    """``message`` counts from 0 and is null where it is about none; lines and columns from 1."""

    severity: str
    code: str
    detail: str
    message: int | None
    line: int
    column: int


class ShareOut(Schema):
    """What a model makes of it; ``exact`` is false where the tokens are estimated."""

    model: str
    chosen: bool
    tokens: int
    exact: bool
    basis: str
    window: int | None
    percent: int | None
    cost_usd: float | None


class CheckOut(Schema):
    """Findings, the schema of the inputs, and the tokens; null where it does not render.

    Attributes:
        tokens: of the model that answers first.
        models: those that the team may call, what answers first at the beginning.
    """

    findings: list[FindingOut]
    inputs: dict[str, Any] | None
    made_up: list[str]
    tokens: int | None
    models: list[ShareOut]


@checks_api.post(
    "/{team}/{name}/check", response=CheckOut, summary="Check a content without saving it"
)
def check(request: TeamRequest, team: str, name: str, body: CheckIn) -> dict[str, Any]:
    """Say what is wrong with a content and where, and how long it is when it is rendered.

    Required inputs without a value stand as their own names and are listed in ``made_up``.
    """
    prompt = find_prompt(request.context, f"{team}/{name}", action="edit", audit=False)
    seen = preview(
        request.context, prompt, Typed({"kind": prompt.kind, **body.content}, {}, body.values)
    )
    return {
        "findings": seen.findings,
        "inputs": seen.schema,
        "made_up": list(seen.made_up),
        "tokens": seen.first.tokens if seen.first else None,
        "models": seen.shares,
    }
