"""Find values in a clause: numbers, dates, places, people, codes, lists."""

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from typing import Any

from playground.gateway.planner.wording import STOP, stem, terms

_NUMBER = re.compile(r"(?<![\w.])(?:[$€£]\s*)?(-?\d+(?:,\d{3})*(?:\.\d+)?)(?![\w.]*\d)")
_WORDS = {
    word: number
    for number, word in enumerate(
        "one two three four five six seven eight nine ten eleven twelve".split(), start=1
    )
}
_MONTHS = {
    name[:3]: number
    for number, name in enumerate(
        """january february march april may june july august september october november
        december""".split(),
        start=1,
    )
}
_DAYS = {
    name: number
    for number, name in enumerate(
        "monday tuesday wednesday thursday friday saturday sunday".split()
    )
}
_LANGUAGES = frozenset(
    """arabic bengali bulgarian catalan chinese croatian czech danish dutch english estonian finnish
    french german greek hebrew hindi hungarian indonesian italian japanese korean latin latvian
    lithuanian mandarin norwegian persian polish portuguese romanian russian serbian slovak
    slovenian spanish swedish thai turkish ukrainian vietnamese welsh""".split()
)
_CURRENCIES = {
    "dollar": "USD", "euro": "EUR", "pound": "GBP", "yen": "JPY", "franc": "CHF", "rupee": "INR",
    "yuan": "CNY", "won": "KRW", "peso": "MXN", "krona": "SEK", "zloty": "PLN",
}  # fmt: skip
_CAPITAL = r"[A-ZÀ-ÖØ-Þ][\w'’.-]*[\w’]|[A-Z]"
_SPAN = rf"(?:{_CAPITAL})(?:\s+(?:(?:de|da|do|del|la|of|the|van|von)\s+)?(?:{_CAPITAL}))*"


def numbers(text: str) -> list[tuple[int, float]]:
    """Return the numbers with their places in the text."""
    found = [(m.start(), float(m.group(1).replace(",", ""))) for m in _NUMBER.finditer(text)]
    for match in re.finditer(r"\b[a-z]+\b", text.lower()):
        if match.group(0) in _WORDS and match.group(0) != "one":
            found.append((match.start(), float(_WORDS[match.group(0)])))
    return sorted(found)


def number_near(words: Iterable[str], text: str) -> tuple[int, float] | None:
    """Return the number that stands beside one of the words."""
    wanted = set(words)
    tokens = [(m.start(), m.group(0)) for m in re.finditer(r"[\w.,$€£%+-]+", text)]
    for place, number in numbers(text):
        index = next((i for i, (at, w) in enumerate(tokens) if at <= place < at + len(w)), None)
        if index is None:
            continue
        beside = tokens[max(0, index - 2) : index] + tokens[index + 1 : index + 3]
        if any(stem(word.strip(".,+")) in wanted for _, word in beside):
            return place, number
    return None


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


def one_of(values: Sequence[Any], text: str) -> Any:
    """Return the value that is named in the text, the longest first."""
    flat = f" {_flat(text)} "
    spoken = terms(text)
    for value in sorted(values, key=lambda each: -len(str(each))):
        if value is not None and f" {_flat(str(value))} " in flat:
            return value
    for value in values:
        if isinstance(value, str) and len(value) > 3 and terms(value) and terms(value) <= spoken:
            return value
    return None


def _flat(text: str) -> str:
    return re.sub(r"[^\w]+", " ", text.lower().replace("_", " ")).strip()


def flag(name: str, text: str) -> bool | None:
    """Return True where the flag's words are said, False where they are denied."""
    wanted = {
        stem(w)
        for w in re.split(r"[_\W]+", name)
        if w not in ("is", "has", "include", "only", "with")
    }
    if not wanted or not wanted <= terms(text):
        return None
    denied = re.search(r"\b(?:no|not|without|don't|never|non)\b[^,.;]*", text.lower())
    return not (denied and wanted & terms(denied.group(0)))


