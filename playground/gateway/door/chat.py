"""``POST /v1/chat/completions``: what an endpoint or a model here answers, as it comes.

Nothing that the gateway does not know is lost on the way: unknown parameters reach the endpoint,
unknown members of its answer reach the caller.
"""

from dataclasses import replace
from typing import Any

from playground.core import attributes
from playground.core.asking import in_thread
from playground.gateway import prompting
from playground.gateway.chat import ChatRequest
from playground.gateway.door.answers import DONE, Answer
from playground.gateway.door.asking import Asking, wrong
from playground.gateway.door.measuring import traced

MAX_CHOICES = 8
_PROMPT = "prompt"
_ROLES = frozenset(("system", "developer", "user", "assistant", "tool", "function"))
# What ``ChatRequest`` names itself; everything else goes along as it is.
_NAMED = frozenset(
    "model messages tools response_format temperature max_tokens max_completion_tokens stop stream "
    "stream_options n".split()
)


async def complete(asking: Asking, answer: Answer) -> None:
    """Answer a chat completion, streamed or whole.

    An error after the first piece becomes the last event, so that no client takes half an answer
    for a whole one.
    """
    asking = await _prompted(asking)
    request = request_of(asking)
    streamed = asking.flag("stream")
    choices = int(asking.number("n", low=1, high=MAX_CHOICES, whole=True) or 1)
    include_usage = bool((asking.thing("stream_options") or {}).get("include_usage"))
    async with traced(
        asking, answer, request, asking.body, streamed=streamed, choices=choices
    ) as events:
        async for event in events:
            if not streamed:
                whole = event
            elif event.choices or include_usage or event.usage is None:
                await answer.piece(b"data: " + event.encoded() + b"\n\n")
    if streamed:
        await answer.piece(DONE)
        await answer.end()
    else:
        await answer.whole(whole.encoded(), "application/json")


async def _prompted(asking: Asking) -> Asking:
    """Put the messages of the prompt that is named before those that came along."""
    named = asking.thing(_PROMPT)
    if named is None:
        return asking
    name, label = named.get("name"), named.get("label")
    version, variables = named.get("version"), named.get("variables", {})
    key = named.get("key")
    if not isinstance(name, str) or not name:
        raise wrong(f"{_PROMPT}.name", "is required and must be text")
    if not isinstance(label, str | None):
        raise wrong(f"{_PROMPT}.label", "must be text")
    if not isinstance(key, str | None):
        raise wrong(f"{_PROMPT}.key", "must be text")
    if isinstance(version, bool) or not isinstance(version, int | None):
        raise wrong(f"{_PROMPT}.version", "must be an integer")
    if label is not None and version is not None:
        raise wrong(_PROMPT, "names a label and a version; only one of them decides")
    if not isinstance(variables, dict):
        raise wrong(f"{_PROMPT}.variables", "must be an object")
    told = attributes.checked(named.get("attributes", {}), param=f"{_PROMPT}.attributes")
    context = asking.context
    resolved = await in_thread(
        prompting.resolve,
        replace(context, attributes={**context.attributes, **told}),
        name=name,
        label=label,
        version=version,
        variables=variables,
        key=key,
    )
    body = {each: value for each, value in asking.body.items() if each != _PROMPT}
    body["messages"] = [*resolved.messages, *asking.objects("messages")]
    return replace(asking, body=body, prompt=resolved)


def request_of(asking: Asking) -> ChatRequest:
    """Read the fields that the gateway itself acts upon.

    Raises:
        InvalidInput: a field is missing or wrong; ``param`` names it.
    """
    messages = asking.objects("messages")
    if not messages:
        raise wrong("messages", "is required: a list of at least one message")
    for number, message in enumerate(messages):
        _check_message(f"messages[{number}]", message)
    stop = asking.body.get("stop")
    if isinstance(stop, str):
        stop = [stop]
    if stop is not None and not (
        isinstance(stop, list) and len(stop) <= 4 and all(isinstance(s, str) and s for s in stop)
    ):
        raise wrong("stop", "must be text, or a list of at most four texts")
    limits = [
        asking.number(name, low=1, high=10_000_000, whole=True)
        for name in ("max_completion_tokens", "max_tokens")
    ]
    # Endpoints take one of the two names, and it is not known which.
    maximum = max((int(limit) for limit in limits if limit is not None), default=None)
    return ChatRequest(
        model=asking.text("model"),
        messages=messages,
        tools=asking.objects("tools") or None,
        response_format=asking.thing("response_format"),
        temperature=asking.number("temperature", low=0, high=2),
        max_tokens=maximum,
        stop=stop,
        extra={name: value for name, value in asking.body.items() if name not in _NAMED},
    )


def _check_message(where: str, message: dict[str, Any]) -> None:
    """Refuse what is no message, before any rule or model reads it."""
    role = message.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        raise wrong(f"{where}.role", f"must be one of {', '.join(sorted(_ROLES))}")
    content = message.get("content")
    if isinstance(content, list):
        if not all(isinstance(part, dict | str) for part in content):
            raise wrong(f"{where}.content", "must be text or a list of parts")
    elif not isinstance(content, str | None):
        raise wrong(f"{where}.content", "must be text or a list of parts")
    calls = message.get("tool_calls")
    if calls is None:
        return
    if not isinstance(calls, list) or not all(isinstance(call, dict) for call in calls):
        raise wrong(f"{where}.tool_calls", "must be a list of objects")
    for number, call in enumerate(calls):
        # Other kinds of tools have members of their own, and some write arguments as an object.
        function = call.get("function") or {}
        if not isinstance(function, dict) or not isinstance(function.get("name", ""), str):
            raise wrong(f"{where}.tool_calls[{number}].function", "must hold a name as text")
