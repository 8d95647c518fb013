"""The gateway as a LangChain chat model, so that graphs call models the one way there is."""

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    InvalidToolCall,
    ToolCall,
    ToolCallChunk,
    convert_to_openai_messages,
)
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import invalid_tool_call, tool_call
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict

from playground.core import spans
from playground.core.context import RequestContext
from playground.gateway import calling
from playground.gateway.chat import ChatRequest, Chunk


class GatewayChatModel(BaseChatModel):
    """Call a model through the gateway, on behalf of a context."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    model: str
    context: RequestContext
    cancelled: Callable[[], None] | None = None
    temperature: float | None = None
    max_tokens: int | None = None

    @property
    def _llm_type(self) -> str:
        return "playground-gateway"

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Return a model that may call the tools."""
        formatted = [convert_to_openai_tool(tool) for tool in tools]
        if tool_choice is not None:
            kwargs["tool_choice"] = tool_choice
        return self.bind(tools=formatted, **kwargs)

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        request = ChatRequest(
            model=self.model,
            messages=_as_openai(messages),
            tools=kwargs.pop("tools", None),
            response_format=kwargs.pop("response_format", None),
            temperature=self.temperature,
            max_tokens=self.max_tokens,
            stop=stop,
            extra=kwargs,
        )
        first = True
        pieces = calling.stream(self.context, request, cancelled=self.cancelled)
        # Whoever leaves this stream hangs up, now and not when the garbage is collected.
        with contextlib.closing(pieces):
            for piece in pieces:
                message = _as_message(piece)
                # Merging chunks joins strings, so the span is named once.
                if first and (span := spans.current()) is not None:
                    message.response_metadata["span_id"] = span.span_id
                first = False
                chunk = ChatGenerationChunk(message=message)
                if run_manager is not None and piece.text:
                    run_manager.on_llm_new_token(piece.text, chunk=chunk)
                yield chunk

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        whole: ChatGenerationChunk | None = None
        for chunk in self._stream(messages, stop, run_manager, **kwargs):
            whole = chunk if whole is None else whole + chunk
        message = whole.message if whole is not None else AIMessageChunk(content="")
        return ChatResult(generations=[ChatGeneration(message=_finished(message))])


def _as_openai(messages: Sequence[BaseMessage]) -> list[dict[str, Any]]:
    converted = convert_to_openai_messages(list(messages))
    return converted if isinstance(converted, list) else [converted]


def _finished(message: BaseMessage) -> AIMessage:
    """Return the whole message; LangChain would mend arguments that break off, so they are read."""
    chunks = message.tool_call_chunks if isinstance(message, AIMessageChunk) else []
    calls: list[ToolCall] = []
    invalid: list[InvalidToolCall] = []
    for chunk in chunks:
        try:
            arguments = json.loads(chunk["args"] or "{}")
        except (ValueError, RecursionError):
            arguments = None
        if isinstance(arguments, dict):
            calls.append(tool_call(name=chunk["name"] or "", args=arguments, id=chunk["id"]))
        else:
            invalid.append(
                invalid_tool_call(
                    name=chunk["name"],
                    args=chunk["args"],
                    id=chunk["id"],
                    error="The arguments are not a JSON object.",
                )
            )
    return AIMessage(
        content=message.content,
        tool_calls=calls,
        invalid_tool_calls=invalid,
        usage_metadata=getattr(message, "usage_metadata", None),
        response_metadata=message.response_metadata,
    )


def _as_message(piece: Chunk) -> AIMessageChunk:
    usage = None
    metadata: dict[str, Any] = {}
    if piece.usage is not None:
        usage = UsageMetadata(
            input_tokens=piece.usage.input_tokens,
            output_tokens=piece.usage.output_tokens,
            total_tokens=piece.usage.input_tokens + piece.usage.output_tokens,
        )
    if piece.finish_reason:
        metadata["finish_reason"] = piece.finish_reason
    return AIMessageChunk(
        content=piece.text or "",
        tool_call_chunks=[
            ToolCallChunk(
                name=delta.name,
                args=delta.arguments,
                id=delta.id,
                index=delta.index,
                type="tool_call_chunk",
            )
            for delta in piece.tool_calls or ()
        ],
        usage_metadata=usage,
        response_metadata=metadata,
    )
