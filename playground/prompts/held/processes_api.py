"""Tell over HTTP which process holds which version of a prompt."""

from typing import Any
from uuid import UUID

from ninja import Router, Schema

from playground.policy.requests import TeamRequest
from playground.prompts.finding import find_prompt
from playground.prompts.held.revising import revisions
from playground.prompts.held.telling import processes_holding

processes_api = Router(tags=["prompts"])


class ProcessOut(Schema):
    """What one process has in memory.

    Attributes:
        current: it knows the labels as they are stored now. What is not current is asked for
            again before it is used.
        silent_s: since it last said so; one that is paused or gone grows silent.
    """

    process: str
    current: bool
    silent_s: float
    labels: dict[str, int]
    latest: int | None
    versions: list[int]


class ProcessesOut(Schema):
    revision: UUID | None
    items: list[ProcessOut]
    next: str | None = None


@processes_api.get(
    "/{team}/{name}/processes",
    response=ProcessesOut,
    summary="Which process holds which version",
)
def processes(request: TeamRequest, team: str, name: str) -> dict[str, Any]:
    """List the processes that hold the prompt in memory, within a second of their taking it up."""
    prompt = find_prompt(request.context, f"{team}/{name}", audit=False)
    revision = revisions([prompt.pk]).get(prompt.pk)
    items = [
        {
            "process": each.process,
            "current": each.revision == revision,
            "silent_s": each.silent_s,
            "labels": dict(each.labels),
            "latest": each.latest,
            "versions": list(each.versions),
        }
        for each in processes_holding(prompt.pk)
    ]
    return {"revision": revision, "items": items}
