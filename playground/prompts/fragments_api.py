"""Over HTTP: what includes a fragment, bringing it up to date, and drafts."""

import datetime as dt
from typing import Any

from ninja import Router, Schema, Status

from playground.policy.requests import TeamRequest
from playground.prompts import depending, drafting
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


class DependentsOut(Schema):
    items: list[DependentOut]
    next: str | None = None


class BumpIn(Schema):
    """The version to bring dependents to, null for the newest; a dry run changes nothing."""

    version: Number | None = None
    dry_run: bool = True


class BumpedOut(Schema):
    """``outcome``: bumped, pinned, denied, archived or failed; ``detail`` says why."""

    prompt: str
    outcome: str
    before: int
    after: int | None
    diff: str
    detail: str


class BumpOut(Schema):
    items: list[BumpedOut]
    next: str | None = None


class DraftIn(Schema):
    """What has been typed, valid or not, and the version that the editor began with."""

    content: dict[str, Any]
    based_on: Number | None = None


class DraftOut(DraftIn):
    updated_at: dt.datetime


@fragments_api.get("/{team}/{name}/dependents", response=DependentsOut, summary="List dependents")
def list_dependents(request: TeamRequest, team: str, name: str) -> dict[str, Any]:
    """List the team's versions in use that include the fragment."""
    found = depending.dependents(request.context, f"{team}/{name}")
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
        ]
    }


@fragments_api.post("/{team}/{name}/bump", response=BumpOut, summary="Bump dependents")
def bump(request: TeamRequest, team: str, name: str, body: BumpIn) -> dict[str, Any]:
    """Make new versions of what includes the fragment; a dry run shows the diffs."""
    done = depending.bump_dependents(
        request.context, f"{team}/{name}", version=body.version, dry_run=body.dry_run
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
            for each in done
        ]
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
