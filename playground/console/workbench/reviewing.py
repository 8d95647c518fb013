"""What is wrong or risky in a column's draft, and where, as the prompt editor says it."""

from playground.console.workbench.asking import wanted
from playground.console.workbench.specifying import ColumnSpec, source_of
from playground.core.context import RequestContext
from playground.core.errors import InvalidInput, NotFound, PlaygroundError
from playground.prompts.content import content_of
from playground.prompts.finding import find_prompt
from playground.prompts.linting import Finding, finding_of, lint
from playground.prompts.pages.previewing import required_of, shape_finding


def review(context: RequestContext, spec: ColumnSpec) -> list[Finding]:
    """Return what there is to say about a draft, the worst first; nothing where there is none."""
    if spec.content is None:
        return []
    try:
        content = content_of(spec.content)
    except InvalidInput as error:
        return [shape_finding(each) for each in error.extra.get("errors", ())]
    try:
        includes = wanted(context, spec).includes
    except InvalidInput as error:
        failed = finding_of(error)
        rest = lint(content, includes=None)
        # What lint finds too, it finds in every message.
        return rest if any(each.code == failed.code for each in rest) else [failed, *rest]
    except PlaygroundError as error:
        return [Finding("error", error.code, error.detail)]
    return lint(
        content, declared=content.inputs, includes=includes, required=_required(context, spec)
    )


def _required(context: RequestContext, spec: ColumnSpec) -> list[str]:
    source = source_of(spec.source)
    if source is None:
        return []
    try:
        return required_of(find_prompt(context, source.path, audit=False))
    except NotFound:
        # A draft outlives what it was made from.
        return []
