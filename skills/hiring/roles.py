"""Tell how well somebody's role fits the role that a query names. Pure."""

from playground.core.ranking import words
from skills.hiring.vocabulary import FIELDS

# What people in these fields answer to as well.
_SOFTWARE = ("backend-python", "backend-java", "backend-go", "frontend", "fullstack")
_PEOPLE = frozenset({"engineer", "developer", "programmer"})


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _own(field: str) -> frozenset[str]:
    own = {_singular(word) for word in words(f"{FIELDS[field][0]} {field}")}
    if field in _SOFTWARE:
        own |= {"software", "developer", "programmer"}
    if field.startswith("backend"):
        own.add("backend")
    return frozenset(own)


_TITLES = {field: _own(field) for field in FIELDS}
_KNOWN = frozenset().union(*_TITLES.values())
_NARROW = frozenset().union(*(_TITLES[field] for field in FIELDS if field not in _SOFTWARE)) - {
    "engineer"
}


def wanted(query: str) -> frozenset[str]:
    """Return the words of the query that are words of job titles.

    Who asks for Python engineers means people who write software, unless they say otherwise.
    """
    named = frozenset(_singular(word) for word in words(query)) & _KNOWN
    if named & _PEOPLE and not named & _NARROW:
        named |= {"software"}
    return named


def fit(field: str, named: frozenset[str]) -> float:
    """Return the share, 0 to 1, of the wanted words that the field's title answers to."""
    return len(named & _TITLES.get(field, frozenset())) / len(named) if named else 0.0
