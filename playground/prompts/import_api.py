"""Take prompts of other products in, over HTTP."""

from typing import Any, Literal

from ninja import Router, Schema
from pydantic import JsonValue

from playground.core.bodies import BodyIn
from playground.policy.requests import TeamRequest
from playground.prompts.adopting import adopt
from playground.prompts.importing.naming import slug_of
from playground.prompts.importing.reading import Source, read_document

import_api = Router(tags=["prompts"])


class ImportIn(BodyIn):
    """A document of another product.

    Attributes:
        name: of a prompt that the document does not name.
        dry_run: save nothing and tell what would happen.
    """

    format: Source
    document: JsonValue
    name: str = "prompt"
    dry_run: bool = False


class ChangeOut(Schema):
    """A thing that is not as it was; ``message`` is its index from 0, null for the whole."""

    fate: Literal["changed", "lost"]
    message: int | None
    what: str
    detail: str


class ImportedOut(Schema):
    """A prompt's version; ``version`` is null where it was refused."""

    name: str
    note: str
    outcome: Literal["created", "saved", "unchanged", "refused"]
    version: int | None
    content: dict[str, Any]
    changes: list[ChangeOut]


class SkippedOut(Schema):
    name: str
    reason: str


class RefusedOut(Schema):
    name: str
    code: str
    detail: str
    message: int | None


class ImportOut(Schema):
    """What became of each prompt; ``errors`` only in a dry run, else they are the answer."""

    prompts: list[ImportedOut]
    skipped: list[SkippedOut]
    errors: list[RefusedOut]


@import_api.post(
    "/import", response=ImportOut, summary="Import prompts of LangSmith, Langfuse, MLflow or OpenAI"
)
def import_prompts(request: TeamRequest, body: ImportIn) -> dict[str, Any]:
    """Save every prompt of the document, or none, and tell what changed or was lost."""
    name = slug_of(body.name)
    report = read_document(body.format, body.document, team=request.context.team, name=name)
    return adopt(request.context, report, dry_run=body.dry_run).as_json()
