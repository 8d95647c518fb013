"""Read a request in the light of those before it: "and the second one?", "now in Munich"."""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import Any

from playground.gateway.planner import coding, dating, naming, numbering
from playground.gateway.planner.clause import MAX_READ_CHARS
from playground.gateway.planner.finding import found
from playground.gateway.planner.toolbox import Tool, entity_of, opens
from playground.gateway.planner.wording import (
    ORDINALS,
    VERBS,
    goals,
    opens_search,
    quotations,
    stem,
)

MAX_WORDS = 9
LEADS = frozenset("with without in at from to by under over near who that which".split())
_OPENER = re.compile(
    r"^(?:(?:and|now|ok|okay|but|so|or|then|what about|how about|what if|the same|same|instead|also"
    r"|only|just|make it|make that|change it to|try|with)\b[ ,]*)+",
    re.IGNORECASE,
)
_PLACED = rf"{'|'.join(ORDINALS)}|best|last|top"
_WHO_IS = re.compile(
    rf"^(?:who|which|what)(?:'s| is| comes?)\s+(?=(?:the\s+)?(?:{_PLACED})\b)", re.IGNORECASE
)
_ORDINAL = re.compile(rf"\b(?:the\s+)?({_PLACED})(?:\s+(?:one|two))?\b", re.IGNORECASE)
_ONE = re.compile(rf"^(?:the\s+)?({_PLACED})(?:\s+one)?$", re.IGNORECASE)
_OPENED = re.compile(
    r"^(?:(?:tell|show|give) me\s+)?(?:(?:some\s+)?(?:more|details?|everything|all)\s+)?"
    rf"(?:(?:about|of|on)\s+)?(?:(?:the\s+)?({_PLACED})(?:\s+\w+)?|him|her|them|it)$",
    re.IGNORECASE,
)
_ONLY_POINTS = re.compile(
    rf"\b(?:him|her|them|it|that one|this one|the (?:{_PLACED})(?: one| two)?)$", re.IGNORECASE
)
_PLACE = re.compile(rf"\b(?:{_PLACED})(?:\s+one)?\b", re.IGNORECASE)
_PRONOUN = re.compile(
    r"\b(?:that one|this one|he|she|him|her|his|they|them|their|it|its)\b", re.IGNORECASE
)
ASKED_BACK = "should it be?"


def resolve(requests: Sequence[tuple[str, str]], *, today: dt.date) -> str:
    """Return the last request with what it leaves unsaid.

    Args:
        requests: each with the answer that it followed, oldest first.
    """
    resolved = ""
    for request, answered in requests:
        if resolved and answered.endswith(ASKED_BACK):
            resolved = f"{resolved.rstrip('.!?')} {request}"
        elif 0 < len(resolved) <= MAX_READ_CHARS and follows(request):
            resolved = _changed(resolved, _rest(request), today=today)
        else:
            resolved = request
    return resolved


def follows(request: str) -> bool:
    """Tell whether a request only changes something about the one before it."""
    if len(request) > MAX_READ_CHARS:
        return False
    rest = _rest(request)
    words = rest.split()
    if not words or len(words) > MAX_WORDS or words[0].lower() in VERBS:
        return False
    return rest != request.strip(" ?!.") or bool(_ONE.match(rest))


def counts(request: str) -> bool:
    """Tell whether a request names one of several things that were found for an earlier one."""
    return bool(_PLACE.search(request)) and not any(map(opens_search, goals(request)))


def points_back(request: str) -> bool:
    """Tell whether a request means, by a pronoun, what was last spoken of."""
    return bool(_PRONOUN.search(request)) and not any(map(opens_search, goals(request)))


def only_points(clause: str) -> bool:
    """Tell whether a clause says nothing of whom or what it means but that it was spoken of."""
    return bool(_ONLY_POINTS.search(clause.strip(" .?!")))


def named(request: str, results: Sequence[Any]) -> list[Any]:
    """Return the things found earlier that the request calls by name, the newest first."""
    said = request.casefold()
    things: list[Any] = []
    for result in reversed(results):
        for key, listed in result.items() if isinstance(result, Mapping) else ():
            for each in listed if isinstance(listed, list) else [listed]:
                if isinstance(each, Mapping) and _is_named(each, said):
                    things.append({key: [each]})
    return things


def _is_named(thing: Mapping[str, Any], said: str) -> bool:
    names = (str(thing.get(key, "")).casefold() for key in ("name", "title", "label"))
    return "id" in thing and any(len(name) > 3 and name in said for name in names)


def opening(request: str, tools: Sequence[Tool], known: Sequence[Any]) -> str:
    """Say in full what "the second one" alone asks for: to open it."""
    if not (placed := _OPENED.match(_rest(request))):
        return request
    for tool in tools:
        entity = entity_of(tool.required[0]) if len(tool.required) == 1 else None
        if entity and opens(tool) and found(known, tool.required[0], entity=entity) is not None:
            return f"{tool.words} of the {(placed.group(1) or 'first').lower()} one"
    return request


def _rest(request: str) -> str:
    return _WHO_IS.sub("", _OPENER.sub("", request.strip(" ?!.")).strip(" ,"))


def _changed(earlier: str, change: str, *, today: dt.date) -> str:
    """Put what is said now in the place of what was said before, each after its kind."""
    text = earlier.rstrip(" .?!")
    if placed := _ORDINAL.fullmatch(change):
        if _ORDINAL.search(text):
            return _ORDINAL.sub(f"the {placed.group(1).lower()} one", text)
        return change
    for new, old in (
        (quotations(change), quotations(text)),
        (_days(change, today), _days(text, today)),
        (_codes(change), _codes(text)),
        *((new, _numbers(text, like=new[0])) for new in [_numbers(change)] if new),
    ):
        if new and old:
            return text.replace(old[0], new[0], 1)
    named = re.search(rf"(?:\b(\w+)\s+)?({naming.SPAN})$", change)
    if named:
        lead, name = named.groups()
        if lead and re.search(rf"\b{lead}\s+{naming.SPAN}", text):
            return re.sub(
                rf"\b({lead}\s+){naming.SPAN}", lambda m: m.group(1) + name, text, count=1
            )
        if not lead and (names := naming.names(text)):
            return text.replace(names[-1], name, 1)
    if topic := re.search(r"\b(about|regarding|on|of|for)\s+(?:the\s+)?[^,;]+$", text):
        lead = topic.group(1)
        if change.split()[0].lower() not in LEADS:
            return f"{text[: topic.start()]}{lead} {change}"
    return f"{text} {change}"


def _days(text: str, today: dt.date) -> list[str]:
    return [text[begin:end] for begin, end, _ in dating.dates(text, today=today)]


def _codes(text: str) -> list[str]:
    code = coding.lone_code(text)
    return [code] if code else []


def _numbers(text: str, *, like: str = "") -> list[str]:
    """Return the numbers with the word each counts; only of the same word, if one is given."""
    said = [re.match(r"\S+(?:\s[a-z]+)?", text[at:]) for at, _ in numbering.numbers(text)]
    phrases = [match.group(0) for match in said if match]
    if not like:
        return phrases
    unit = stem(like.split()[-1])
    return [phrase for phrase in phrases if stem(phrase.split()[-1]) == unit]
