"""The administration's sidebar, for pages that are drawn by the product's own shell."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

# The administration's icons are a font; the product draws its own from a sprite.
_ICONS = {
    "alt_route": "route",
    "arrow_back": "arrow-left",
    "cached": "refresh",
    "dns": "database",
    "fork_right": "git-branch",
    "gavel": "checklist",
    "groups": "users",
    "history": "history",
    "key": "key",
    "label": "tag",
    "layers": "versions",
    "link": "link",
    "lock": "lock",
    "notes": "file-text",
    "person": "user",
    "receipt_long": "list",
    "shield": "shield",
    "speed": "activity",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A page of the administration."""

    title: str
    href: str
    icon: str
    current: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Pages that belong together."""

    title: str
    places: tuple[Place, ...]


def groups_of(navigation: Iterable[Mapping[str, Any]]) -> list[Group]:
    """Take the places that the reader may go to, from what the administration lists."""
    groups = []
    for group in navigation:
        places = tuple(
            Place(
                str(item["title"]),
                str(item["link"]),
                _ICONS.get(item.get("icon", ""), "point"),
                bool(item.get("active")),
            )
            for item in group["items"]
            if item.get("has_permission")
        )
        if places:
            groups.append(Group(str(group.get("title") or ""), places))
    return groups
