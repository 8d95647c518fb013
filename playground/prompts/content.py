"""What one version of a prompt says, as it is stored, sent, compared and kept in files. Pure."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from playground.core.canonical import canonical_json, content_hash
from playground.core.errors import InvalidInput, said_of

MAX_MESSAGES = 50
RESERVED_SETTINGS = frozenset(
    (
        "messages", "stream", "stream_options", "n", "tools", "response_format", "functions",
        "function_call",
    )
)  # fmt: skip
"""What a call says elsewhere, or has no place for: settings must not override it."""
_LABEL = re.compile(r"[a-z][a-z0-9_-]{0,39}")
HISTORY = "history"
_ROLES = ("system", "developer", "user", "assistant", "tool", "placeholder")
_ONE_TEXT = 'a text or fragment has one message, {"role": "text", "template": "…"}'
_NO_ROLE = ("union_tag_not_found", "union_tag_invalid")


def is_label(text: str) -> bool:
    """Tell whether a label could be called so."""
    return _LABEL.fullmatch(text) is not None


class PromptKind(StrEnum):
    """What a prompt is: messages of a chat, one text, or a text that others include."""

    CHAT = "chat"
    TEXT = "text"
    FRAGMENT = "fragment"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TemplateMessage(_Part):
    """A message in the shape of OpenAI's Chat Completions whose content is a Jinja template.

    Source: https://platform.openai.com/docs/api-reference/chat/create
    """

    role: Literal["system", "developer", "user", "assistant", "tool"]
    template: str
    name: str | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None


class Placeholder(_Part):
    """Where the messages of a variable go in: the conversation so far, unless it says otherwise."""

    role: Literal["placeholder"]
    name: str = HISTORY


class Text(_Part):
    """The one template of a text or a fragment."""

    role: Literal["text"] = "text"
    template: str


Message = Annotated[TemplateMessage | Placeholder | Text, Field(discriminator="role")]


class Content(_Part):
    """All that a version holds and that its hash is made of.

    Attributes:
        inputs: JSON Schema of an object, the variables; None has it discovered in the templates.
        settings: parameters of the model call, such as ``model``, ``temperature``, ``max_tokens``.
        tools: OpenAI's tools.
        response_format: OpenAI's response format.
    """

    kind: PromptKind = PromptKind.CHAT
    messages: Annotated[list[Message], Field(min_length=1, max_length=MAX_MESSAGES)]
    inputs: dict[str, Any] | None = None
    settings: dict[str, Any] = {}
    tools: list[dict[str, Any]] = []
    response_format: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "Content":
        texts = [message for message in self.messages if isinstance(message, Text)]
        if self.kind is PromptKind.CHAT:
            if texts:
                raise ValueError(
                    f'a chat has no message with role text; {_ONE_TEXT}, and says "kind"'
                )
        elif len(texts) != 1 or len(self.messages) != 1:
            raise ValueError(_ONE_TEXT)
        return self

    @property
    def templates(self) -> list[str]:
        """Return the templates, in order, without placeholders."""
        return [each.template for each in self.messages if not isinstance(each, Placeholder)]

    @property
    def content_hash(self) -> str:
        """Return a hash of all of it."""
        return content_hash(self.as_json())

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON, without what is not set."""
        return self.model_dump(mode="json", exclude_none=True)


def content_of(body: Mapping[str, Any]) -> Content:
    """Read a version's content.

    Raises:
        InvalidInput: ``prompt.invalid`` with ``errors``, a list of ``field`` and ``message``.
    """
    try:
        content = Content.model_validate(dict(body))
        canonical_json(content.as_json())
    except ValidationError as error:
        errors = [
            {"field": _field(each), "message": _said(each)}
            for each in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        first = errors[0]
        raise InvalidInput(
            "prompt.invalid", f"{first['field'] or 'content'}: {first['message']}", errors=errors
        ) from None
    except TypeError as error:
        # Half a surrogate pair, or a number of more than 64 bits.
        detail = f"it cannot be stored: {error}"
        errors = [{"field": "", "message": detail}]
        raise InvalidInput("prompt.invalid", detail, errors=errors) from None
    return content


def _field(fault: ErrorDetails) -> str:
    # The discriminator's value stands in the path, and says nothing to whoever reads it.
    path = ".".join(str(part) for part in fault["loc"] if part not in (*_ROLES, "text"))
    return f"{path}.role" if fault["type"] in _NO_ROLE else path


def _said(fault: ErrorDetails) -> str:
    match fault["type"]:
        case "missing":
            return "this is needed"
        case "extra_forbidden":
            return "there is no such field"
        case kind if kind in _NO_ROLE:
            return f"this is one of {', '.join(_ROLES)}; {_ONE_TEXT}"
        case _:
            return said_of(fault)
