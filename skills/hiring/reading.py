"""Understand filters written as people write them. Pure."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from skills.hiring.vocabulary import FIELDS, INDUSTRIES, PLACES, SENIORITIES

SKILLS = tuple(
    dict.fromkeys(name for _, _, core, around in FIELDS.values() for name in (*core, *around))
)
CITIES = tuple(PLACES)
COUNTRIES = tuple(dict.fromkeys(place[0] for place in PLACES.values()))
_ALIASES = {
    "postgres": "PostgreSQL", "k8s": "Kubernetes", "golang": "Go", "js": "TypeScript",
    "fintech": "fintech", "financial technology": "fintech", "payments": "fintech",
    "banking": "fintech", "ecommerce": "e-commerce", "health": "healthtech", "games": "gaming",
    "education": "edtech", "government": "public sector", "munchen": "Munich", "münchen": "Munich",
    "wien": "Vienna", "zürich": "Zurich", "uk": "United Kingdom", "usa": "United States",
    "principal": "staff", "entry-level": "junior", "mid-level": "mid", "machine learning": "MLOps",
}  # fmt: skip
# These are English words, too: in running text only their usual spelling counts.
_CASED = frozenset({"Go", "R", "Ray", "Security", "Discovery", "Swift", "Ranking", "Identity"})


@dataclass(frozen=True, slots=True)
class Filters:
    """What a search is narrowed to; empty means anything."""

    location: str = ""
    seniority: str = ""
    skills: tuple[str, ...] = ()
    industry: str = ""
    min_years: int = 0

    def over(self, other: "Filters") -> "Filters":
        """Return these filters, filled up with the other's where empty."""
        return Filters(
            location=self.location or other.location,
            seniority=self.seniority or other.seniority,
            skills=self.skills or other.skills,
            industry=self.industry or other.industry,
            min_years=self.min_years or other.min_years,
        )

    def without(self, name: str) -> "Filters":
        """Return the filters with one left empty."""
        return replace(self, **{name: getattr(Filters(), name)})

    def named(self) -> dict[str, str | int | list[str]]:
        """Return those that are set, for people to read."""
        shown: dict[str, str | int | list[str]] = {}
        for name in ("location", "seniority", "industry", "min_years"):
            if getattr(self, name):
                shown[name] = getattr(self, name)
        if self.skills:
            shown["skills"] = list(self.skills)
        return shown


def known(text: str, names: Collection[str]) -> str:
    """Return the known name that the text means, else the text itself, trimmed."""
    wanted = text.strip()
    found = _ALIASES.get(wanted.casefold(), wanted)
    return next((name for name in names if name.casefold() == found.casefold()), wanted)


def settle(
    *, location: str, seniority: str, skills: Sequence[str], industry: str, min_years: int
) -> Filters:
    """Return filters with names as they are stored; an industry among the skills is moved over."""
    named = [known(each, (*SKILLS, *INDUSTRIES)) for each in skills if each.strip()]
    stray = [each for each in named if each in INDUSTRIES]
    return Filters(
        location=known(location, (*CITIES, *COUNTRIES)),
        seniority=seniority,
        skills=tuple(dict.fromkeys(each for each in named if each not in INDUSTRIES)),
        industry=known(industry, INDUSTRIES) or (stray[0] if stray else ""),
        min_years=min_years,
    )


def read(query: str) -> Filters:
    """Return the filters that a sentence names."""
    places = _mentioned(query, (*CITIES, *COUNTRIES))
    ranks = _mentioned(query, SENIORITIES)
    fields = _mentioned(query, tuple(INDUSTRIES))
    years = re.search(r"(\d{1,2})\s*\+?\s*years", query)
    return Filters(
        location=places[0] if places else "",
        seniority=ranks[0] if ranks else "",
        skills=tuple(_mentioned(query, SKILLS)),
        industry=fields[0] if fields else "",
        min_years=min(int(years[1]), 40) if years else 0,
    )


def _mentioned(query: str, names: Sequence[str]) -> list[str]:
    spellings = {name: name for name in names}
    spellings |= {alias: name for alias, name in _ALIASES.items() if name in names}
    found: list[tuple[int, str]] = []
    for spelling, name in spellings.items():
        flags = 0 if spelling in _CASED else re.IGNORECASE
        match = re.search(rf"(?<![\w+#-]){re.escape(spelling)}(?![\w+#-])", query, flags)
        if match and name not in [each for _, each in found]:
            found.append((match.start(), name))
    return [name for _, name in sorted(found)]
