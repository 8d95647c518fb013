"""What the trace pages show: messages of a model call as chat, and a trace's neighbours."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import F, Q, TextField, Value
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Cast, Coalesce, Left, NullIf

from playground.core.capture import Json
from playground.core.context import RequestContext
from playground.tracing.models import ARM, RAMP, REQUEST, Span, Trace

LINE_CHARS = 300
MOST_PROMPTS = 50
_PROMPT = "gen_ai.prompt.name"

Expecting = Callable[[RequestContext, str], bool]
_expecting: list[Expecting] = []


def expect(answer: Expecting) -> None:
    """Register who knows of traces that have no span yet, such as those of queued runs."""
    _expecting.append(answer)


def is_expected(context: RequestContext, trace_id: str) -> bool:
    """Tell whether the context's team is to see a trace of this id before long."""
    return any(answer(context, trace_id) for answer in _expecting)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that a model asked for."""

    name: str
    arguments: Json


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a model call, in or out."""

    role: str
    text: str
    calls: list[ToolCall] = field(default_factory=list)
    name: str = ""
    is_output: bool = False


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The traces started just after and just before, for the keys ``[`` and ``]``."""

    newer: str | None
    older: str | None


def messages_of(span: Span) -> list[ChatMessage]:
    """Read the conversation out of a span's input and output; empty where there is none."""
    request = span.attribute(REQUEST)
    if span.input is None and isinstance(request, str) and isinstance(span.output, str):
        return [ChatMessage("user", request), ChatMessage("assistant", span.output, is_output=True)]
    given = span.input.get("messages") if isinstance(span.input, dict) else span.input
    messages = (
        [_message(each) for each in given or [] if isinstance(each, dict) and "role" in each]
        if isinstance(given, list)
        else []
    )
    answer = _answer(span.output) if messages or span.kind == "model" else None
    return [*messages, answer] if answer else messages


@dataclass(frozen=True, slots=True)
class PromptUse:
    """A prompt that a span took; ``arm`` and ``ramp`` are empty where no ramp chose it."""

    path: str
    version: int
    label: str
    arm: str
    ramp: str
    why: str

    @property
    def name(self) -> str:
        """Return the prompt's name without its team's."""
        return self.path.rpartition("/")[2]

    @property
    def href(self) -> str:
        """Return where the version is shown."""
        return f"/prompts/{self.path}?version={self.version}"


def prompt_of(span: Span) -> PromptUse | None:
    """Return the prompt that a span took, None where it took none."""
    return _prompt_use(span.attributes, span.trace.team)


def prompts_of(trace: Trace) -> list[PromptUse]:
    """Return the prompts that the spans of a trace took, in order, each once."""
    spans = Span.objects.filter(trace=trace, attributes__has_key=_PROMPT)
    found = [
        use
        for attributes in spans.order_by("started_at", "span_id").values_list(
            "attributes", flat=True
        )[:MOST_PROMPTS]
        if (use := _prompt_use(attributes, trace.team))
    ]
    return list(dict.fromkeys(found))


def _prompt_use(attributes: Mapping[str, Any], team: str) -> PromptUse | None:
    name, version = attributes.get(_PROMPT), attributes.get("playground.prompt.version")
    if not isinstance(name, str) or not isinstance(version, int):
        # A foreign program may say what it likes.
        return None
    told = {
        field: str(attributes.get(attribute) or "")
        for field, attribute in (
            ("label", "playground.prompt.label"),
            ("arm", ARM),
            ("ramp", RAMP),
            ("why", "playground.prompt.why"),
        )
    }
    return PromptUse(name if "/" in name else f"{team}/{name}", version, **told)


def is_chat(span: Span) -> bool:
    """Tell whether a span is the call of a chat model, which can be asked again."""
    operation = span.attribute("gen_ai.operation.name")
    return span.kind == "model" and operation in (None, "chat")


def lines_of(trace: Trace) -> dict[str, str]:
    """Return one line for each span of a trace: what went wrong, else what came out."""
    call = KeyTransform("0", KeyTransform("tool_calls", "output"))
    said = Coalesce(
        *(NullIf(KeyTextTransform(key, "output"), Value("")) for key in ("summary", "content")),
        KeyTextTransform("name", KeyTransform("function", call)),
        KeyTextTransform("name", call),
        Cast("output", TextField()),
    )
    spans = Span.objects.filter(trace=trace).annotate(
        failed=Left(F("error"), LINE_CHARS), said=Left(said, LINE_CHARS)
    )
    lines = {
        span_id: _one_line(failed or said or "")
        for span_id, failed, said in spans.values_list("span_id", "failed", "said")
    }
    return {span_id: line for span_id, line in lines.items() if line and line != "null"}


def _one_line(text: str) -> str:
    return " ".join(
        text.replace("\\n", " ").replace("**", "").removeprefix('"').removesuffix('"').split()
    )


def neighbours_of(context: RequestContext, trace: Trace) -> Neighbours:
    """Find the traces beside this one in the team's list."""
    traces = Trace.objects.visible_to(context)
    here = {"started_at": trace.started_at}
    newer = traces.filter(Q(started_at__gt=trace.started_at) | Q(**here, id__gt=trace.id)).order_by(
        "started_at", "id"
    )
    older = traces.filter(Q(started_at__lt=trace.started_at) | Q(**here, id__lt=trace.id)).order_by(
        "-started_at", "-id"
    )
    return Neighbours(
        newer=newer.values_list("id", flat=True).first(),
        older=older.values_list("id", flat=True).first(),
    )


def raw(span: Span) -> dict[str, Any]:
    """Return a span as the API shows it."""
    return {
        "id": span.span_id,
        "parent_id": span.parent_id,
        "kind": span.kind,
        "name": span.name,
        "start": span.started_at,
        "end": span.ended_at,
        "duration_ms": span.duration_ms,
        "status": span.status,
        "error": span.error,
        "attempt": span.attempt,
        "revision": span.revision,
        "attributes": span.attributes,
        "input": span.input,
        "output": span.output,
        "events": span.events,
    }


def _message(value: Mapping[str, Any]) -> ChatMessage:
    return ChatMessage(
        role=str(value.get("role") or ""),
        text=_text(value.get("content", value.get("parts"))),
        calls=_calls(value.get("tool_calls")),
        name=str(value.get("name") or value.get("tool_call_id") or ""),
    )


def _answer(output: Json) -> ChatMessage | None:
    if isinstance(output, str) and output:
        return ChatMessage("assistant", output, is_output=True)
    if not isinstance(output, dict) or "captured" in output:
        return None
    text = _text(output.get("text") or output.get("content"))
    calls = _calls(output.get("tool_calls"))
    return ChatMessage("assistant", text, calls, is_output=True) if text or calls else None


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts = [
            part if isinstance(part, str) else str(part.get("text") or part.get("content") or "")
            for part in content
            if isinstance(part, str | dict)
        ]
        return "\n".join(part for part in parts if part)
    return ""


def _calls(value: Any) -> list[ToolCall]:
    if not isinstance(value, list):
        return []
    found = []
    for call in value:
        if isinstance(call, dict):
            function = call.get("function")
            inner = function if isinstance(function, dict) else call
            found.append(ToolCall(str(inner.get("name") or ""), inner.get("arguments")))
    return found
