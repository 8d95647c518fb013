"""Open a workbench from prompts, or from a traced call of a model with all that the span holds."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.urls import reverse

from playground.console.workbench import inputs
from playground.console.workbench.asking import Wanted, wanted
from playground.console.workbench.checking import MAX_NAME
from playground.console.workbench.keeping import open_workbench
from playground.console.workbench.models import Workbench
from playground.console.workbench.specifying import spec_of
from playground.core.context import RequestContext
from playground.core.errors import InvalidInput, PlaygroundError
from playground.prompts.content import MAX_MESSAGES
from playground.prompts.finding import find_prompt, version_of
from playground.prompts.models import Draft
from playground.prompts.pages import filling
from playground.tracing.reading import span_for
from playground.tracing.showing import is_chat

_PARAMETERS = {
    "temperature": "temperature",
    "max_tokens": "max_tokens",
    "seed": "seed",
    "top_p": "top_p",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "stop_sequences": "stop",
}
_ROLES = frozenset(("system", "developer", "user", "assistant", "tool"))
_LEADING = frozenset(("system", "developer"))
_REDACTED = ("[e-mail]", "[phone]", "[card]", "[iban]", "[ssn]", "[token]", "[secret]",
             "[private key]", "[credentials]")  # fmt: skip
_CUT = ("… [cut, ", "nested too deeply]", '"…": "[')


def open_prompts(context: RequestContext, sources: Sequence[str]) -> Workbench:
    """Open a workbench with a column for each source, on the examples that their inputs give.

    It is named after the prompts.

    Raises:
        PolicyDenied
        InvalidInput: ``workbench.source-invalid``.
    """
    columns: list[Mapping[str, Any]] = [{"source": source} for source in sources]
    found = _found(context, columns)
    prompts = [each.version.prompt for each in found if each.version is not None]
    titles = dict.fromkeys(prompt.title or prompt.name for prompt in prompts)
    return open_workbench(
        context,
        name=", ".join(titles)[:MAX_NAME],
        columns=columns or None,
        variables=filling.examples(inputs.union([each.schema for each in found])),
    )


def open_draft(
    context: RequestContext, path: str, *, values: Mapping[str, str] | None = None
) -> Workbench:
    """Open a workbench with the version that one's draft of a prompt began with, and the draft.

    Who has none begins with a copy of the newest version.

    Args:
        values: of variables by dotted name, as they were typed; the rest are examples.

    Raises:
        NotFound: ``prompt.not-found``.
        PolicyDenied
        InvalidInput: ``workbench.column-invalid``, the draft has no shape that can be edited.
    """
    prompt = find_prompt(context, path, audit=False)
    newest = version_of(prompt)
    draft = Draft.objects.filter(prompt=prompt, author=context.subject).first()
    content = draft.content if draft else newest.content.as_json()
    number = (draft.based_on if draft else None) or newest.number
    source = f"{prompt.path}@{number}"
    columns: list[Mapping[str, Any]] = [
        {"source": source},
        {"source": source, "content": content},
    ]
    schema = inputs.union([each.schema for each in _found(context, columns)])
    shown = inputs.flattened(schema, filling.examples(schema))
    typed = {name: text for name, text in (values or {}).items() if text.strip()}
    return open_workbench(
        context,
        name=f"{prompt.title or prompt.name}: v{number} and a draft"[:MAX_NAME],
        columns=columns,
        variables=inputs.filled(schema, {**shown, **typed}),
    )


def page_of_draft(context: RequestContext, path: str, *, values: Mapping[str, str]) -> str:
    """Open one's draft of a prompt; return the page, where what differs is marked."""
    bench = open_draft(context, path, values=values)
    first = bench.columns.all()[0]
    return f"{reverse('workbench', args=[bench.pk])}?against={first.pk}"


def _found(context: RequestContext, columns: Sequence[Mapping[str, Any]]) -> list[Wanted]:
    """Return what the columns name, as far as that can be told."""
    found = []
    for column in columns:
        try:
            found.append(wanted(context, spec_of(column)))
        except PlaygroundError:
            # The column says so.
            continue
    return found


