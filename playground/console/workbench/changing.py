"""Change a workbench as its page does: the whole form at once, drafts made and saved."""

import uuid
from typing import Any

from django.db import transaction

from playground.console.workbench import forming, inputs
from playground.console.workbench.asking import wanted
from playground.console.workbench.checking import refuse_lost
from playground.console.workbench.forming import Form
from playground.console.workbench.keeping import change_workbench, find_workbench
from playground.console.workbench.merging import (
    Changes,
    check_column_seen,
    find_column,
    locked,
    merge,
)
from playground.console.workbench.models import Column, Workbench
from playground.console.workbench.running import schema_of
from playground.console.workbench.specifying import ColumnSpec, Source, source_of, spec_of
from playground.core.context import RequestContext
from playground.core.errors import Conflict, InvalidInput
from playground.core.numbering import whole_number
from playground.prompts.content import content_of
from playground.prompts.drafting import discard_draft
from playground.prompts.models import Draft, Prompt, PromptVersion
from playground.prompts.pages.previewing import discovers
from playground.prompts.saving import save_version

INPUT = "input."


def keep_form(context: RequestContext, bench_id: uuid.UUID, form: Form) -> dict[str, str]:
    """Keep what is typed; return by field, such as ``<column id>.<name>``, what is wrong with it.

    Where something is, its column or the variables stay as they were, and the rest is kept. The
    fields ``revision`` and ``<column id>.revision`` say what the form was filled from.

    Raises:
        NotFound, PolicyDenied: see ``keeping.find_workbench``.
        InvalidInput: the name or the variables cannot be kept.
        Conflict: ``workbench.edited-meanwhile``, see ``merging.merge``; nothing is kept.
    """
    find_workbench(context, bench_id, action="edit")
    errors: dict[str, str] = {}
    with transaction.atomic():
        bench = locked(bench_id)
        specs = _typed_columns(bench, form, errors)
        changes = Changes(
            name=form["name"][-1] if "name" in form else None,
            variables=_typed_variables(context, bench, form, errors),
            columns=specs,
            revision=_revision(form, "revision"),
        )
        merge(bench, changes)
    return errors


def make_draft(context: RequestContext, bench_id: uuid.UUID, column_id: uuid.UUID) -> Column:
    """Copy what a column names into it, to be changed there.

    Raises:
        NotFound: there is no such column, prompt or version.
        InvalidInput: ``workbench.nothing-asked``, where it names nothing it begins empty.
    """
    column = find_column(find_workbench(context, bench_id, action="edit"), column_id)
    spec = ColumnSpec(**column.spec)
    source = spec.source
    content: dict[str, Any] = {"kind": "chat", "messages": [{"role": "user", "template": ""}]}
    if spec.content is None and spec.source:
        found = wanted(context, spec)
        content = found.content.as_json()
        if discovers(found.content, found.includes):
            # They are discovered anew: the templates are about to change.
            content.pop("inputs", None)
        if found.version is not None:
            # What a label means may change before the draft is saved.
            source = found.version.ref
    return _change(context, bench_id, column, {**column.spec, "content": content, "source": source})


def drop_draft(context: RequestContext, bench_id: uuid.UUID, column_id: uuid.UUID) -> Column:
    """Throw a column's draft away and ask what it names."""
    column = find_column(find_workbench(context, bench_id, action="edit"), column_id)
    return _change(context, bench_id, column, {**column.spec, "content": None})


