"""Read plain English far enough for planning: words, clauses, requests."""

import re
from functools import cache

MASK = "\ue010"
"""Stands for each character that has been read already."""
VERBS = frozenset(
    """add analyse analyze answer arrange ask assign book borrow build buy calculate call cancel
    change check choose clean close compare compile compose compute contact convert copy count
    create decide define delete describe design draft email estimate evaluate explain extend
    fetch figure file fill find fix forecast format generate get give go help identify inform
    inspect invite issue keep list look lend locate log make match measure message move name
    open order organise organize outline plan play post prepare print produce propose pull put
    raise rank read reach recommend record register remind remove rename renew reply report
    request reserve retrieve review rewrite run save say schedule score search select send set
    shortlist show solve sort start submit subtract suggest sum summarise summarize tell test
    track translate turn update use verify work write""".split()
)
ORDINALS = ("first", "second", "third", "fourth", "fifth")
STOP = frozenset(
    """a about after all also am an and any are as at be been best but by can could did do does for
    from had has have he her here him his how i if in into is it its just let like may me might
    more most must my need no not now of on one or our out over please she should so some such
    than that the their them then there these they this those to too up us use want was we were
    what when where which while who whom whose why will with would you your""".split()
)
POLITE = re.compile(
    r"^(?:(?:please|kindly|now|then|also|next|finally|first|so|ok|okay"
    r"|(?:hey|hi|hello)(?: there)?)[ ,!]+"
    r"|(?:can|could|would|will) you (?:please )?|i(?:'d| would) like (?:you )?to "
    r"|i (?:want|need) (?:you )?to |let'?s |help me (?:to )?|go ahead and )+",
    re.IGNORECASE,
)
_SPLIT = re.compile(
    r"(?<=[.!?;])\s+(?=\S)|[,;]?\s+(?:and then|and also|after that|then|and|plus)\s+"
    r"(?:please\s+|also\s+)?(?=(?P<verb>[a-z]+)\b)|\n+",
    re.IGNORECASE,
)
_SEARCHES = re.compile(r"(?:find|search|list|locate|look(?:ing)? for)\b", re.IGNORECASE)
_WANTS = re.compile(
    r"(?:who|which|what|any|show me|how many|are there|is there|do (?:we|you) (?:have|know)"
    r"|(?:i|we)(?:'m| am|'re| are)? (?:need|want|look(?:ing)? for))\b",
    re.IGNORECASE,
)
# "Somebody" and the endings of professions ask for people, whatever they are called.
_PROFESSION = re.compile(
    r"\b(?:someone|somebody|anyone|anybody|people"
    r"|\w{3,}(?:eer|yst|oper|igner|ician|grammer|ager)s?|\w{4,}ists?)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Za-z][A-Za-z'+#.-]*[A-Za-z+#]|[A-Za-z]")


def stem(word: str) -> str:
    """Cut the commonest English endings, so that plural and singular meet."""
    word = word.lower()
    for ending, replacement in (("ies", "y"), ("sses", "ss"), ("ing", ""), ("ed", ""), ("s", "")):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            return word[: -len(ending)] + replacement
    return word


@cache
def terms(text: str) -> frozenset[str]:
    """Return the stems of the words that carry meaning."""
    parts = re.sub(r"[_/]", " ", text)
    return frozenset(stem(w) for w in _WORD.findall(parts) if w.lower() not in STOP)


def goals(text: str) -> list[str]:
    """Split a request into clauses that each ask for one thing.

    A conjunction splits only before a verb that can open a request: "draft and send" does,
    "engineers and designers" does not.
    """
    text = quoted_out(text)
    pieces: list[str] = []
    begin = 0
    for match in _SPLIT.finditer(text):
        verb = match.group("verb")
        if verb is not None and verb.lower() not in VERBS:
            continue
        pieces.append(text[begin : match.start()])
        begin = match.end()
    pieces.append(text[begin:])
    found = [quoted_in(piece).strip(" ,;") for piece in pieces]
    return [piece for piece in found if piece.strip().strip(".!? ")]


def bare(goal: str) -> str:
    """Take the courtesies off a clause."""
    return POLITE.sub("", goal.strip()).strip()


def opens_search(goal: str) -> bool:
    """Tell whether the clause asks to find things rather than to do something with one."""
    return _SEARCHES.match(bare(goal)) is not None


def asks_for_people(goal: str) -> bool:
    """Tell whether the clause asks to find people, by what they do for a living."""
    words = bare(goal)
    return bool(_PROFESSION.search(words)) and bool(_SEARCHES.match(words) or _WANTS.match(words))


def ordinal(goal: str) -> int:
    """Return which of several things is meant, from 0: "the second one" is 1."""
    spoken = terms(goal)
    return next((place for place, word in enumerate(ORDINALS) if stem(word) in spoken), 0)


def subject_of(goal: str) -> str:
    """Return what the clause is about: without courtesies, opening verb, article and full stop."""
    words = bare(goal).rstrip(".!?").split()
    while words and words[0].lower().strip(",:") in VERBS | {
        "me",
        "us",
        "for",
        "up",
        "a",
        "an",
        "the",
    }:
        words = words[1:]
    return " ".join(words)


# Separators inside quotation marks are no separators: hidden while splitting.
_HIDDEN = {".": "\ue000", "!": "\ue001", "?": "\ue002", ";": "\ue003", " ": "\ue004", ",": "\ue005"}
_QUOTED = re.compile(r"[\"“„']([^\"“”']{2,})[\"”']")


def quoted_out(text: str) -> str:
    def hide(match: re.Match[str]) -> str:
        return "".join(_HIDDEN.get(char, char) for char in match.group(0))

    return _QUOTED.sub(hide, text)


def quoted_in(text: str) -> str:
    for char, hidden in _HIDDEN.items():
        text = text.replace(hidden, char)
    return text


def quotations(text: str) -> list[str]:
    """Return what stands in quotation marks."""
    return [match.strip() for match in re.findall(r"[\"“„]([^\"“”]+)[\"”]", text)] or [
        match.strip() for match in re.findall(r"(?:^|\s)'([^']{2,})'(?=$|[\s.,!?])", text)
    ]