def open_span(context: RequestContext, trace_id: str, span_id: str) -> Workbench:
    """Open a workbench whose one column asks what a traced call asked, as a draft.

    What the capture mode kept out, or blanked out, is said in the workbench's notes.

    Raises:
        NotFound: there is no such span.
        InvalidInput: ``workbench.span-not-model``, it is no call of a chat model.
        PolicyDenied
    """
    span = span_for(context, trace_id, span_id)
    if not is_chat(span):
        raise InvalidInput("workbench.span-not-model", "Only calls of chat models open here.")
    notes: list[str] = []
    given = span.input if isinstance(span.input, dict) else {}
    messages = _messages(given, notes)
    spec: dict[str, Any] = {
        "content": {"kind": "chat", "messages": messages},
        "model": str(span.attribute("gen_ai.request.model") or ""),
        "parameters": {
            name: value
            for told, name in _PARAMETERS.items()
            if (value := span.attribute(f"gen_ai.request.{told}")) is not None
        },
    }
    # Over the draft, not in it: the column's fields show them there.
    if tools := _tools(given, notes):
        spec["tools"] = tools
    if isinstance(given.get("response_format"), dict):
        spec["response_format"] = given["response_format"]
    return open_workbench(
        context, name=f"From {span.trace.name}"[:100], columns=[spec], notes=notes
    )


def literal(text: str) -> str:
    """Return a template that renders to exactly this text."""
    if not any(mark in text for mark in ("{{", "{%", "{#")):
        return text
    return "{{ " + json.dumps(text, ensure_ascii=False) + " }}"


def _messages(given: Mapping[str, Any], notes: list[str]) -> list[dict[str, Any]]:
    listed = given.get("messages")
    if not isinstance(listed, list) or not listed:
        notes.append(
            "The messages were not captured: the capture mode kept their text out of the trace."
            if given.get("captured") == "none"
            else "The trace holds no messages of this call."
        )
        return [{"role": "user", "template": ""}]
    known = [each for each in listed if isinstance(each, dict)]
    kept = shortened(known)
    if len(kept) < len(known):
        notes.append(
            f"Only {len(kept)} of {len(known)} messages are here: what stands before the "
            "conversation, and its end."
        )
    messages = [message for each in kept if (message := _message(each, notes)) is not None]
    shown = json.dumps(listed, ensure_ascii=False)
    if any(mark in shown for mark in _REDACTED):
        notes.append(
            "What was blanked out when it was traced stands as [e-mail], [token] and so on."
        )
    if "… [cut, " in shown:
        notes.append("Long values were cut when they were traced.")
    return messages or [{"role": "user", "template": ""}]


def _tools(given: Mapping[str, Any], notes: list[str]) -> list[dict[str, Any]]:
    listed = given.get("tools")
    if not isinstance(listed, list):
        notes.append("The trace does not hold which tools the call could use, if it had any.")
        return []
    tools = [each for each in listed if isinstance(each, dict)]
    shown = json.dumps(tools, ensure_ascii=False)
    if len(tools) < len(listed) or any(mark in shown for mark in _CUT):
        notes.append("The tools were cut when they were traced: complete them before you run.")
    return tools


def shortened(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the leading instructions and as many whole turns of the end as fit."""
    if len(messages) <= MAX_MESSAGES:
        return messages
    first = next((i for i, each in enumerate(messages) if each.get("role") not in _LEADING), 0)
    leading = messages[: min(first, MAX_MESSAGES // 2)]
    rest = messages[len(messages) - (MAX_MESSAGES - len(leading)) :]
    # A result without its call, or half an answer, is no conversation that a model takes.
    for begins in ("user", "assistant"):
        at = next((i for i, each in enumerate(rest) if each.get("role") == begins), None)
        if at is not None:
            return leading + rest[at:]
    return leading


def _message(given: Mapping[str, Any], notes: list[str]) -> dict[str, Any] | None:
    role = given.get("role")
    if role not in _ROLES:
        notes.append("A message whose role is not known is left out.")
        return None
    content = given.get("content")
    if isinstance(content, list):
        texts = [part.get("text") for part in content if isinstance(part, dict)]
        if any(not isinstance(text, str) for text in texts):
            notes.append("Images and files of messages are left out.")
        content = "\n".join(text for text in texts if isinstance(text, str))
    message: dict[str, Any] = {
        "role": role,
        "template": literal(content if isinstance(content, str) else ""),
    }
    for name in ("name", "tool_call_id"):
        if isinstance(given.get(name), str):
            message[name] = given[name]
    calls = given.get("tool_calls")
    if isinstance(calls, list) and calls and all(isinstance(call, dict) for call in calls):
        message["tool_calls"] = calls
    return message
