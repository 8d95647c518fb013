"""Tell whoever keeps copies that a prompt has changed, once the change is committed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from django.db import transaction

from playground.prompts.models import Prompt

What = Literal["created", "saved", "labelled", "archived", "described", "deleted"]


@dataclass(frozen=True, slots=True)
class PromptChanged:
    """A prompt answers otherwise from now on.

    Attributes:
        urn: ``prompt:<uuid>``.
        path: ``team/name``.
        what: ``saved`` is a new version, ``labelled`` a label that moved, came or went.
    """

    urn: str
    path: str
    what: What


_callbacks: list[Callable[[PromptChanged], None]] = []


def on_change(callback: Callable[[PromptChanged], None]) -> None:
    """Call this after each change is committed, in the process that made it."""
    if callback not in _callbacks:
        _callbacks.append(callback)


def announce(prompt: Prompt, what: What) -> None:
    """Tell of a change when the transaction under way commits; a callback that fails is logged."""
    changed = PromptChanged(prompt.urn, prompt.path, what)
    for callback in _callbacks:
        transaction.on_commit(lambda call=callback: call(changed), robust=True)  # type: ignore[misc]
