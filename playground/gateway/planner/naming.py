"""Find names in a clause: places, people, languages, units of measure."""

import re
from collections.abc import Set

from playground.gateway.planner.wording import MASK, STOP, VERBS

_LANGUAGES = frozenset(
    """arabic bengali bulgarian catalan chinese croatian czech danish dutch english estonian finnish
    french german greek hebrew hindi hungarian indonesian italian japanese korean latin latvian
    lithuanian mandarin norwegian persian polish portuguese romanian russian serbian slovak
    slovenian spanish swedish thai turkish ukrainian vietnamese welsh""".split()
)
_CAPITAL = r"[A-ZÀ-ÖØ-Þ][\w'’.-]*[\w’]|[A-Z]"
SPAN = rf"(?:{_CAPITAL})(?:\s+(?:(?:de|da|do|del|la|of|the|van|von)\s+)?(?:{_CAPITAL}))*"
_NO_NAME = STOP | VERBS | {"i'd", "i'm", "i've", "we'd", "we'll", "we're", "it's", "let's", "hi"}


def names(text: str) -> list[str]:
    """Return the capitalised names, without the words that only begin a sentence."""
    found = []
    for match in re.finditer(SPAN, text):
        words = match.group(0).split()
        begins = match.start() == 0 or text[: match.start()].rstrip()[-1:] in tuple(".!?:;" + MASK)
        while words and begins and words[0].lower() in _NO_NAME:
            words = words[1:]
        # An imperative that is no known verb: "Enrol Ann Lee in", not "Ann van Lee needs".
        if (
            begins
            and len(words) > 2
            and re.match(r"\s+(?:in|on|at|to|for|with|as)\b", text[match.end() :])
        ):
            words = words[1:]
        begins = begins and len(words) == len(match.group(0).split())
        if words and words[0].lower() in _NO_NAME and len(words) == 1:
            continue
        # One capitalised word at the beginning is most often no name.
        if words and (not begins or len(words) > 1):
            found.append(" ".join(words).rstrip("."))
    return found


def without(text: str, said: str) -> str:
    """Blank out what has found its parameter."""
    return text.replace(said, MASK * len(said)) if said else text


_PLACE_NAMES = frozenset(
    "location city place country region where destination origin venue address airport town".split()
)


def is_place(name: str, spoken: frozenset[str]) -> bool:
    """Tell whether a parameter means a place."""
    return bool(set(name.split("_")) & _PLACE_NAMES) or (
        name in ("from", "to") and "city" in spoken
    )


def names_direction(name: str) -> bool:
    """Tell whether a parameter means where from or where to."""
    return bool(set(name.split("_")) & {"origin", "from", "destination", "to"})


def place(text: str, name: str, *, anywhere: bool = False) -> str | None:
    """Return a capitalised name after a preposition of place.

    Args:
        anywhere: a name that stands elsewhere will do.
    """
    parts = set(name.split("_"))
    pair = re.search(rf"({SPAN})\s*(?:\bto\b|-|–|→|->)\s*({SPAN})", text)
    if parts & {"origin", "from", "departure"}:
        order: tuple[str, ...] = ("from", "out of", "leaving")
        paired = pair.group(1) if pair else None
    elif parts & {"destination", "to", "arrival"}:
        order = ("to", "into", "for")
        paired = pair.group(2) if pair else None
    else:
        order = (
            "based in",
            "living in",
            "located in",
            "in",
            "near",
            "at",
            "around",
            "for",
            "from",
            "to",
        )
        paired = None
    for preposition in order:
        for match in re.finditer(rf"\b{preposition}\s+(?:the\s+)?({SPAN})", text):
            if match.group(1).lower() not in _LANGUAGES:
                return _trimmed(match.group(1))
    if paired:
        return _after_verb(paired)
    if parts & {"origin", "from", "departure", "destination", "to", "arrival"}:
        return None
    if leading := re.match(rf"({SPAN})(?:'s|’s)?\s+(?:weather|forecast|time)", text):
        return leading.group(1)
    for match in re.finditer(rf"({SPAN})['’]s\b", text):
        return match.group(1)
    return next(iter(names(text)), None) if anywhere else None


def _trimmed(name: str) -> str:
    return re.sub(r"['’]s$", "", name.rstrip("."))


def _after_verb(name: str) -> str | None:
    words = name.split()
    while words and words[0].lower() in _NO_NAME:
        words = words[1:]
    return _trimmed(" ".join(words)) or None


def is_unit(name: str, spoken: frozenset[str]) -> bool:
    """Tell whether a parameter means a unit of measure."""
    return "unit" in name.split("_") or (
        "unit" in spoken and name in ("from", "to", "source", "target")
    )


def unit(text: str, name: str) -> str | None:
    """Return the word after a number, or after "to" or "in" for a target."""
    if set(name.split("_")) & {"to", "target"}:
        match = re.search(r"\b(?:to|into|in)\s+([A-Za-z°]+)\b(?!.*\b(?:to|into)\s)", text)
        return match.group(1).lower() if match else None
    match = re.search(r"\d\s*([A-Za-z°]+)\b", text)
    return match.group(1).lower() if match else None


_PERSON = frozenset(
    """person assignee attendee recipient author owner contact user employee guest patient customer
    client member student teacher passenger traveller participant speaker sender reporter doctor
    artist composer director writer creator""".split()
)
_MAKERS = frozenset("author artist composer director writer creator".split())


def is_person(name: str, spoken: Set[str]) -> bool:
    """Tell whether a parameter means a person."""
    return bool(set(name.split("_")) & _PERSON) or {"full", "name"} <= spoken


def person(text: str, name: str = "", *, anywhere: bool = False) -> str | None:
    """Return a capitalised name after a word that comes before people.

    Args:
        anywhere: a name that stands elsewhere will do.
    """
    openers = r"with|to|for|by|from|invite|ask|assign(?: it)? to|tell"
    if set(name.split("_")) & _MAKERS:
        openers = "by|from"
    match = re.search(rf"\b(?:{openers})\s+({SPAN})", text)
    if match:
        return _trimmed(match.group(1))
    found = names(text) if anywhere else []
    return max(found, key=lambda each: len(each.split()) > 1, default=None)


def language(text: str) -> str | None:
    """Return the language named last: what to translate to comes at the end."""
    found = [word for word in re.findall(r"[A-Za-z]+", text) if word.lower() in _LANGUAGES]
    return found[-1].capitalize() if found else None
