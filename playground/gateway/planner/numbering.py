"""Find numbers in a clause and tell which parameter each is meant for."""

import re
from collections.abc import Iterable

from playground.gateway.planner.wording import MASK, stem, terms

_NUMBER = re.compile(
    r"(?<![\w./:-])(?:[$€£]\s*)?(-?\d+(?:,\d{3})*(?:\.\d+)?)(?=[\s,;:!?)%€$£°/-]|\.(?!\d)|$|[a-zA-Z]+\b)"
)
_WORDS = {
    word: number
    for number, word in enumerate(
        """one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
        sixteen seventeen eighteen nineteen twenty""".split(),
        start=1,
    )
} | {"dozen": 12, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "hundred": 100}
# What a number of one kind stands beside, whatever the parameter is called.
_KINDS = (
    (
        terms("amount price cost budget fee sum total wage rate payment deposit value"),
        terms("usd eur gbp dollar euro pound yen franc cent bucks"),
    ),
    (
        terms(
            """people persons guests servings attendees participants
            passengers travellers seats"""
        ),
        terms(
            "people persons guests adults travellers passengers diners attendees participants us"
        ),
    ),
    (
        terms("quantity units copies pieces items amount seats tickets"),
        terms("pieces units copies items pcs places tickets packs boxes"),
    ),
    (terms("temperature degrees"), terms("degrees celsius fahrenheit c")),
    (terms("days duration nights"), terms("day night")),
    (terms("minutes duration"), terms("minutes min")),
    (terms("hours duration"), terms("hours h")),
    (terms("weight mass kg"), terms("kg kilo kilogram kilos")),
)
_AT_MOST = re.compile(
    r"(?:under|below|at most|up to|less than|no more than|not more than|within|cheaper than|max"
    r"|maximum(?: of)?|or less|until)\s*[$€£]?\s*$",
    re.IGNORECASE,
)
_AT_LEAST = re.compile(
    r"(?:over|above|at least|more than|from|minimum(?: of)?|min|no less than|exceeding)"
    r"\s*[$€£]?\s*$",
    re.IGNORECASE,
)
_FOR = re.compile(r"\bfor\s+$", re.IGNORECASE)
_LINKS = frozenset("on at in from please with and by to".split())
_OF_TIME = re.compile(r"\b(?:in|since|after|before|during|until|year|from|of|for|was|by)\s+$", re.I)


def numbers(text: str) -> list[tuple[int, float]]:
    """Return the numbers with their places in the text."""
    found = [(m.start(1), float(m.group(1).replace(",", ""))) for m in _NUMBER.finditer(text)]
    for match in re.finditer(r"\b[a-z]+\b", text.lower()):
        if match.group(0) in _WORDS and match.group(0) != "one":
            found.append((match.start(), float(_WORDS[match.group(0)])))
    return sorted(found)


def years(text: str) -> list[tuple[int, float]]:
    """Return the numbers that are said as years."""
    return [
        (at, number)
        for at, number in numbers(text)
        if number.is_integer()
        and 1000 <= number < 2200
        and re.match(r"\d{4}(?![\d.,]*\d)", text[at:])
        and _OF_TIME.search(text[:at])
        and not {stem(word) for word in _after(text, at)[:1]} & _KINDS[0][1]
    ]


def is_year(name: str, spoken: frozenset[str]) -> bool:
    """Tell whether a parameter means a year."""
    return "year" in name.split("_") or (
        "year" in spoken and bool(set(name.split("_")) & {"after", "before", "since", "from", "to"})
    )


def number_for(
    name: str, described: str, text: str, *, free: Iterable[tuple[int, float]]
) -> tuple[int, float] | None:
    """Return the number that words beside it give to a parameter, the best supported one."""
    parts = frozenset(stem(part) for part in name.lower().split("_"))
    spoken = terms(f"{name} {described}")
    best: tuple[float, tuple[int, float]] | None = None
    for at, number in free:
        worth = _support(name.lower(), parts, spoken, text, at)
        if worth > 0 and (best is None or worth > best[0]):
            best = worth, (at, number)
    return best[1] if best else None


def _support(name: str, parts: frozenset[str], spoken: frozenset[str], text: str, at: int) -> float:
    before = [stem(word) for word in re.findall(r"[A-Za-z]+", text[:at])[-2:]]
    after = [stem(word) for word in _after(text, at)]
    symbol = text[:at].rstrip()[-1:] or " "
    worth = 0.0
    for distance, word in [*enumerate(reversed(before)), *enumerate(after)]:
        if word in parts:
            worth += 3 - distance
        elif word in spoken:
            worth += 1.5 - distance / 2
    for meant, beside in _KINDS:
        if (parts & meant or (spoken & meant and not parts & beside)) and (
            set(after[:1]) & beside or (beside is _KINDS[0][1] and symbol in "$€£")
        ):
            worth += 2
    # "A table for two" counts people.
    if parts & _KINDS[1][0] and _FOR.search(text[:at]) and not set(after[:1]) - _LINKS:
        worth += 1
    bounds = set(name.split("_"))
    if bounds & {"max", "maximum", "most", "highest", "longest", "limit", "under", "below"}:
        worth += 2 if _AT_MOST.search(text[:at]) else 0
    if bounds & {"min", "minimum", "least", "lowest", "over", "above"}:
        worth += 2 if _AT_LEAST.search(text[:at]) else 0
    return worth


def _after(text: str, at: int) -> list[str]:
    rest = re.sub(r"^(?:-?[\d.,]*\d|[a-z]+)\s*%?", "", text[at:], count=1)
    return re.findall(r"[A-Za-z]+", rest.split(MASK)[0])[:2]


def without_number(text: str, at: int, *, counted: frozenset[str]) -> str:
    """Blank out a number, with the word after it where that only says what is counted."""
    match = re.match(r"(?:-?[\d.,]*\d|[A-Za-z]+)", text[at:])
    end = at + (match.end() if match else 0)
    unit = re.match(r"\s?([A-Za-z%°]+)\b", text[end:])
    if unit and stem(unit.group(1)) in counted.union(*(beside for _, beside in _KINDS)):
        end += unit.end()
    return text[:at] + MASK * (end - at) + text[end:]


def count(text: str) -> int | None:
    """Return how many are asked for: "top 5", "the three best", "5 results"."""
    number = r"(\d{1,3}|" + "|".join(_WORDS) + r")"
    for pattern in (
        rf"\b(?:top|first|best|up to|at most|only|limit(?:ed)? to)\s+{number}\b",
        rf"\b(?:the|show|list|give me|find|get)\s+(?:me\s+)?(?:the\s+)?{number}\s+[a-z]",
        rf"\b{number}\s+(?:results|items|entries|matches|options|suggestions)\b",
    ):
        match = re.search(pattern, text, re.IGNORECASE)
        if match and match.group(1).lower() != "one":
            said = match.group(1).lower()
            return _WORDS.get(said) or int(said)
    return None


def in_words(word: str) -> int | None:
    """Return the number that a word says."""
    return _WORDS.get(word.lower())
