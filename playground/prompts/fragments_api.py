"""Over HTTP: what includes a fragment, bringing it up to date, and drafts."""

import datetime as dt
from typing import Annotated, Any

from ninja import Query, Router, Schema, Status
from pydantic import Field

from playground.core.bodies import BodyIn
from playground.core.errors import InvalidInput
from playground.policy.requests import TeamRequest
from playground.prompts import bumping, depending, drafting
from playground.prompts.models import Draft
from playground.prompts.versions_api import Number

fragments_api = Router(tags=["prompts"])


class DependentOut(Schema):
    """A version in use that includes the fragment, by its own text or through another."""

    prompt: str
    version: int
    fragment_version: int
    through: str | None
    labels: list[str]
    newest: bool


class DependentsIn(Schema):
    """``limit`` counts prompts, each of which may have several versions in use."""

    cursor: Annotated[str, Field(max_length=200)] = ""
    limit: Annotated[int, Field(ge=1, le=500)] = 500


class DependentsOut(Schema):
    items: list[DependentOut]
    next: str | None = None


class PlanIn(Schema):
    """The version to bring dependents to, null for the newest."""

    version: Number | None = None
    cursor: Annotated[str, Field(max_length=200)] = ""
    limit: Annotated[int, Field(ge=1, le=500)] = 100


class CandidateOut(Schema):
    """``state``: behind, pinned, archived, waits (for what is between) or current."""

    prompt: str
    version: int
    includes: list[int]
    through: list[str]
    state: str


class PlanOut(Schema):
    """The team's prompts that include the fragment; ``others`` counts those of other teams."""

    fragment: str
    version: int
    items: list[CandidateOut]
    others: int
    next: str | None


class BumpIn(BodyIn):
    """The version to bring dependents to, null for the newest; a dry run changes nothing.

    ``prompts`` are paths, null for all. Up to ``limit`` are bumped; follow ``next`` for the rest.
    """

    version: Number | None = None
    prompts: list[Annotated[str, Field(max_length=200)]] | None = Field(None, max_length=500)
    dry_run: bool = True
    cursor: Annotated[str, Field(max_length=200)] = ""
    limit: Annotated[int, Field(ge=1, le=bumping.MAX_BUMPS)] = bumping.MAX_BUMPS


class BumpedOut(Schema):
    """``outcome``: bumped, pinned, denied, archived, waits or failed; ``detail`` says why."""

    prompt: str
    outcome: str
    before: int
    after: int | None
    diff: str
    detail: str


class BumpOut(Schema):
    items: list[BumpedOut]
    next: str | None = None


class DraftIn(BodyIn):
    """What has been typed, valid or not, and the version that the editor began with."""

    content: dict[str, Any]
    based_on: Number | None = None


class DraftOut(DraftIn):
    updated_at: dt.datetime


@fragments_api.get("/{team}/{name}/dependents", response=DependentsOut, summary="List dependents")
def list_dependents(
    request: TeamRequest, team: str, name: str, page: Query[DependentsIn]
) -> dict[str, Any]:
    """List the versions in use that include the fragment, whole prompts a page."""
    found = depending.dependents(request.context, f"{team}/{name}")
    paths = sorted({each.path for each in found if each.path > page.cursor})
    shown = set(paths[: page.limit])
    return {
        "items": [
            {
                "prompt": each.path,
                "version": each.version,
                "fragment_version": each.fragment_version,
                "through": each.through,
                "labels": list(each.labels),
                "newest": each.newest,
            }
            for each in found
            if each.path in shown
        ],
        "next": paths[page.limit - 1] if len(paths) > page.limit else None,
    }


@fragments_api.get("/{team}/{name}/bump", response=PlanOut, summary="Plan a bump")
def plan_bump(request: TeamRequest, team: str, name: str, wanted: Query[PlanIn]) -> dict[str, Any]:
    """List what a bump would be about, in its order, without trying it."""
    plan = bumping.plan(request.context, f"{team}/{name}", version=wanted.version)
    paths = [each.prompt.path for each in plan.candidates]
    if wanted.cursor and wanted.cursor not in paths:
        raise InvalidInput("cursor.invalid", "This cursor was not given by this list.")
    start = paths.index(wanted.cursor) + 1 if wanted.cursor else 0
    end = start + wanted.limit
    return {
        "fragment": plan.fragment.path,
        "version": plan.target.number,
        "items": [
            {
                "prompt": each.prompt.path,
                "version": each.version,
                "includes": list(each.includes),
                "through": list(each.through),
                "state": each.state,
            }
            for each in plan.candidates[start:end]
        ],
        "others": plan.others,
        "next": paths[end - 1] if len(paths) > end else None,
    }


@fragments_api.post("/{team}/{name}/bump", response=BumpOut, summary="Bump dependents")
def bump(request: TeamRequest, team: str, name: str, body: BumpIn) -> dict[str, Any]:
    """Make new versions of what includes the fragment; a dry run shows the diffs."""
    done = bumping.bump_dependents(
        request.context,
        f"{team}/{name}",
        version=body.version,
        prompts=body.prompts,
        dry_run=body.dry_run,
        cursor=body.cursor or None,
        limit=body.limit,
    )
    return {
        "items": [
            {
                "prompt": each.path,
                "outcome": each.outcome,
                "before": each.before,
                "after": each.after,
                "diff": each.diff,
                "detail": each.detail,
            }
            for each in done.items
        ],
        "next": done.next,
    }


@fragments_api.get("/{team}/{name}/draft", response=DraftOut, summary="Read one's draft")
def read_draft(request: TeamRequest, team: str, name: str) -> dict[str, Any]:
    """Read what the caller has typed and not saved."""
    return _draft(drafting.draft_of(request.context, f"{team}/{name}"))


@fragments_api.put("/{team}/{name}/draft", response=DraftOut, summary="Keep a draft")
def save_draft(request: TeamRequest, team: str, name: str, body: DraftIn) -> dict[str, Any]:
    """Keep what the caller has typed, in place of what they had."""
    draft = drafting.save_draft(
        request.context, f"{team}/{name}", content=body.content, based_on=body.based_on
    )
    return _draft(draft)


@fragments_api.delete("/{team}/{name}/draft", response={204: None}, summary="Discard a draft")
def discard_draft(request: TeamRequest, team: str, name: str) -> Status[None]:
    """Throw the caller's draft away."""
    drafting.discard_draft(request.context, f"{team}/{name}")
    return Status(204, None)


def _draft(draft: Draft) -> dict[str, Any]:
    return {
        "content": draft.content,
        "based_on": draft.based_on,
        "updated_at": draft.updated_at,
    }
