"""Refuse to start with skills that contradict each other."""

from typing import Any

from django.core.checks import CheckMessage, Error, register

from playground.core.errors import DeveloperError
from skills import registry


@register("skills")
def check_declarations(**kwargs: Any) -> list[CheckMessage]:
    """Report names and aliases declared twice, and declarations that are not valid."""
    try:
        conflicts = registry.conflicts()
    except DeveloperError as error:
        return [Error(error.detail, id="skills.E002")]
    return [
        Error(
            f"Two skills want one name: {conflict}.",
            hint="Rename one of them.",
            id="skills.E001",
        )
        for conflict in conflicts
    ]
