"""What goes into a model call and what comes out: OpenAI shapes, typed where we touch them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MOST_TOKENS = 10**9
"""No call has more tokens: what tells more does not count them."""
ASIDES = ("reasoning", "reasoning_content", "refusal")
"""Members of a message that are text beside what it says."""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One call of a chat model.

    Attributes:
        messages: OpenAI Chat Completions messages.
        tools: OpenAI function tools.
        response_format: as OpenAI takes it; ``{"type": "json_schema", …}`` asks for JSON.
        max_tokens: of the answer.
        extra: further parameters, passed to the upstream as they are.
    """

    model: str
    messages: Sequence[Mapping[str, Any]]
    tools: Sequence[Mapping[str, Any]] | None = None
    response_format: Mapping[str, Any] | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    stop: Sequence[str] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of a call; cached ones are part of those of the input.

    ``counted_here`` where the endpoint did not tell them.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    counted_here: bool = False


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A piece of a tool call; pieces with the same index belong together.

    The first piece of a call brings its id, and one piece its whole name.
    """

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One piece of a streamed answer."""

    text: str | None = None
    tool_calls: Sequence[ToolCallDelta] | None = None
    finish_reason: str | None = None
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A whole tool call; ``arguments`` is JSON as the model wrote it, valid or not."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Completion:
    """A whole answer."""

    text: str
    tool_calls: Sequence[ToolCall]
    finish_reason: str
    usage: Usage
    model: str
    provider: str


@dataclass(slots=True)
class _Gathered:
    """A tool call as far as it has come; its arguments in pieces."""

    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)


class Gathering:
    """Put chunks together to a completion."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self.finish_reason = ""
        self.usage: Usage | None = None
        self._calls: dict[int, _Gathered] = {}

    def add(self, chunk: Chunk) -> None:
        if chunk.text:
            self._pieces.append(chunk.text)
        self.finish_reason = chunk.finish_reason or self.finish_reason
        self.usage = chunk.usage or self.usage
        for delta in chunk.tool_calls or ():
            known = self._calls.get(delta.index)
            if known is None:
                known = self._calls[delta.index] = _Gathered()
            known.id = delta.id or known.id
            known.name = known.name or delta.name or ""
            if delta.arguments:
                known.arguments.append(delta.arguments)

    @property
    def text(self) -> str:
        """Return the text."""
        return "".join(self._pieces)

    @property
    def written(self) -> str:
        """Return all that the model wrote, its calls included."""
        return self.text + "".join(call.name + call.arguments for call in self.tool_calls)

    @property
    def tool_calls(self) -> list[ToolCall]:
        return [
            ToolCall(call.id, call.name, "".join(call.arguments))
            for _, call in sorted(self._calls.items())
        ]

    def completion(self, *, model: str, provider: str) -> Completion:
        return Completion(
            text=self.text,
            tool_calls=self.tool_calls,
            finish_reason=self.finish_reason or ("tool_calls" if self._calls else "stop"),
            usage=self.usage or Usage(),
            model=model,
            provider=provider,
        )
