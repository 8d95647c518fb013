"""Find what a clause says in its own words: options, flags, labelled values, topics, lists."""

import re
from collections.abc import Sequence
from typing import Any

from playground.gateway.planner.wording import MASK, VERBS, quotations, stem, subject_of, terms

# Parameters that want the words of a person, not the topic of a search.
PROSE = frozenset(
    """text message content body description note notes comment statement reason problem issue
    sentence input expression formula instruction prompt details""".split()
)


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


def labelled(name: str, text: str) -> str | None:
    """Return what follows the parameter's own name: "title: x", "called x"."""
    label = re.escape(name.replace("_", " "))
    match = re.search(rf"\b{label}\s*(?::|=|\bis\b|\bas\b)\s*([^,;.]+)", text, re.IGNORECASE)
    return match.group(1).strip() if match else None


def quoted_for(name: str, text: str) -> str | None:
    """Return the quotation that stands right after a parameter's own words."""
    wanted = terms(name)
    for quote in quotations(text):
        at = text.find(quote)
        before = re.findall(r"[A-Za-z]+", text[:at])[-3:]
        if wanted & {stem(word) for word in before}:
            return quote
    return None


def expression(text: str) -> str | None:
    """Return an arithmetic expression."""
    match = re.search(r"[-(\d][\d\s.,+*/()^%x-]*[\d)]", text)
    return match.group(0).strip() if match else None


def matching(pattern: str, text: str) -> str | None:
    """Return the first words of a text that a schema's pattern allows."""
    try:
        allowed = re.compile(pattern)
    except re.error:
        return None
    words = [word.strip(".,;:!?\"'()“”") for word in text.split()]
    return next((word for word in words if word and allowed.search(word)), None)


def parts(text: str) -> list[str]:
    """Return the members of a list in a clause, each without what is said about it."""
    said = re.split(r"\s*[,;:]\s+(?:and\s+)?|\s+and\s+|\s+plus\s+", text)
    cut = (re.split(r"\s+(?:for|by|to|from|at|on|in)\s+", part)[0] for part in said)
    return [part for part in cut if part.strip()]


def free_text(name: str, text: str) -> str | None:
    """Return the part of the clause that a free text parameter wants, where words mark it."""
    openers = "about|called|named|titled|regarding|concerning|on"
    if name.rpartition("_")[2] in PROSE:
        if match := re.search(r":\s+(.+)$", text):
            return match.group(1).strip()
        openers += "|saying|that says|because"
    if match := re.search(rf"\b(?:{openers})\s+(.+?)[.!?]?$", text, re.IGNORECASE):
        return match.group(1).strip()
    return None


_LEAD = r"after|before|since|until|till|from|between|and|to|in|on|at|by|for|under|over|of|with"
_CLAIMED = re.compile(
    rf"(?:[,\s]+(?:(?:that|which)\s+)?"
    rf"(?:was|were|are|is|came|comes|come|\w+ed|written|made|built|out))*"
    rf"(?:[,\s]+(?:{_LEAD}|at most|at least|up to|more than|less than))*"
    rf"[,\s]+{MASK}+(?:[,\s]+{MASK}+)*"
)


def unclaimed(text: str) -> str:
    """Leave out what other parameters have taken, with the words that only led up to it."""
    text = _CLAIMED.sub(" ", f" {text}")
    return re.sub(r"\s+", " ", text.replace(MASK, "")).strip(" ,;:-")


def without_tail(text: str, masked: str) -> str:
    """Cut off the end of a clause that other parameters have taken; ``masked`` shows which."""
    tail = re.search(rf"{_CLAIMED.pattern}[\s.?!]*$", masked)
    return text[: tail.start()] if tail else text


def kind_named(name: str, text: str) -> str | None:
    """Return the phrase that ends in a parameter's own word: "the living room" for a room."""
    word = re.escape(name.rpartition("_")[2])
    match = re.search(rf"\b(?:the|my|our)\s+((?:[a-z]\w*\s+){{1,2}}{word})\b", text)
    return match.group(1) if match else None


def thing(text: str) -> str | None:
    """Return the noun phrase that the clause is about: what the last verb acts on."""
    left = unclaimed(text).rstrip(".!?")
    purpose = max((m.end() for m in re.finditer(rf"\bto (?:{'|'.join(VERBS)})\b", left)), default=0)
    if of := re.search(
        r"\b(?:for|about|of|on)\s+(?:the\s+|a\s+|an\s+|some\s+)?([^,;.!?]+)$", left[purpose:]
    ):
        return of.group(1).strip() or None
    words = left.split()
    verbs = [i for i, word in enumerate(words[:-1]) if word.lower().strip(",:") in VERBS]
    said = " ".join(words[verbs[-1] + 1 :] if verbs else words)
    if not verbs and (imperative := re.match(r"\w+\s+(?:the|a|an|my|our|this)\s+(.+)", left)):
        said = imperative.group(1)
    said = re.sub(r"^(?:(?:me|us|the|a|an|my|our|some|this|all|any)\s+)+", "", said, flags=re.I)
    return said.strip(" ,") or subject_of(left) or None


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