def identifier(entity: str, text: str, *, integer: bool) -> Any:
    """Return an identifier that is said: "order 17", "ticket #ABC-12", "id 5"."""
    match = re.search(
        rf"\b{re.escape(entity)}\w*\s+(?:(?:id|no\.?|number|nr\.?)\s*)?[:#]?\s*"
        rf"([A-Za-z]*-?\d[\w-]*)\b|\bid\s*[:#]?\s*([A-Za-z]*-?\d[\w-]*)\b|#(\w*\d\w*)\b",
        text,
        re.IGNORECASE,
    )
    if not match:
        return None
    said = next(group for group in match.groups() if group)
    if integer:
        return int(said) if said.isdigit() else None
    return said


def date(text: str, *, today: dt.date, which: str = "") -> str | None:
    """Return a date as YYYY-MM-DD; with two in the text, the second for an end."""
    found: list[tuple[int, dt.date]] = []
    lower = text.lower()
    for match in re.finditer(r"\b(\d{4})-(\d{2})-(\d{2})\b", text):
        if written := _day(*map(int, match.groups())):
            found.append((match.start(), written))
    month = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
    for match in re.finditer(
        rf"\b(\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?{month}\b(?:,?\s+(\d{{4}}))?", lower
    ):
        found += _placed(match, match.group(3), match.group(2), match.group(1), today)
    for match in re.finditer(
        rf"\b{month}\s+(\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s+(\d{{4}}))?", lower
    ):
        found += _placed(match, match.group(3), match.group(1), match.group(2), today)
    for words, days in (
        ("day after tomorrow", 2),
        ("tomorrow", 1),
        ("tonight", 0),
        ("today", 0),
        ("yesterday", -1),
        ("next week", 7),
    ):
        at = lower.find(words)
        if at >= 0:
            found.append((at, today + dt.timedelta(days=days)))
            break
    if ahead := re.search(r"\bin (\d+|" + "|".join(_WORDS) + r") (day|week)s?\b", lower):
        amount = _WORDS.get(ahead.group(1)) or int(ahead.group(1))
        unit_days = 7 if ahead.group(2) == "week" else 1
        found.append((ahead.start(), today + dt.timedelta(days=amount * unit_days)))
    for name, number in _DAYS.items():
        if named := re.search(rf"\b(next\s+)?{name}\b", lower):
            days_ahead = (number - today.weekday()) % 7 or 7
            found.append((named.start(), today + dt.timedelta(days=days_ahead)))
    if not found:
        return None
    found.sort()
    last = any(word in which for word in ("end", "return", "until", "checkout", "to_"))
    if last and len(found) < 2:
        return None
    return found[1 if last else 0][1].isoformat()


def _placed(
    match: re.Match[str], year: str | None, month: str, day: str, today: dt.date
) -> list[tuple[int, dt.date]]:
    number = _MONTHS[month[:3]]
    found = _day(int(year) if year else today.year, number, int(day))
    if found is not None and not year and found < today:
        found = _day(today.year + 1, number, int(day))
    return [(match.start(), found)] if found else []


def _day(year: int, month: int, day: int) -> dt.date | None:
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None


def clock_time(text: str) -> str | None:
    """Return a time of day as HH:MM."""
    match = re.search(r"\b(\d{1,2})(?::(\d{2}))?\s*(am|pm)\b", text, re.IGNORECASE) or re.search(
        r"\b(\d{1,2}):(\d{2})()\b", text
    )
    if match:
        hour = int(match.group(1)) % 12 if match.group(3) else int(match.group(1))
        hour += 12 if match.group(3).lower() == "pm" else 0
        return f"{hour:02}:{int(match.group(2) or 0):02}" if hour < 24 else None
    return "12:00" if re.search(r"\bnoon\b", text, re.IGNORECASE) else None


def email(text: str) -> str | None:
    """Return an e-mail address."""
    match = re.search(r"[\w.+-]+@[\w-]+\.[\w.-]*\w", text)
    return match.group(0) if match else None


def code(text: str, name: str) -> str | None:
    """Return a currency's code: the one after "to" or "in" for a target, else the first."""
    found: list[tuple[int, str]] = [
        (m.start(), m.group(0)) for m in re.finditer(r"\b[A-Z]{3}\b", text)
    ]
    for match in re.finditer(r"[a-z]+|[$€£]", text.lower()):
        word = {"$": "USD", "€": "EUR", "£": "GBP"}.get(match.group(0))
        word = word or _CURRENCIES.get(stem(match.group(0)))
        if word:
            found.append((match.start(), word))
    found.sort()
    if not found:
        return None
    if any(part in ("to", "target", "quote", "into") for part in name.split("_")):
        return found[1][1] if len(found) > 1 else None
    return found[0][1]


