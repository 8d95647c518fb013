"""What a new prompt begins with."""

from playground.prompts.content import Content, Placeholder, PromptKind, TemplateMessage, Text

_SYSTEM = "You help {{ user }} with {{ task }}.\n\nSay what you know, and say when you do not.\n"
_TEXT = "Write one sentence about {{ topic }}.\n"
_FRAGMENT = "Treat everybody fairly, and never guess what somebody has not told you.\n"


def starter(kind: PromptKind) -> Content:
    """Return a content of this kind that renders, for somebody to write over."""
    if kind is PromptKind.CHAT:
        return Content(
            kind=kind,
            messages=[
                TemplateMessage(role="system", template=_SYSTEM),
                Placeholder(role="placeholder"),
                TemplateMessage(role="user", template="{{ question }}"),
            ],
        )
    return Content(
        kind=kind, messages=[Text(template=_TEXT if kind is PromptKind.TEXT else _FRAGMENT)]
    )
