"""Prompts over HTTP: list, make, describe, archive, delete, and render what is not saved."""

from typing import Annotated, Any, Literal

from ninja import Query, Router, Schema, Status
from pydantic import Field

from playground.core.bodies import BodyIn
from playground.core.cursors import MAX_CURSOR
from playground.policy.requests import TeamRequest
from playground.prompts import archiving, listing, saving
from playground.prompts.composing import compose
from playground.prompts.content import PromptKind, content_of
from playground.prompts.finding import find_prompt
from playground.prompts.relying import used_by
from playground.prompts.shapes_api import (
    ContentIn,
    PromptOut,
    PromptReadOut,
    PromptsOut,
    VersionOut,
    prompt_out,
    version_out,
)
from playground.prompts.templating.rendering import render as render_content
from playground.prompts.templating.validating import check_variables

prompts_api = Router(tags=["prompts"])

Limit = Annotated[int, Field(ge=1, le=listing.MAX_PAGE)]


class FilterIn(Schema):
    """Filters of the list; ``label`` keeps the prompts that have it."""

    q: Annotated[str, Field(max_length=200)] = ""
    kind: Literal["", "chat", "text", "fragment"] = ""
    label: Annotated[str, Field(max_length=40)] = ""
    archived: bool = False
    sort: listing.Sort = "name"
    cursor: Annotated[str, Field(max_length=MAX_CURSOR)] = ""
    limit: Limit = listing.MAX_PAGE


class PromptIn(BodyIn):
    """A new prompt; a text or fragment has one message, ``{"role": "text", "template": "…"}``."""

    name: str
    content: ContentIn
    title: str = ""
    description: str = ""
    shared: bool = False
    note: str = ""


class PromptPatchIn(BodyIn):
    """What to change; ``shared`` lets every team read and include a fragment."""

    title: str | None = None
    description: str | None = None
    shared: bool | None = None
    archived: bool | None = None


class RenderIn(BodyIn):
    """A content to render without saving it; ``history`` fills the placeholder of that name."""

    kind: PromptKind = PromptKind.CHAT
    messages: list[dict[str, Any]]
    inputs: dict[str, Any] | None = None
    variables: dict[str, Any] = {}
    history: list[dict[str, Any]] | None = None


class RenderOut(Schema):
    """Messages of a chat, or the text of a text or fragment."""

    messages: list[dict[str, Any]]
    text: str | None = None


@prompts_api.get("", response=PromptsOut, summary="List prompts")
def list_prompts(request: TeamRequest, filters: Query[FilterIn]) -> dict[str, Any]:
    """List the team's prompts and shared fragments; follow `next` for more."""
    wanted = listing.Wanted(filters.q, filters.kind, filters.label, filters.archived)
    page = listing.prompts_page(
        request.context,
        wanted,
        sort=filters.sort,
        cursor=filters.cursor or None,
        limit=filters.limit,
    )
    return {"items": [prompt_out(each) for each in page.items], "next": page.next}


@prompts_api.post("", response={201: VersionOut}, summary="Make a prompt")
def create_prompt(request: TeamRequest, body: PromptIn) -> Status[dict[str, Any]]:
    """Make a prompt with its first version."""
    version = saving.create_prompt(
        request.context,
        name=body.name,
        content=content_of(body.content),
        about=saving.About(body.title, body.description, body.shared),
        note=body.note,
    )
    return Status(201, version_out(version))


@prompts_api.post(
    "/render",
    response=RenderOut,
    exclude_none=True,
    summary="Render templates without saving them",
)
def render_unsaved(request: TeamRequest, body: RenderIn) -> dict[str, Any]:
    """Render Jinja messages in the sandbox; errors say line and column."""
    given = body.dict(include={"kind", "messages", "inputs"}, exclude_none=True)
    composition = compose(request.context, content_of(given))
    if body.inputs is not None:
        check_variables(body.inputs, body.variables)
    rendered = render_content(
        composition.content,
        body.variables,
        includes=composition.includes,
        history=body.history,
    )
    return {"messages": rendered.messages, "text": rendered.text}


@prompts_api.get("/{team}/{name}", response=PromptReadOut, summary="Read a prompt")
def read_prompt(request: TeamRequest, team: str, name: str) -> dict[str, Any]:
    """Read what a prompt is and what uses it, without its versions."""
    prompt = find_prompt(request.context, f"{team}/{name}")
    uses = used_by(request.context, [prompt.pk]).get(prompt.pk, [])
    return prompt_out(prompt) | {"used_by": uses}


@prompts_api.patch("/{team}/{name}", response=PromptOut, summary="Describe or archive a prompt")
def change_prompt(
    request: TeamRequest, team: str, name: str, body: PromptPatchIn
) -> dict[str, Any]:
    """Change title, description and sharing; archive the prompt or bring it back."""
    path = f"{team}/{name}"
    prompt = archiving.describe(
        request.context,
        path,
        title=body.title,
        description=body.description,
        shared=body.shared,
    )
    if body.archived is not None:
        prompt = archiving.archive_prompt(request.context, path, archived=body.archived)
    return prompt_out(prompt)


@prompts_api.delete("/{team}/{name}", response={204: None}, summary="Delete an unused prompt")
def delete_prompt(request: TeamRequest, team: str, name: str) -> Status[None]:
    """Delete a prompt with its versions; refused while anything includes it."""
    archiving.delete_prompt(request.context, f"{team}/{name}")
    return Status(204, None)
