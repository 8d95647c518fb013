"""Find dates and times of day in a clause."""

import datetime as dt
import re

from playground.gateway.planner.numbering import in_words
from playground.gateway.planner.wording import MASK

MONTHS = {
    name[:3]: number
    for number, name in enumerate(
        """january february march april may june july august september october november
        december""".split(),
        start=1,
    )
}
DAYS = {
    name: number
    for number, name in enumerate(
        "monday tuesday wednesday thursday friday saturday sunday".split()
    )
}
_MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_ORDINAL = r"(\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?:,?\s+(\d{4}))?"
_RELATIVE = (
    ("day after tomorrow", 2),
    ("tomorrow", 1),
    ("tonight", 0),
    ("today", 0),
    ("yesterday", -1),
    ("next week", 7),
)
_ENDS = re.compile(r"(^|_)(end|return|until|checkout|to|till|due|deadline|back|last)(_|$)")
_STARTS = re.compile(r"(^|_)(start|begin|from|since|checkin|depart\w*|first)(_|$)")
_CLOCK = (
    re.compile(r"\b(\d{1,2})(?::(\d{2}))?\s*(am|pm)\b", re.IGNORECASE),
    re.compile(r"\b(\d{1,2}):(\d{2})()\b"),
)
Said = tuple[int, int, dt.date]


def dates(text: str, *, today: dt.date) -> list[Said]:
    """Return the days that are said, each with where it begins and ends, in the text's order."""
    found: list[Said] = []
    lower = text.lower()
    for match in re.finditer(r"\b(\d{4})-(\d{2})-(\d{2})\b", text):
        _keep(found, match, _day(*map(int, match.groups())))
    for match in re.finditer(r"\b(\d{1,2})[./](\d{1,2})[./](\d{4})\b", text):
        first, second, year = map(int, match.groups())
        _keep(found, match, _day(year, second, first) or _day(year, first, second))
    for match in re.finditer(
        rf"\b{_ORDINAL}\s*(?:-|–|to|and|until|till)\s*{_ORDINAL}\s+(?:of\s+)?{_MONTH}\b{_YEAR}",
        lower,
    ):
        first_day, last_day, month, said_year = match.groups()
        for at, day in ((0, first_day), (1, last_day)):
            placed = _nearest(said_year, month, day, today)
            if placed:
                # Both ends share the words, so they only must stand in order.
                found.append((match.start() + at, match.end(), placed))
    for match in re.finditer(rf"\b{_ORDINAL}\s+(?:of\s+)?{_MONTH}\b{_YEAR}", lower):
        _keep(found, match, _nearest(match.group(3), match.group(2), match.group(1), today))
    for match in re.finditer(rf"\b{_MONTH}\s+{_ORDINAL}\b{_YEAR}", lower):
        _keep(found, match, _nearest(match.group(3), match.group(1), match.group(2), today))
    for words, days in _RELATIVE:
        if (named := re.search(rf"\b{words}\b", lower)) is not None:
            _keep(found, named, today + dt.timedelta(days=days))
            break
    if ahead := re.search(r"\bin (\d{1,4}|[a-z]+) (day|week)s?\b", lower):
        amount = int(ahead.group(1)) if ahead.group(1).isdigit() else in_words(ahead.group(1))
        if amount is not None:
            unit_days = 7 if ahead.group(2) == "week" else 1
            _keep(found, ahead, today + dt.timedelta(days=amount * unit_days))
    for name, number in DAYS.items():
        if day_named := re.search(rf"\b(?:next\s+)?{name}\b", lower):
            days_ahead = (number - today.weekday()) % 7 or 7
            _keep(found, day_named, today + dt.timedelta(days=days_ahead))
    return sorted(found)


def _keep(found: list[Said], match: re.Match[str], day: dt.date | None) -> None:
    if day is not None and not any(
        match.start() < end and at < match.end() for at, end, _ in found
    ):
        found.append((match.start(), match.end(), day))


def date(text: str, *, today: dt.date, which: str = "") -> str | None:
    """Return a date as YYYY-MM-DD; with two in the text, the second for an end."""
    found = dates(text, today=today)
    if not found:
        return None
    last = bool(_ENDS.search(which))
    if last and len(found) < 2 and (_STARTS.search(which) or not _closes(text, found[0][0])):
        return None
    return found[1 if last and len(found) > 1 else 0][2].isoformat()


def _closes(text: str, at: int) -> bool:
    return bool(
        re.search(r"\b(?:by|until|till|due|before|to|through|deadline)\W+$", text[:at], re.I)
    )


def without_days(text: str, *, today: dt.date) -> str:
    """Blank out days and times, so that nothing else is read from them."""
    spans = [(at, end) for at, end, _ in dates(text, today=today)]
    spans += [match.span() for clock in _CLOCK for match in clock.finditer(text)]
    for begin, end in spans:
        text = text[:begin] + MASK * (end - begin) + text[end:]
    return text


def _day(year: int, month: int, day: int) -> dt.date | None:
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None


def _nearest(year: str | None, month: str, day: str, today: dt.date) -> dt.date | None:
    number = MONTHS[month[:3]]
    found = _day(int(year) if year else today.year, number, int(day))
    if found is not None and not year and found < today:
        found = _day(today.year + 1, number, int(day))
    return found


def clock_time(text: str) -> str | None:
    """Return a time of day as HH:MM."""
    match = _CLOCK[0].search(text) or _CLOCK[1].search(text)
    if match:
        hour = int(match.group(1)) % 12 if match.group(3) else int(match.group(1))
        hour += 12 if match.group(3).lower() == "pm" else 0
        minute = int(match.group(2) or 0)
        return f"{hour:02}:{minute:02}" if hour < 24 and minute < 60 else None
    return "12:00" if re.search(r"\bnoon\b", text, re.IGNORECASE) else None
