"""Spot what looks like a credential in a prompt, wherever it stands. Pure: imports no Django.

What is spotted is named by its place and kind; its text is never handed on.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from playground.core.errors import InvalidInput
from playground.core.recognising import recognise
from playground.prompts.content import Content
from playground.prompts.templating.compiling import located

CREDENTIALS = frozenset(
    ("private_key", "jwt", "provider_key", "bearer", "assignment", "url_credentials")
)
_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_WORDS = {
    "private_key": "a private key",
    "jwt": "a signed token",
    "provider_key": "a provider's API key",
    "bearer": "a bearer token",
    "assignment": "a password or key",
    "url_credentials": "a password in an address",
}
# What a JSON Schema says of the values of a name, which stands one level above.
_OF_THE_NAME = frozenset(("default", "const", "enum", "example", "examples"))
_MESSAGE = re.compile(r"messages\.(\d+)\.(.+)")


@dataclass(frozen=True, slots=True)
class Spotted:
    """One of them.

    Attributes:
        field: as ``messages.0.template`` or ``tools.1.function.description``.
        line: in the text of the field, from 1, as ``column`` is.
    """

    kind: str
    field: str
    line: int
    column: int

    @property
    def message(self) -> int | None:
        """Return the index of the message that it stands in."""
        found = _MESSAGE.match(self.field)
        return int(found[1]) if found else None

    @property
    def in_template(self) -> bool:
        """Tell whether the line and column are a template's."""
        found = _MESSAGE.fullmatch(self.field)
        return found is not None and found[2] == "template"

    @property
    def detail(self) -> str:
        """Say what it is and what to do, without what it says."""
        said = (
            f"This looks like {_WORDS[self.kind]}: whoever may read the prompt reads it, and the"
            " model too. Put it into an input or a skill's configuration."
        )
        return said if self.in_template else f"{self.field}: {said}"


def spot(content: Content) -> Iterator[Spotted]:
    """Yield what no version may hold: in templates, tools, inputs, settings, response format."""
    yield from spot_in(content.as_json())


def spot_in(body: Mapping[str, Any]) -> Iterator[Spotted]:
    """Yield the same of a content that need not be valid, such as a draft; templates first."""
    yield from _walk(body, "", "")


def spot_in_text(text: str, field: str) -> Iterator[Spotted]:
    """Yield what a text holds that stands beside the content: a title, a note."""
    yield from _in_text(text, field, "")


def refuse_secrets(found: Iterator[Spotted]) -> None:
    """Refuse the first that was spotted.

    Raises:
        InvalidInput: ``prompt.secret`` with its place, and nothing of what it says.
    """
    first = next(found, None)
    if first is None:
        return
    if first.in_template and first.message is not None:
        raise located("prompt.secret", first.detail, first.message, first.line, first.column)
    place: dict[str, Any] = {} if first.message is None else {"message": first.message}
    raise InvalidInput("prompt.secret", first.detail, field=first.field, **place)


def _walk(value: Any, field: str, name: str) -> Iterator[Spotted]:
    """Walk JSON in order; ``name`` is what the values are called."""
    if isinstance(value, str):
        is_template = field.endswith(".template")
        # What Jinja fills in is no secret that stands in the text.
        text = _TAG.sub(lambda tag: " " * len(tag.group()), value) if is_template else value
        yield from _in_text(text, field, name)
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from _walk(each, f"{field}.{index}" if field else str(index), name)
    elif isinstance(value, Mapping):
        for key, each in value.items():
            in_key = [Spotted(one.kind, field, 1, 1) for one in _in_text(key, field, "")]
            yield from in_key
            # A key that is one itself must not stand in the name of a place.
            place = field if in_key else f"{field}.{key[:64]}".removeprefix(".")
            yield from _walk(each, place, name if key in _OF_THE_NAME else key)


def _in_text(text: str, field: str, name: str) -> Iterator[Spotted]:
    # ``password`` and what it holds are one thing in JSON, too.
    before = f"{name}: " if name and "\n" not in name and len(name) <= 64 else ""
    for secret in recognise(before + text, CREDENTIALS):
        start = max(0, secret.start - len(before))
        line = text.count("\n", 0, start) + 1
        yield Spotted(secret.kind, field, line, start - text.rfind("\n", 0, start))
