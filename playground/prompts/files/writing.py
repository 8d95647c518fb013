"""Write a prompt as one plain text file. Pure: no Django.

A line of the file is a line of the prompt, so that git shows what changed and nothing else.
"""

from typing import Any

from playground.prompts.content import Content, PromptKind, Text
from playground.prompts.files.basing import FIELD, Base
from playground.prompts.files.frontmatter import write_front_matter
from playground.prompts.files.marking import SHORTEST, lay_out, marker_for, marker_line


def write_prompt(content: Content, *, based_on: Base | None = None) -> str:
    """Return the file's text: ``read_prompt`` makes the same content of it."""
    stored = content.as_json()
    messages = stored.pop("messages")
    front = {} if based_on is None else {FIELD: str(based_on)}
    front |= {
        name: value
        for name, value in stored.items()
        if name in ("kind", "inputs", "response_format") or value
    }
    head = f"---\n{write_front_matter(front)}---\n"
    laid = [_laid(message) for message in messages]
    if content.kind is not PromptKind.CHAT and _is_plain(content.messages[0], *laid[0]):
        return head + _ended(laid[0][0])
    marker = marker_for([body for body, _ in laid])
    parts = [
        marker_line(marker, message["role"], said) + _ended(body)
        for message, (body, said) in zip(messages, laid, strict=True)
    ]
    return head + "\n" + "\n".join(parts)


def _laid(message: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the lines of a message's template and what its marker says."""
    others = {name: value for name, value in message.items() if name not in ("role", "template")}
    body, said = lay_out(message.get("template", ""))
    return body, {**others, **said}


def _is_plain(message: Any, body: str, said: dict[str, Any]) -> bool:
    marked = body.lstrip("\n").startswith("=" * SHORTEST)
    return isinstance(message, Text) and not said and not marked


def _ended(body: str) -> str:
    return f"{body}\n" if body else ""
