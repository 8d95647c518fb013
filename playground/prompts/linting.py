"""Say what is wrong or risky in a prompt before it is saved, and where. Pure: imports no Django."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from playground.core.errors import InvalidInput
from playground.core.recognising import recognise
from playground.prompts.content import Content, Placeholder
from playground.prompts.spotting import CREDENTIALS, spot
from playground.prompts.templating.compiling import tree_of
from playground.prompts.templating.discovering import discover
from playground.prompts.templating.fragments import NOTHING, Includes, name_of, reachable

Severity = Literal["error", "warning", "info"]

_SECRETS_SHOWN = 20
# Of no width or turning the direction; not joiners, which scripts and emoji need, nor one selector
# of a variant. The last two hide whole orders from people that models read.
_UNSEEN = re.compile(
    "[\u200b\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]"
    "|[\ufe00-\ufe0f\U000e0100-\U000e01ef]{2,}"
    "|[\U000e0000-\U000e007f]+"
)
# Of a part of a country: its letters cannot be seen, but the flag can.
_FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")
_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at.

    Attributes:
        severity: an ``error`` cannot be saved, or goes wrong for whoever uses it; a ``warning``
            may be meant.
        code: stable; ``docs/prompts-editor.md`` explains each.
        message: index of the message, from 0; None where it is not about one.
        line: of the template, from 1, as ``column`` is.
    """

    severity: Severity
    code: str
    detail: str
    message: int | None = None
    line: int = 1
    column: int = 1


@dataclass(frozen=True, slots=True)
class Length:
    """How many tokens a model makes of the prompt, and how many it takes."""

    model: str
    tokens: int
    window: int
    exact: bool = True


def lint(
    content: Content,
    *,
    declared: Mapping[str, Any] | None = None,
    includes: Includes | None = NOTHING,
    required: Sequence[str] = (),
    lengths: Sequence[Length] = (),
) -> list[Finding]:
    """Return what there is to say about a content, the worst first.

    Args:
        declared: the JSON Schema of its inputs, where somebody wrote one.
        includes: the fragments that it includes; None where they could not be found, which
            leaves out what depends on them.
        required: fragments, ``team/name``, that a label asks of it.
        lengths: how long it is for each model that may get it, when it is rendered.
    """
    found = [*_syntax(content)]
    if not found and includes is not None:
        found += _inputs(content, declared, includes)
        found += _required(includes, required)
    found += _secrets(content, includes or NOTHING)
    found += _unseen(content)
    found += _shape(content)
    found += _length(lengths)
    ranks = {"error": 0, "warning": 1, "info": 2}
    return sorted(
        found, key=lambda one: (ranks[one.severity], one.message or 0, one.line, one.column)
    )


def finding_of(error: InvalidInput) -> Finding:
    """Turn what saving or rendering would refuse into a finding at its place."""
    place = error.extra.get("line", 1), error.extra.get("column", 1)
    if "fragment" in error.extra:
        # The place lies in another prompt; what is here includes it.
        return Finding("error", error.code, error.detail, error.extra.get("message"))
    detail = re.sub(r"^Line \d+, column \d+: ", "", error.detail)
    return Finding(
        "error", error.code, detail[:1].upper() + detail[1:], error.extra.get("message"), *place
    )


def _syntax(content: Content) -> Iterator[Finding]:
    for index, message in enumerate(content.messages):
        if isinstance(message, Placeholder):
            continue
        try:
            tree_of(message.template, message=index)
        except InvalidInput as error:
            yield finding_of(error)


def _inputs(
    content: Content, declared: Mapping[str, Any] | None, includes: Includes
) -> Iterator[Finding]:
    if declared is None:
        return
    # A schema that is wrong in itself is said where it is written; nothing can be held against it.
    given = declared.get("properties")
    given = given if isinstance(given, Mapping) else {}
    read = discover(content.model_copy(update={"inputs": None}), includes)["properties"]
    for name in sorted(set(read) - set(given)):
        index, line, column = _place(content, name)
        yield Finding(
            "error",
            "lint.undeclared-input",
            f"“{name}” is read, and the inputs do not declare it.",
            index,
            line,
            column,
        )
    for name in sorted(set(given) - set(read)):
        yield Finding(
            "warning", "lint.unused-input", f"“{name}” is declared, and no template reads it."
        )
    for name in sorted(set(given) & set(read)):
        yield from _inside(content, name, given[name], read[name])