def language(text: str) -> str | None:
    """Return the language named last: what to translate to comes at the end."""
    found = [word for word in re.findall(r"[A-Za-z]+", text) if word.lower() in _LANGUAGES]
    return found[-1].capitalize() if found else None


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


def place(text: str, name: str, *, taken: set[str]) -> str | None:
    """Return a capitalised name after a preposition of place."""
    parts = set(name.split("_"))
    if parts & {"origin", "from", "departure"}:
        order: tuple[str, ...] = ("from", "out of", "leaving")
    elif parts & {"destination", "to", "arrival"}:
        order = ("to", "into", "for")
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
    for preposition in order:
        for match in re.finditer(rf"\b{preposition}\s+(?:the\s+)?({_SPAN})", text):
            found = match.group(1).rstrip(".")
            if (
                found not in taken
                and found.lower() not in _DAYS
                and found[:3].lower() not in _MONTHS
            ):
                return found
    if leading := re.match(rf"({_SPAN})(?:'s|’s)?\s+(?:weather|forecast|time)", text):
        return leading.group(1)
    for match in re.finditer(rf"({_SPAN})['’]s\b", text):
        return match.group(1)
    return None


_UNITS = "unit units"


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
    "person assignee attendee recipient author owner contact user employee guest".split()
)


def is_person(name: str, spoken: frozenset[str]) -> bool:
    """Tell whether a parameter means a person."""
    return bool(set(name.split("_")) & _PERSON)


def person(text: str) -> str | None:
    """Return a capitalised name after a word that comes before people."""
    match = re.search(
        rf"\b(?:with|to|for|by|from|invite|ask|assign(?: it)? to|tell)\s+({_SPAN})", text
    )
    return match.group(1) if match else None


def proper_name(text: str) -> str | None:
    """Return a capitalised name that does not merely begin the sentence."""
    for match in re.finditer(_SPAN, text):
        if match.start() > 0 and match.group(0).lower() not in STOP:
            return match.group(0)
    return None


def labelled(name: str, text: str) -> str | None:
    """Return what follows the parameter's own name: "title: x", "called x"."""
    label = re.escape(name.replace("_", " "))
    match = re.search(rf"\b{label}\s*(?::|=|\bis\b|\bas\b)\s*([^,;.]+)", text, re.IGNORECASE)
    return match.group(1).strip() if match else None


def after_preposition(text: str) -> str | None:
    """Return what the clause is about, after "for", "about", "of" or "on"."""
    match = re.search(r"\b(?:for|about|of|on)\s+(?:the\s+|a\s+|an\s+)?([^,;.!?]+)", text)
    return match.group(1).strip() if match else None


def free_text(name: str, text: str) -> str | None:
    """Return the part of the clause that a free text parameter wants, where words mark it."""
    if "expression" in name or "formula" in name:
        match = re.search(r"[-(\d][\d\s.,+*/()^%x-]*[\d)]", text)
        return match.group(0).strip() if match else None
    if match := re.search(r":\s*(.+)$", text):
        return match.group(1).strip()
    if match := re.search(
        r"\b(?:saying|about|called|named|titled|that says|because|regarding|on)\s+(.+?)[.!?]?$",
        text,
        re.IGNORECASE,
    ):
        return match.group(1).strip()
    return None


def enumeration(name: str, text: str, *, anywhere: bool) -> list[str] | None:
    """Return a list that is said after the parameter's name.

    Args:
        anywhere: words such as "with" and "using" may open the list, too.
    """
    label = re.escape(stem(name.replace("_", " ")))
    openers = rf"{label}\w*(?:\s+(?:in|of|like|such as|are))?"
    if anywhere:
        openers += "|using|invite|with|containing|having|from|of"
    match = re.search(rf"\b(?:{openers})[:\s]+([^.;!?]+)", text, re.IGNORECASE)
    if not match:
        return None
    parts = re.split(r"\s*,\s*(?:and\s+|or\s+)?|\s+and\s+|\s+or\s+", match.group(1).strip())
    cleaned = [re.sub(r"^(?:the|a|an|some)\s+", "", part).strip() for part in parts]
    return [part for part in cleaned if part and len(part.split()) <= 4][:12] or None
