"""Say what relies on a prompt: rooms above tell which of their things use it."""

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from playground.core.context import RequestContext


@dataclass(frozen=True, slots=True)
class Use:
    """Something that uses a prompt: an agent, for example."""

    title: str
    href: str
    kind: str


Users = Callable[[RequestContext, Iterable[uuid.UUID]], Mapping[uuid.UUID, list[Use]]]
_users: list[Users] = []


def register_users(find: Users) -> None:
    """Let a room above say what of it uses prompts, by their ids."""
    _users.append(find)


def used_by(context: RequestContext, prompts: Iterable[uuid.UUID]) -> dict[uuid.UUID, list[Use]]:
    """Return what the rooms above use these prompts for."""
    keys = list(prompts)
    found: dict[uuid.UUID, list[Use]] = {}
    for find in _users:
        for key, uses in find(context, keys).items():
            found.setdefault(key, []).extend(uses)
    return found
