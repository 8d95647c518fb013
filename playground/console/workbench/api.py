"""The workbench over HTTP: everything that its page does with workbenches and their columns."""

import uuid
from typing import Annotated, Any

from ninja import Router, Status
from pydantic import Field

from playground.console.workbench import changing, keeping, opening
from playground.console.workbench.bodies import (
    ColumnIn,
    ColumnOut,
    ColumnPutIn,
    DraftIn,
    PublishIn,
    ReviewOut,
    SpanIn,
    VersionOut,
    WorkbenchesOut,
    WorkbenchIn,
    WorkbenchOut,
    WorkbenchPatchIn,
)
from playground.console.workbench.cells_api import cells_api
from playground.console.workbench.listing import MAX_PAGE, PAGE, Sort, benches_page
from playground.console.workbench.merging import Changes, find_column
from playground.console.workbench.reviewing import review
from playground.console.workbench.specifying import ColumnSpec
from playground.policy.requests import TeamRequest
from playground.prompts.paging import Cursor

workbench_api = Router(tags=["workbench"])
workbench_api.add_router("", cells_api)


@workbench_api.get("", response=WorkbenchesOut, summary="The team's workbenches")
def list_workbenches(
    request: TeamRequest,
    q: Annotated[str, Field(max_length=100)] = "",
    sort: Sort = "-created",
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = PAGE,
    cursor: Cursor | None = None,
) -> dict[str, Any]:
    """List them, the newest made first or as sorted; follow `next` for more."""
    page = benches_page(request.context, q=q, sort=sort, cursor=cursor, limit=limit)
    return {"items": [WorkbenchOut.of(bench) for bench in page.items], "next": page.next}


@workbench_api.post("", response={201: WorkbenchOut}, summary="Open a workbench")
def create_workbench(request: TeamRequest, body: WorkbenchIn) -> Status[WorkbenchOut]:
    """Open a workbench with 1 to 6 columns; without any it has an empty one."""
    bench = keeping.open_workbench(
        request.context,
        name=body.name,
        columns=[column.dict() for column in body.columns] or None,
        variables=body.variables,
        table=body.table.table() if body.table else None,
    )
    return Status(201, WorkbenchOut.of(bench))


@workbench_api.post("/from-span", response={201: WorkbenchOut}, summary="Open a traced call")
def open_span(request: TeamRequest, body: SpanIn) -> Status[WorkbenchOut]:
    """Open a workbench with what a traced call of a model asked; ``notes`` say what is missing."""
    bench = opening.open_span(request.context, body.trace_id, body.span_id)
    return Status(201, WorkbenchOut.of(bench))


@workbench_api.post("/from-draft", response={201: WorkbenchOut}, summary="Open one's draft")
def open_draft(request: TeamRequest, body: DraftIn) -> Status[WorkbenchOut]:
    """Open a workbench with the version that your draft of a prompt began with, and the draft.

    Without a draft of yours it is a copy of the newest version.
    """
    bench = opening.open_draft(request.context, body.prompt, values=body.variables)
    return Status(201, WorkbenchOut.of(bench))


@workbench_api.get("/{uuid:bench_id}", response=WorkbenchOut, summary="One workbench")
def get_workbench(request: TeamRequest, bench_id: uuid.UUID) -> WorkbenchOut:
    """Return a workbench with its columns, variables and table."""
    return WorkbenchOut.of(keeping.find_workbench(request.context, bench_id))


@workbench_api.patch("/{uuid:bench_id}", response=WorkbenchOut, summary="Change a workbench")
def patch_workbench(
    request: TeamRequest, bench_id: uuid.UUID, body: WorkbenchPatchIn
) -> WorkbenchOut:
    """Change its name, its variables or its table."""
    changes = Changes(
        name=body.name,
        variables=body.variables,
        table=body.table.table() if body.table else None,
        revision=body.revision,
    )
    return WorkbenchOut.of(keeping.change_workbench(request.context, bench_id, changes))


@workbench_api.delete("/{uuid:bench_id}", response={204: None}, summary="Delete a workbench")
def delete_workbench(request: TeamRequest, bench_id: uuid.UUID) -> Status[None]:
    """Delete a workbench with all its outputs."""
    keeping.delete_workbench(request.context, bench_id)
    return Status(204, None)


@workbench_api.post(
    "/{uuid:bench_id}/duplicate", response={201: WorkbenchOut}, summary="Copy a workbench"
)
def duplicate_workbench(request: TeamRequest, bench_id: uuid.UUID) -> Status[WorkbenchOut]:
    """Open another one with the same columns, variables and table, and no outputs."""
    return Status(201, WorkbenchOut.of(keeping.duplicate_workbench(request.context, bench_id)))


@workbench_api.post("/{uuid:bench_id}/columns", response={201: ColumnOut}, summary="Add a column")
def add_column(request: TeamRequest, bench_id: uuid.UUID, body: ColumnIn) -> Status[ColumnOut]:
    """Add a column on the right, up to six."""
    return Status(201, ColumnOut.of(keeping.add_column(request.context, bench_id, body.dict())))


@workbench_api.put(
    "/{uuid:bench_id}/columns/{uuid:column_id}", response=ColumnOut, summary="Change a column"
)
def put_column(
    request: TeamRequest, bench_id: uuid.UUID, column_id: uuid.UUID, body: ColumnPutIn
) -> ColumnOut:
    """Replace all that a column is made of; its outputs stay."""
    key = str(column_id)
    revisions = {} if body.revision is None else {key: body.revision}
    changes = Changes(columns={key: body.dict(exclude={"revision"})}, revisions=revisions)
    bench = keeping.change_workbench(request.context, bench_id, changes)
    return ColumnOut.of(find_column(bench, column_id))


@workbench_api.delete(
    "/{uuid:bench_id}/columns/{uuid:column_id}", response={204: None}, summary="Remove a column"
)
def remove_column(request: TeamRequest, bench_id: uuid.UUID, column_id: uuid.UUID) -> Status[None]:
    """Remove a column with its outputs."""
    keeping.remove_column(request.context, bench_id, column_id)
    return Status(204, None)


@workbench_api.post(
    "/{uuid:bench_id}/columns/{uuid:column_id}/draft",
    response=ColumnOut,
    summary="Make a draft of a column",
)
def make_draft(request: TeamRequest, bench_id: uuid.UUID, column_id: uuid.UUID) -> ColumnOut:
    """Copy what the column names into it, to be changed there."""
    return ColumnOut.of(changing.make_draft(request.context, bench_id, column_id))


@workbench_api.get(
    "/{uuid:bench_id}/columns/{uuid:column_id}/check",
    response=ReviewOut,
    summary="Check a column's draft",
)
def check_draft(request: TeamRequest, bench_id: uuid.UUID, column_id: uuid.UUID) -> dict[str, Any]:
    """Say what is wrong or risky in the column's draft and where, the worst first."""
    column = find_column(keeping.find_workbench(request.context, bench_id), column_id)
    return {"items": review(request.context, ColumnSpec(**column.spec))}


@workbench_api.post(
    "/{uuid:bench_id}/columns/{uuid:column_id}/publish",
    response={201: VersionOut},
    summary="Save a draft as a version",
)
def publish_draft(
    request: TeamRequest, bench_id: uuid.UUID, column_id: uuid.UUID, body: PublishIn | None = None
) -> Status[dict[str, str]]:
    """Save the column's draft as a new version of the prompt it was made from."""
    note = body.note if body else ""
    saved = changing.save_draft(request.context, bench_id, column_id, note=note)
    return Status(201, {"ref": saved.ref})