def _inside(content: Content, name: str, given: Any, read: Mapping[str, Any]) -> Iterator[Finding]:
    """Compare what is read of an object with its properties, where those are written down."""
    known = given.get("properties") if isinstance(given, Mapping) else None
    if not isinstance(known, Mapping) or given.get("additionalProperties") not in (None, False):
        return
    for inner in sorted(set(read.get("properties", {})) - set(known)):
        index, line, column = _place(content, inner)
        yield Finding(
            "warning",
            "lint.undeclared-input",
            f"“{name}.{inner}” is read, and the inputs do not declare it.",
            index,
            line,
            column,
        )


def _required(includes: Includes, required: Sequence[str]) -> Iterator[Finding]:
    held = {_path(piece.ref) for top in includes.values() for piece in reachable(top)}
    for path in required:
        if path not in held:
            yield Finding(
                "warning",
                "lint.fragment-missing",
                f"The team's rules ask for “{path}” before this can be labelled.",
            )


def _secrets(content: Content, includes: Includes) -> Iterator[Finding]:
    for each in islice(spot(content), _SECRETS_SHOWN):
        line, column = (each.line, each.column) if each.in_template else (1, 1)
        yield Finding("error", "lint.secret", each.detail, each.message, line, column)
    for name, piece in includes.items():
        if any(next(recognise(each.template, CREDENTIALS), None) for each in reachable(piece)):
            yield Finding("warning", "lint.secret", f"The fragment “{name}” seems to hold one.")


def _unseen(content: Content) -> Iterator[Finding]:
    for index, message in enumerate(content.messages):
        if isinstance(message, Placeholder):
            continue
        seen = _FLAG.sub(lambda flag: "-" * len(flag[0]), message.template)
        places = list(_UNSEEN.finditer(seen))
        if places:
            first = places[0]
            more = f", and {len(places) - 1} more" if len(places) > 1 else ""
            detail = f"A character that people do not see and models read: U+{ord(first[0][0]):04X}"
            line, column = _at(message.template, first.start())
            yield Finding("warning", "lint.unseen", f"{detail}{more}.", index, line, column)


def _shape(content: Content) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, message in enumerate(content.messages):
        if isinstance(message, Placeholder):
            if message.name in seen:
                detail = f"“{message.name}” goes in twice: the model reads the conversation twice."
                yield Finding("warning", "lint.placeholder-twice", detail, index)
            seen.add(message.name)
        elif not message.template.strip():
            yield Finding("warning", "lint.empty-message", "This message says nothing.", index)


def _length(lengths: Sequence[Length]) -> Iterator[Finding]:
    for each in lengths:
        tokens = f"{'' if each.exact else '≈ '}{each.tokens:,} tokens"
        if each.tokens > each.window:
            detail = f"{tokens} are more than {each.model} takes ({each.window:,})."
            yield Finding("error", "lint.too-long", detail)
        elif each.tokens > each.window * 0.8:
            share = f"{each.tokens / each.window:.0%}"
            detail = f"{tokens} fill {share} of what {each.model} takes."
            yield Finding("warning", "lint.nearly-too-long", detail)


def _place(content: Content, name: str) -> tuple[int | None, int, int]:
    """Return where a name is first read in the templates themselves; none if in a fragment."""
    word = re.compile(rf"(?<![\w\"']){re.escape(name)}\b")
    for index, message in enumerate(content.messages):
        if isinstance(message, Placeholder):
            if message.name == name:
                return index, 1, 1
            continue
        for tag in _TAG.finditer(message.template):
            if found := word.search(message.template, tag.start(), tag.end()):
                return index, *_at(message.template, found.start())
    return None, 1, 1


def _at(text: str, offset: int) -> tuple[int, int]:
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def _path(ref: str) -> str:
    name = name_of(ref)
    return f"{name.team}/{name.name}"
