"""Turn a column and its inputs into what goes to the model."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from playground.console.workbench.specifying import RESERVED, ColumnSpec, source_of
from playground.core.context import RequestContext
from playground.core.errors import InvalidInput, NotFound
from playground.gateway import catalogue
from playground.gateway.chat import ChatRequest
from playground.prompts.composing import compose, includes_of
from playground.prompts.content import Content, PromptKind, content_of
from playground.prompts.finding import find_prompt
from playground.prompts.models import PromptVersion
from playground.prompts.resolving import find
from playground.prompts.templating.discovering import discover, widened
from playground.prompts.templating.fragments import Includes
from playground.prompts.templating.rendering import render
from playground.prompts.templating.validating import check_variables
from skills import registry

ChatMessage = dict[str, Any]

NO_MODEL = "none"
"""Stands where a model is named: the cell shows what the prompt renders to, and nobody is asked."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a column names, found; ``version`` is None for a draft."""

    content: Content
    includes: Includes
    version: PromptVersion | None = None

    @property
    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the inputs."""
        return self.content.inputs or {}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, frozen: what the cell says later is an answer to this and nothing else.

    Attributes:
        ref: ``team/name@3``, empty for a draft.
        tool_mode: see ``specifying.ColumnSpec``, as are the rest.
    """

    model: str
    messages: list[ChatMessage]
    tools: list[dict[str, Any]] = field(default_factory=list)
    response_format: dict[str, Any] | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    ref: str = ""
    source: str = ""
    tool_mode: str = "ask"
    simulated: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return it as it is stored."""
        return asdict(self)

    def request(self, conversation: list[ChatMessage]) -> ChatRequest:
        """Return the call of the model with all that was said since.

        Raises:
            InvalidInput: ``workbench.parameter-invalid``.
        """
        rest = dict(self.parameters)
        stop = rest.pop("stop", None)
        return ChatRequest(
            model=self.model,
            messages=[*self.messages, *conversation],
            tools=self.tools or None,
            response_format=self.response_format,
            temperature=_number("temperature", rest.pop("temperature", None), 0, 2),
            max_tokens=_whole("max_tokens", rest.pop("max_tokens", None)),
            stop=_stops(stop),
            extra=rest,
        )


def asked_in(request: Mapping[str, Any] | None) -> Asked:
    """Read the request that a cell keeps."""
    return Asked(**(request or {}))


def wanted(context: RequestContext, spec: ColumnSpec) -> Wanted:
    """Find the prompt that a column names, or compose its draft.

    Raises:
        NotFound: there is no such prompt, version or label.
        InvalidInput: the draft is wrong, at ``message``, ``line`` and ``column`` where known;
            ``workbench.nothing-asked``, the column names nothing and says nothing.
    """
    source = source_of(spec.source)
    if spec.content is None:
        if source is None:
            raise InvalidInput(
                "workbench.nothing-asked", "Choose a prompt for this column, or write messages."
            )
        version = find(context, name=source.path, label=source.label, version=source.version)
        return Wanted(version.content, includes_of(version), version)
    prompt = None
    if source is not None:
        try:
            prompt = find_prompt(context, source.path, audit=False)
        except NotFound:
            # A draft outlives what it was made from.
            prompt = None
    content = content_of(spec.content)
    composed = compose(context, content, prompt=prompt)
    if content.inputs is None:
        return Wanted(composed.content, composed.includes)
    # There is no field for the schema here: what a draft begins to read is added to it.
    found = discover(content, composed.includes)
    inputs = {"inputs": widened(content.inputs, found)}
    return Wanted(composed.content.model_copy(update=inputs), composed.includes)


def asked(
    context: RequestContext, spec: ColumnSpec, found: Wanted, variables: Mapping[str, Any]
) -> Asked:
    """Render a column for one set of inputs.

    Raises:
        InvalidInput: ``prompt.…``, the variables do not fit or a template fails;
            ``model.unknown``; ``workbench.parameter-invalid``.
        NotFound: ``skill.not-found``.
    """
    content = found.content
    check_variables(found.schema, variables)
    rendered = render(content, variables, includes=found.includes)
    messages = rendered.messages
    if rendered.text is not None:
        messages = [{"role": "user", "content": rendered.text}]
    settings = {**content.settings, **spec.parameters}
    model = model_of(spec, content)
    if model != NO_MODEL:
        catalogue.route_of(model, catalogue.current())
    result = Asked(
        model=model,
        messages=messages,
        tools=_tools(context, content.tools if spec.tools is None else spec.tools, spec.skills),
        response_format=spec.response_format or content.response_format,
        # Versions that are older than the rule may hold settings that are reserved.
        parameters={
            name: value
            for name, value in settings.items()
            if value is not None and name not in RESERVED
        },
        ref=found.version.ref if found.version else "",
        source=spec.source,
        tool_mode=spec.tool_mode,
        simulated=spec.simulated,
    )
    result.request([])
    return result


def model_of(spec: ColumnSpec, content: Content | None) -> str:
    """Return what answers a column: its own model, else its prompt's, else the default.

    A text is no request: what reads it is some program, and nobody is asked unless it is said who.
    """
    named = {**(content.settings if content else {}), **spec.parameters}.get("model")
    if spec.model or (isinstance(named, str) and named):
        return spec.model or str(named)
    if content is not None and content.kind is PromptKind.TEXT:
        return NO_MODEL
    return catalogue.default_model()


def _tools(
    context: RequestContext, tools: list[dict[str, Any]], skills: list[str]
) -> list[dict[str, Any]]:
    offered = list(tools)
    functions = [tool.get("function") for tool in tools]
    taken = {each.get("name") for each in functions if isinstance(each, Mapping)}
    for name in skills:
        skill = registry.find(context, name)
        if skill.alias not in taken:
            taken.add(skill.alias)
            function = {
                "name": skill.alias,
                "description": skill.description,
                "parameters": skill.input_schema,
            }
            offered.append({"type": "function", "function": function})
    return offered


def _number(name: str, value: Any, low: float, high: float) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise _wrong(name, f"a number from {low:g} to {high:g}")
    return value


def _whole(name: str, value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1_000_000:
        raise _wrong(name, "a whole number from 1 to 1,000,000")
    return value


def _stops(value: Any) -> list[str] | None:
    if value in (None, "", []):
        return None
    stops = [value] if isinstance(value, str) else value
    if (
        not isinstance(stops, list)
        or len(stops) > 4
        or not all(isinstance(each, str) and each for each in stops)
    ):
        raise _wrong("stop", "a text, or a list of up to four")
    return stops


def _wrong(name: str, wanted_is: str) -> InvalidInput:
    return InvalidInput("workbench.parameter-invalid", f"{name} is {wanted_is}.", field=name)
