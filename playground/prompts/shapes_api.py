"""How prompts, versions and labels look over HTTP."""

import datetime as dt
from typing import Annotated, Any

from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from ninja import Schema
from pydantic import GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from playground.core.canonical import content_hash
from playground.prompts.content import Content
from playground.prompts.models import Label, Prompt, PromptVersion


class _AsContent:
    """Describe a body as a content; ``content_of`` reads it, and words what is wrong with it."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(Content.__pydantic_core_schema__)


ContentIn = Annotated[dict[str, Any], _AsContent]


class PromptOut(Schema):
    """A prompt; ``version`` is the number of the newest, ``labels`` maps to numbers."""

    prompt: str
    team: str
    name: str
    kind: str
    title: str
    description: str
    shared: bool
    archived: bool
    author: str
    version: int | None
    labels: dict[str, int]
    created_at: dt.datetime


class UseOut(Schema):
    """Something else that uses a prompt; ``kind`` is agent or skill."""

    kind: str
    title: str
    href: str


class PromptReadOut(PromptOut):
    """A prompt with what else uses it; dependents tells what includes a fragment."""

    used_by: list[UseOut]


class PromptsOut(Schema):
    items: list[PromptOut]
    next: str | None


class InclusionOut(Schema):
    """A fragment's version, the name written in the text, and through which it comes."""

    fragment: str
    version: int
    name: str
    through: str | None


class VersionSummaryOut(Schema):
    version: int
    note: str
    author: str
    archived: bool
    content_hash: str
    labels: list[str]
    created_at: dt.datetime


class VersionsOut(Schema):
    items: list[VersionSummaryOut]
    next: str | None


class VersionOut(Schema):
    """A version with all that it says and includes; ``inputs`` is a JSON Schema."""

    prompt: str
    version: int
    kind: str
    messages: list[dict[str, Any]]
    inputs: dict[str, Any]
    settings: dict[str, Any]
    tools: list[dict[str, Any]]
    response_format: dict[str, Any] | None
    note: str
    author: str
    archived: bool
    content_hash: str
    composed_from: list[InclusionOut]
    created_at: dt.datetime


class LabelOut(Schema):
    """A label; to other teams than the prompt's own ``moved_by`` and ``reason`` are empty."""

    label: str
    version: int
    revision: int
    moved_by: str
    moved_at: dt.datetime
    reason: str


def prompt_out(prompt: Prompt) -> dict[str, Any]:
    """Describe a prompt."""
    prefetch_related_objects([prompt], "labels__version")
    newest = getattr(prompt, "newest_number", None)
    if not newest:
        newest = prompt.versions.order_by("-number").values_list("number", flat=True).first()
    return {
        "prompt": prompt.path,
        "team": prompt.team.slug,
        "name": prompt.name,
        "kind": prompt.kind,
        "title": prompt.title,
        "description": prompt.description,
        "shared": prompt.shared,
        "archived": prompt.archived_at is not None,
        "author": prompt.author,
        "version": newest,
        "labels": {each.name: each.version.number for each in prompt.labels.all()},
        "created_at": prompt.created_at,
    }


def version_out(version: PromptVersion) -> dict[str, Any]:
    """Describe a version with its content."""
    return {
        "prompt": version.prompt.path,
        "version": version.number,
        "kind": version.prompt.kind,
        "messages": version.messages,
        "inputs": version.inputs,
        "settings": version.settings,
        "tools": version.tools,
        "response_format": version.response_format,
        "note": version.note,
        "author": version.author,
        "archived": version.archived_at is not None,
        "content_hash": version.content_hash,
        "composed_from": version.composed_from,
        "created_at": version.created_at,
    }


def summary_out(version: PromptVersion) -> dict[str, Any]:
    """Describe a version without its content; needs the labels loaded."""
    return {
        "version": version.number,
        "note": version.note,
        "author": version.author,
        "archived": version.archived_at is not None,
        "content_hash": version.content_hash,
        "labels": sorted(each.name for each in version.labels.all()),
        "created_at": version.created_at,
    }


def label_out(label: Label, *, ours: bool = True) -> dict[str, Any]:
    """Describe a label; who moved it and why is for the prompt's own team."""
    return {
        "label": label.name,
        "version": label.version.number,
        "revision": label.revision,
        "moved_by": label.moved_by if ours else "",
        "moved_at": label.moved_at,
        "reason": label.reason if ours else "",
    }


def tagged(
    request: HttpRequest, response: HttpResponse, body: dict[str, Any]
) -> dict[str, Any] | HttpResponse:
    """Give the body its entity tag, or answer 304 to whoever has it already.

    Source: RFC 9110, sections 8.8.3 and 13.1.2.
    """
    tag = f'"{content_hash(body)[:32]}"'
    known = [each.strip() for each in request.headers.get("If-None-Match", "").split(",")]
    if tag in known or f"W/{tag}" in known or "*" in known:
        unchanged = HttpResponse(status=304)
        unchanged["ETag"] = tag
        return unchanged
    response["ETag"] = tag
    return body
