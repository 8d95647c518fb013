"""What a column is made of, and what of it cannot be. Pure: imports no Django."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from playground.console.workbench.storing import lost_numbers
from playground.core.errors import InvalidInput
from playground.policy import bodies
from playground.prompts.content import MAX_MESSAGES, RESERVED_SETTINGS, PromptKind

MAX_COLUMNS = 6
MAX_SPEC_BYTES = 400_000
RESERVED = RESERVED_SETTINGS | {"model"}
"""What a call has elsewhere, or has no place for here."""
_SOURCE = re.compile(
    r"(?P<path>(?:[\w-]{1,64}/)?[\w-]{1,64})(?:@(?P<version>\d{1,9})|:(?P<label>[\w-]{1,40}))?",
    re.ASCII,
)

ToolMode = Literal["ask", "simulate", "skills"]


class ColumnSpec(BaseModel):
    """One way to ask.

    Attributes:
        source: ``team/name@3``, ``team/name:label`` or ``team/name`` for the newest version; what
            a draft began as, empty where it began as nothing.
        content: of a draft, in the shape of a prompt's version; None for what ``source`` names.
        model: empty for the prompt's own, else the default.
        parameters: go over the prompt's settings; null takes one of those away.
        tools: OpenAI's tools in place of the prompt's; None for the prompt's.
        response_format: in place of the prompt's; None for the prompt's.
        skills: registry names of skills that are offered as tools too.
        tool_mode: ``ask`` shows calls and waits for a person, ``simulate`` answers them from
            ``simulated``, ``skills`` calls the real ones, except those that change something.
        simulated: by the tool's name, what a call of it gives.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Annotated[str, Field(max_length=200)] = ""
    content: dict[str, Any] | None = None
    model: Annotated[str, Field(max_length=250)] = ""
    parameters: dict[str, Any] = {}
    tools: list[dict[str, Any]] | None = None
    response_format: dict[str, Any] | None = None
    skills: Annotated[list[str], Field(max_length=50)] = []
    tool_mode: ToolMode = "ask"
    simulated: dict[str, Any] = {}

    def as_json(self) -> dict[str, Any]:
        """Return it as it is stored."""
        return self.model_dump(mode="json")


class _DraftMessage(BaseModel):
    role: str = ""
    template: str = ""
    name: str | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None


class _Draft(BaseModel):
    """The outer shape of a draft's content: enough to edit it; the rest is said when it is run."""

    kind: PromptKind = PromptKind.CHAT
    messages: Annotated[list[_DraftMessage], Field(max_length=MAX_MESSAGES)] = []
    inputs: dict[str, Any] | None = None
    settings: dict[str, Any] | None = None
    tools: list[dict[str, Any]] | None = None
    response_format: dict[str, Any] | None = None


class Source(BaseModel):
    """A prompt that is named, with a version or a label."""

    path: str
    version: int | None = None
    label: str | None = None


def spec_of(body: Mapping[str, Any]) -> ColumnSpec:
    """Read a column's specification.

    Raises:
        InvalidInput: ``workbench.column-invalid`` with ``errors``, a list of ``field`` and
            ``message``; ``workbench.source-invalid``; ``workbench.parameter-reserved``.
    """
    try:
        spec = ColumnSpec.model_validate(dict(body))
        encoded = orjson.dumps(_kept(spec))
    except ValidationError as error:
        raise _invalid(_told(error)) from None
    except (TypeError, ValueError, RecursionError):
        raise _invalid([{"field": "content", "message": "This is no JSON."}]) from None
    if len(encoded) > MAX_SPEC_BYTES:
        raise _invalid([{"field": "content", "message": "A column has at most 400 kB."}])
    if bodies.escapes_nul(encoded):
        raise _invalid([{"field": "content", "message": "NUL characters are not allowed."}])
    if spec.content is not None and (errors := draft_errors(spec.content)):
        raise _invalid(errors)
    source_of(spec.source)
    taken = sorted(RESERVED & set(spec.parameters))
    if taken:
        raise InvalidInput(
            "workbench.parameter-reserved",
            f"{', '.join(taken)}: not a parameter here; model, tools and response format have "
            "fields of their own.",
        )
    return spec


def draft_errors(content: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return ``field`` and ``message`` of what keeps a draft's content from being edited."""
    try:
        _Draft.model_validate(dict(content))
    except ValidationError as error:
        return _told(error, "content")
    return []


def source_of(text: str) -> Source | None:
    """Read what names a prompt; None where nothing is named.

    Raises:
        InvalidInput: ``workbench.source-invalid``.
    """
    if not text:
        return None
    found = _SOURCE.fullmatch(text)
    if found is None:
        raise InvalidInput(
            "workbench.source-invalid",
            "A prompt is named team/name, team/name@3 or team/name:label.",
        )
    version = found["version"]
    return Source(
        path=found["path"], version=int(version) if version else None, label=found["label"]
    )


def _kept(spec: ColumnSpec) -> dict[str, Any]:
    errors = [
        {"field": where, "message": why}
        for name, value in spec.model_dump().items()
        for where, why in lost_numbers(name, value)
    ]
    if errors:
        raise _invalid(errors)
    return spec.as_json()


def _told(error: ValidationError, *inside: str) -> list[dict[str, str]]:
    return [
        {"field": ".".join(map(str, (*inside, *each["loc"]))), "message": each["msg"]}
        for each in error.errors(include_url=False, include_input=False, include_context=False)
    ]


def _invalid(errors: list[dict[str, str]]) -> InvalidInput:
    first = errors[0]
    detail = f"{first['field'] or 'column'}: {first['message']}"
    return InvalidInput("workbench.column-invalid", detail, errors=errors)