def save_draft(
    context: RequestContext, bench_id: uuid.UUID, column_id: uuid.UUID, *, note: str = ""
) -> PromptVersion:
    """Save a column's draft as a new version of the prompt it was made from, and name that.

    Args:
        note: what changed.

    Raises:
        InvalidInput: ``workbench.no-draft``; ``prompt.…``, the content cannot be saved.
        NotFound, PolicyDenied: the prompt is gone, or the context may not edit it.
        Conflict: ``prompt.edited-meanwhile``, the prompt has a newer version than the draft's.
    """
    find_workbench(context, bench_id, action="edit")
    with transaction.atomic():
        column = find_column(locked(bench_id), column_id)
        spec = ColumnSpec(**column.spec)
        source = source_of(spec.source)
        if spec.content is None or source is None:
            raise InvalidInput("workbench.no-draft", "Only a draft of a prompt can be saved here.")
        version = _save_over(context, spec, source, note=note.strip() or "From the workbench")
        named = {**column.spec, "content": None, "source": version.ref}
        _change(context, bench_id, column, named)
        _discard_same(context, version.prompt, spec.content)
    return version


def _save_over(
    context: RequestContext, spec: ColumnSpec, source: Source, *, note: str
) -> PromptVersion:
    """Save a draft as the next version of the prompt that it was made from."""
    content = content_of(spec.content or {})
    if content.inputs is not None:
        content = wanted(context, spec).content
    try:
        return save_version(
            context, source.path, content=content, note=note, based_on=source.version
        )
    except Conflict as error:
        if "latest" not in error.extra:
            raise
        latest = f"{source.path}@{error.extra['latest']}"
        detail = f"{error.detail} Compare; to save over it, make this a draft of {latest}."
        raise Conflict("prompt.edited-meanwhile", detail, **error.extra) from error


def _discard_same(context: RequestContext, prompt: Prompt, content: dict[str, Any]) -> None:
    """Throw the editor's draft away, which nobody needs once a version says the same."""
    draft = Draft.objects.filter(prompt=prompt, author=context.subject).first()
    if draft is not None and draft.content == content:
        discard_draft(context, prompt.path)


def _change(
    context: RequestContext, bench_id: uuid.UUID, column: Column, spec: dict[str, Any]
) -> Column:
    key = str(column.pk)
    changes = Changes(columns={key: spec}, revisions={key: column.revision})
    change_workbench(context, bench_id, changes)
    column.refresh_from_db()
    return column


def _typed_columns(
    bench: Workbench, form: Form, errors: dict[str, str]
) -> dict[str, dict[str, Any]]:
    specs = {}
    for column in bench.columns.all():
        key = str(column.pk)
        typed = forming.typed(key, ColumnSpec(**column.spec), form)
        errors |= {f"{key}.{name}": why for name, why in typed.errors.items()}
        if not typed.errors and typed.spec == column.spec:
            continue
        # Also what cannot be kept yet is mended in what stands there now.
        check_column_seen(column, _revision(form, f"{key}.revision"))
        if typed.errors:
            continue
        try:
            specs[key] = spec_of(typed.spec).as_json()
        except InvalidInput as error:
            errors[f"{key}.{forming.field_of(error)}"] = error.detail
    return specs


def _typed_variables(
    context: RequestContext, bench: Workbench, form: Form, errors: dict[str, str]
) -> dict[str, Any] | None:
    values = {
        key.removeprefix(INPUT): texts[-1] for key, texts in form.items() if key.startswith(INPUT)
    }
    if not values:
        return None
    schema = schema_of(context, bench)
    shown = inputs.flattened(schema, bench.variables)
    # What no field shows now stays for the column that reads it again.
    variables = {**bench.variables, **inputs.filled(schema, {**shown, **values})}
    _drop_emptied(variables, values)
    for name, text in values.items():
        try:
            refuse_lost(inputs.filled(schema, {name: text}))
        except InvalidInput as error:
            errors[f"{INPUT}{name}"] = error.detail
    return None if any(key.startswith(INPUT) for key in errors) else variables


def _revision(form: Form, name: str) -> int | None:
    return whole_number(form.get(name, [""])[-1])


def _drop_emptied(variables: dict[str, Any], values: dict[str, str]) -> None:
    for name, text in values.items():
        if not text.strip() and name in variables and not isinstance(variables[name], dict):
            del variables[name]
