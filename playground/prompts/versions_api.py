"""Versions of prompts over HTTP: save, read, compare, archive, resolve and render them."""

from dataclasses import replace
from typing import Annotated, Any

from django.http import HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import Field

from playground.core import attributes
from playground.core.bodies import BodyIn, know
from playground.policy.requests import TeamRequest
from playground.prompts import aligning, archiving, comparing, listing, saving
from playground.prompts.api import Limit, RenderOut
from playground.prompts.composing import includes_of
from playground.prompts.content import content_of
from playground.prompts.finding import find_prompt, version_of
from playground.prompts.ramps.vouching import vouch_for
from playground.prompts.resolving import choose, render_version
from playground.prompts.shapes_api import (
    ContentIn,
    VersionOut,
    VersionsOut,
    summary_out,
    tagged,
    version_out,
)

versions_api = Router(tags=["prompts"])

Number = Annotated[int, Field(ge=1, lt=2**31)]
Name = Annotated[str, Field(min_length=1, max_length=40)]
Key = Annotated[str, Field(min_length=1, max_length=200)]


class VersionIn(BodyIn):
    """A new version. With ``based_on`` it is refused if somebody saved another meanwhile."""

    content: ContentIn
    note: str = ""
    based_on: int | None = None


class VersionPatchIn(BodyIn):
    archived: bool


class PartOut(Schema):
    """``messages.1`` counts from 0 in the newer version; what only the older has is ``removed.1``.

    ``lines`` is a unified diff without file names.
    """

    part: str
    title: str
    change: str
    before: str | None
    after: str | None
    lines: list[str]


class DiffOut(Schema):
    """Changes by part, and all of them as one unified diff."""

    parts: list[PartOut]
    unified: str


class DiffIn(Schema):
    """Numbers of two versions; ``fragments`` compares what they include as well."""

    before: Number
    after: Number
    fragments: bool = False


class ChoiceIn(BodyIn):
    """A label or a number; the newest version without either. A ramp chooses by ``key``."""

    label: Name | None = None
    version: Number | None = None
    key: Key | None = None


class ResolvedOut(VersionOut):
    """A version, and why it is this one; ``arm`` is that of a ramp.

    ``observe`` goes with what is told of the call later; null where a ramp learns nothing from it.
    """

    label: str | None
    arm: str | None
    reason: str
    observe: str | None


class RenderVersionIn(ChoiceIn):
    """Which version, and with what; ``history`` fills the placeholder of that name.

    ``attributes`` are texts, numbers, true or false, that the rules of a ramp test.
    """

    variables: dict[str, Any] = {}
    history: list[dict[str, Any]] | None = None
    attributes: dict[str, Any] = {}


class RenderedOut(RenderOut):
    prompt: str
    version: int
    label: str | None
    arm: str | None
    reason: str
    observe: str | None = None


@versions_api.get("/{team}/{name}/versions", response=VersionsOut, summary="List versions")
def list_versions(
    request: TeamRequest,
    team: str,
    name: str,
    cursor: Number | None = None,
    limit: Limit = listing.MAX_PAGE,
    q: Annotated[str, Field(max_length=100)] = "",
) -> dict[str, Any]:
    """List a prompt's versions, newest first; `q` is in the note, the author or a label."""
    prompt = find_prompt(request.context, f"{team}/{name}")
    page = listing.versions_page(prompt, q=q, before=cursor, limit=limit)
    return {"items": [summary_out(each) for each in page.items], "next": page.next}


@versions_api.post(
    "/{team}/{name}/versions", response={201: VersionOut}, summary="Save a new version"
)
def save_version(
    request: TeamRequest, team: str, name: str, body: VersionIn
) -> Status[dict[str, Any]]:
    """Append a version; the newest is answered where nothing changed."""
    version = saving.save_version(
        request.context,
        f"{team}/{name}",
        content=content_of(body.content),
        note=body.note,
        based_on=body.based_on,
    )
    return Status(201, version_out(version))


@versions_api.get("/{team}/{name}/versions/{number}", response=VersionOut, summary="Read a version")
def read_version(
    request: TeamRequest, response: HttpResponse, team: str, name: str, number: Number
) -> Any:
    """Read all that a version says and includes; its `ETag` answers `If-None-Match` with 304."""
    prompt = find_prompt(request.context, f"{team}/{name}")
    return tagged(request, response, version_out(version_of(prompt, version=number)))


@versions_api.patch(
    "/{team}/{name}/versions/{number}", response=VersionOut, summary="Archive a version"
)
def archive_version(
    request: TeamRequest, team: str, name: str, number: Number, body: VersionPatchIn
) -> dict[str, Any]:
    """Take a version out of use, or bring it back; its number still names it."""
    return version_out(
        archiving.archive_version(
            request.context, f"{team}/{name}", version=number, archived=body.archived
        )
    )


@versions_api.get("/{team}/{name}/diff", response=DiffOut, summary="Compare two versions")
def compare(request: TeamRequest, team: str, name: str, wanted: Query[DiffIn]) -> dict[str, Any]:
    """Compare two versions of a prompt part by part."""
    prompt = find_prompt(request.context, f"{team}/{name}")
    old = version_of(prompt, version=wanted.before)
    new = version_of(prompt, version=wanted.after)
    sections = comparing.compare(
        old.content,
        new.content,
        old_fragments=comparing.texts_of(includes_of(old)) if wanted.fragments else None,
        new_fragments=comparing.texts_of(includes_of(new)) if wanted.fragments else None,
    )
    return {
        "parts": [_part(each) for each in sections],
        "unified": comparing.written(sections, before=old.ref, after=new.ref),
    }


@versions_api.get("/{team}/{name}/resolve", response=ResolvedOut, summary="Resolve a label")
def resolve(
    request: TeamRequest,
    response: HttpResponse,
    team: str,
    name: str,
    wanted: Query[ChoiceIn],
) -> Any:
    """Read the version that a label, a number or a ramp gives, and why it is this one."""
    # With "labl" for "label" somebody would get the newest version.
    know(ChoiceIn, request.GET)
    chosen = choose(request.context, name=f"{team}/{name}", **wanted.dict())
    body = version_out(chosen.version)
    why = {
        "label": chosen.label,
        "arm": chosen.arm,
        "reason": chosen.reason,
        "observe": vouch_for(chosen.observed),
    }
    return tagged(request, response, {**body, **why})


@versions_api.post("/{team}/{name}/render", response=RenderedOut, summary="Render a version")
def render(request: TeamRequest, team: str, name: str, body: RenderVersionIn) -> dict[str, Any]:
    """Render the version that a label, a number or a ramp gives."""
    told = attributes.checked(body.attributes)
    chosen = choose(
        replace(request.context, attributes={**request.context.attributes, **told}),
        name=f"{team}/{name}",
        label=body.label,
        version=body.version,
        key=body.key,
    )
    rendered = render_version(chosen.version, body.variables, history=body.history)
    return {
        "prompt": chosen.version.prompt.path,
        "version": chosen.version.number,
        "label": chosen.label,
        "arm": chosen.arm,
        "reason": chosen.reason,
        "observe": vouch_for(chosen.observed),
        "messages": rendered.messages,
        "text": rendered.text,
    }


def _part(section: comparing.Section) -> dict[str, Any]:
    return {
        "part": section.part,
        "title": section.title,
        "change": section.change,
        "before": section.before,
        "after": section.after,
        "lines": aligning.unified(section.rows) if section.change != "same" else [],
    }
