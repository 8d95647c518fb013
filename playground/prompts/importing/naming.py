"""Give imported prompts names that prompts may have here, each only one. Pure: no Django."""

import re
import unicodedata

from playground.prompts.importing.reporting import Notes

_OTHER = re.compile(r"[^a-z0-9_-]+")
_RESERVED = frozenset(("new", "edit", "render"))


def slug_of(said: str) -> str:
    """Return a name of lower-case letters, digits, dashes and underscores."""
    plain = unicodedata.normalize("NFKD", said).encode("ascii", "ignore").decode().lower()
    slug = _OTHER.sub("-", plain).strip("-_")[:64].strip("-_") or "prompt"
    return f"{slug}-prompt" if slug in _RESERVED else slug


class Slugs:
    """Remember which prompt got which name."""

    def __init__(self) -> None:
        self._given: dict[str, str] = {}
        self._taken: set[str] = set()

    def of(self, said: str, notes: Notes | None = None) -> str:
        """Return the prompt's name here; two that would be called alike get numbers."""
        if said not in self._given:
            base = slug = slug_of(said)
            number = 1
            while slug in self._taken:
                number += 1
                slug = f"{base[:60]}-{number}"
            self._given[said] = slug
            self._taken.add(slug)
        slug = self._given[said]
        if notes is not None and slug != said:
            notes.changed(f"name {said}", f"is called {slug}")
        return slug
