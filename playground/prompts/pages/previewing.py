"""Show what a prompt that is being edited would say, cost and be found wrong with."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from playground.core.context import RequestContext
from playground.core.errors import InvalidInput
from playground.core.forms import FormField
from playground.prompts.composing import compose
from playground.prompts.content import HISTORY, Content, Placeholder, content_of
from playground.prompts.linting import Finding, Length, finding_of, lint
from playground.prompts.models import Prompt, RequiredFragment
from playground.prompts.pages.editing import Typed
from playground.prompts.pages.filling import fields, fill
from playground.prompts.pages.sizing import Share, shares
from playground.prompts.templating.discovering import discover
from playground.prompts.templating.fragments import Includes
from playground.prompts.templating.rendering import Rendered, render

_SAMPLE = (
    {"role": "user", "content": "‹what the user said before›"},
    {"role": "assistant", "content": "‹what was answered›"},
)
_FIELD = re.compile(r"^messages\.(\d+)")


@dataclass(frozen=True, slots=True)
class Preview:
    """What stands beside the editor.

    Attributes:
        schema: of the inputs, discovered or declared; None where the templates do not parse.
        made_up: inputs that nobody filled in; they stand as their own names.
        shares: what each model makes of what was rendered, none where it was not.
        failure: why it was not rendered, which is a finding too.
    """

    findings: list[Finding]
    fields: list[FormField] = field(default_factory=list)
    schema: dict[str, Any] | None = None
    rendered: Rendered | None = None
    made_up: tuple[str, ...] = ()
    shares: tuple[Share, ...] = ()
    failure: Finding | None = None

    @property
    def first(self) -> Share | None:
        """Return what the model that answers first makes of it."""
        return self.shares[0] if self.shares else None


def preview(context: RequestContext, prompt: Prompt, written: Typed) -> Preview:
    """Compose, lint and render what was typed, whatever state it is in. Asks the database."""
    wrong = [Finding("error", "prompt.invalid", text) for text in written.errors.values()]
    try:
        content = content_of(written.body)
    except InvalidInput as error:
        return Preview(wrong + [shape_finding(each) for each in error.extra["errors"]])
    declared = content.inputs
    try:
        composed = compose(context, content, prompt=prompt, shared=prompt.shared)
    except InvalidInput as error:
        failed = finding_of(error)
        others = [each for each in lint(content, includes=None) if each.code != failed.code]
        same = [each for each in lint(content, includes=None) if each.code == failed.code]
        return Preview([*wrong, *(same or [failed]), *others], failure=failed)
    schema = composed.content.inputs or {}
    shown = _without_history(schema, content)
    filled = fill(shown, written.values)
    rendered, failure = _rendered(composed.content, filled.variables, composed.includes)
    sizes = shares(context, content, rendered)
    findings = lint(
        content,
        declared=declared,
        includes=composed.includes,
        required=required_of(prompt),
        lengths=[
            Length(each.model, each.tokens, each.window, exact=each.exact)
            for each in sizes
            if each.chosen and each.window
        ],
    )
    return Preview(
        findings=[*wrong, *([failure] if failure else []), *findings],
        fields=fields(shown, written.values),
        schema=schema,
        rendered=rendered,
        made_up=filled.made_up,
        shares=sizes,
        failure=failure,
    )


def discovers(content: Content, includes: Includes) -> bool:
    """Tell whether the inputs are those that would be discovered, so that nobody wrote them."""
    return content.inputs == discover(content.model_copy(update={"inputs": None}), includes)


def required_of(prompt: Prompt) -> list[str]:
    """Return the fragments that a label of the prompt's team asks of it, by their paths."""
    rules = RequiredFragment.objects.filter(team=prompt.team).exclude(fragment=prompt)
    rows = rules.select_related("fragment__team")
    return [] if prompt.kind == "fragment" else sorted({row.fragment.path for row in rows})


def shape_finding(error: Mapping[str, str]) -> Finding:
    """Turn one of the errors in a content's shape into a finding."""
    place = _FIELD.match(error["field"])
    detail = f"{error['field']}: {error['message']}" if error["field"] else error["message"]
    return Finding("error", "prompt.invalid", detail, int(place[1]) if place else None)


def _rendered(
    content: Content, variables: Mapping[str, Any], includes: Includes
) -> tuple[Rendered | None, Finding | None]:
    names = {each.name for each in content.messages if isinstance(each, Placeholder)}
    sample = {name: list(_SAMPLE) for name in names if name not in variables}
    try:
        return render(content, {**sample, **variables}, includes=includes), None
    except InvalidInput as error:
        return None, finding_of(error)


def _without_history(schema: Mapping[str, Any], content: Content) -> dict[str, Any]:
    """Leave out the conversations that placeholders stand for: nobody types those."""
    names = {each.name for each in content.messages if isinstance(each, Placeholder)} | {HISTORY}
    properties = {
        name: each
        for name, each in (schema.get("properties") or {}).items()
        if name not in names or (isinstance(each, Mapping) and each.get("type") != "array")
    }
    return {**schema, "properties": properties}
