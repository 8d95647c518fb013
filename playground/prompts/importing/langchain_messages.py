"""Read the messages of LangChain's chat prompts. Pure: no Django.

Source: https://reference.langchain.com/python/langchain_core/prompts/
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from playground.core.errors import InvalidInput
from playground.prompts.content import Content, PromptKind, Text
from playground.prompts.importing.expressing import Names, bounded, literal
from playground.prompts.importing.fstrings import from_fstring
from playground.prompts.importing.reporting import Notes
from playground.prompts.importing.sections import Variables, from_mustache
from playground.prompts.importing.settling import role_of
from playground.prompts.templating.discovering import discover

_ROLES = {
    "System": "system",
    "Human": "user",
    "AI": "assistant",
    "Tool": "tool",
    "human": "user",
    "ai": "assistant",
}


def refuse(detail: str) -> InvalidInput:
    """Return the error of a document that is not what it is said to be."""
    return InvalidInput("prompt.import-invalid", detail)


@dataclass(slots=True)
class Messages:
    """Read the messages of one prompt.

    Attributes:
        fixed: statements that set a variable, by its name.
        read_plainly: variables that templates without sections read.
    """

    names: Names
    variables: Variables
    notes: Notes
    fixed: Mapping[str, str] = field(default_factory=dict)
    placeholders: list[str] = field(default_factory=list)
    read_plainly: set[str] = field(default_factory=set)

    def read(self, said: Any) -> list[dict[str, Any]]:
        """Return the messages, each as a template or a placeholder."""
        if not isinstance(said, list) or not said:
            raise refuse("the prompt has no messages")
        return [self._message(each, index) for index, each in enumerate(said)]

    def template(self, said: Mapping[str, Any], index: int) -> str:
        """Return a ``PromptTemplate`` in Jinja."""
        text, kind = said.get("template"), said.get("template_format", "f-string")
        if not isinstance(text, str):
            raise refuse(f"message {index}: a template is text")
        bounded(text, index)
        if kind == "f-string":
            written = from_fstring(text, self.names, self.notes, message=index)
        elif kind == "mustache":
            written = from_mustache(text, self.names, self.variables, self.notes, message=index)
        elif kind == "jinja2":
            # LangChain's Jinja drops the last newline and writes nothing for what is not given.
            written = text.removesuffix("\n")
            self.notes.changed("jinja2", "writes nothing for an undefined variable; here it fails")
        else:
            raise refuse(f"message {index}: unknown template format {kind!r}")
        self._check_line_ends(text, index)
        return self._settled(written, kind, index)

    def _settled(self, written: str, kind: str, index: int) -> str:
        try:
            text = Content(kind=PromptKind.TEXT, messages=[Text(template=written)])
            read = set(discover(text)["properties"])
        except InvalidInput as error:
            if kind != "jinja2":
                raise
            self.notes.lost("jinja2", f"does not work here: {error.detail}", message=index)
            return written
        if kind != "mustache":
            self.read_plainly |= read
        return "".join(self.fixed[name] for name in sorted(read & self.fixed.keys())) + written

    def _message(self, said: Any, index: int) -> dict[str, Any]:
        if not isinstance(said, dict) or "kwargs" not in said or not said.get("id"):
            raise refuse(f"message {index}: not LangChain's serialisation of a message")
        kind, parts = str(said["id"][-1]), said["kwargs"]
        if kind == "MessagesPlaceholder":
            return self._placeholder(parts, index)
        if kind.endswith("PromptTemplate"):
            role = self._role(kind.removesuffix("MessagePromptTemplate"), parts, index)
            return {"role": role, "template": "\n".join(self._pieces(parts.get("prompt"), index))}
        # A message that is no template: what looks like a variable in it is text.
        role = self._role(re.sub(r"Message(Chunk)?$", "", kind), parts, index)
        content = bounded("\n".join(self._texts(parts.get("content"), index)), index)
        self._check_line_ends(content, index)
        message = {"role": role, "template": literal(content), "name": parts.get("name")}
        if role == "assistant" and parts.get("tool_calls"):
            message["tool_calls"] = [_tool_call(each) for each in parts["tool_calls"]]
        if role == "tool":
            message["tool_call_id"] = parts.get("tool_call_id")
        return {name: value for name, value in message.items() if value is not None}

    def _role(self, kind: str, said: Mapping[str, Any], index: int) -> str:
        role = str(said.get("role", "")) if kind == "Chat" else kind
        return role_of(_ROLES.get(role, role), self.notes, message=index)

    def _placeholder(self, said: Mapping[str, Any], index: int) -> dict[str, Any]:
        name = self.names.of(str(said.get("variable_name", "")))
        self.placeholders.append(name)
        if said.get("optional"):
            self.notes.changed(f"placeholder {name}", "was optional there", message=index)
        if said.get("n_messages"):
            self.notes.lost(
                f"placeholder {name}", f"took the last {said['n_messages']} messages only",
                message=index,
            )  # fmt: skip
        return {"role": "placeholder", "name": name}

    def _pieces(self, said: Any, index: int) -> Iterator[str]:
        """Yield the texts of a message that has one prompt or several parts."""
        parts = said if isinstance(said, list) else [said]
        for part in parts:
            kind = str(part["id"][-1]) if isinstance(part, dict) and part.get("id") else "a part"
            if kind == "PromptTemplate":
                yield self.template(part.get("kwargs") or {}, index)
            else:
                self.notes.lost(kind, "only text is kept", message=index)
        if len(parts) > 1:
            self.notes.changed("parts", "became one text, a line each", message=index)

    def _texts(self, content: Any, index: int) -> Iterator[str]:
        for part in content if isinstance(content, list) else [content]:
            if isinstance(part, str):
                yield part
            elif isinstance(part, dict) and isinstance(part.get("text"), str):
                yield part["text"]
            elif part is not None:
                kind = part.get("type", "a part") if isinstance(part, dict) else "a part"
                self.notes.lost(str(kind), "only text is kept", message=index)

    def _check_line_ends(self, text: str, index: int) -> None:
        if "\r" in text:
            self.notes.changed("line ends", "became plain newlines", message=index)


def _tool_call(said: Mapping[str, Any]) -> dict[str, Any]:
    arguments = json.dumps(said.get("args") or {}, ensure_ascii=False)
    return {
        "id": said.get("id"),
        "type": "function",
        "function": {"name": said.get("name"), "arguments": arguments},
    }
