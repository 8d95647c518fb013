"""Find e-mail addresses, phone numbers, cards, tokens and keys in text and blank them out.

Every pattern runs in linear time. What is found becomes ``[e-mail]``, ``[phone]`` and so on, so
that a reader still sees what kind of thing stood there.
"""

import re
from collections.abc import Iterator

HELD_BACK = 160
"""Characters at the end of a growing text that may still turn out to start a secret."""

_SECRET_WORD = (
    r"pass(?:word|wd|phrase)?|pwd|secret|api[_-]?key|access[_-]?key|private[_-]?key|token"
)
SENSITIVE_KEY = re.compile(
    rf"(?i)(?:^|[_.\- ])(?:{_SECRET_WORD}|authorization|cookie|credentials?)$"
)
"""Names of fields whose whole value is a secret."""

_RULES: tuple[tuple[str, str], ...] = (
    (
        "private_key",
        r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]{0,40}-----|\Z)",
    ),
    ("token", r"\beyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?"),
    (
        "token_",
        r"\b(?:sk|pk|rk|pg|hf|ghp|gho|ghu|ghs|ghr|github_pat|glpat|xox[abprs]|npm|pypi|lsv2)[-_]"
        r"[\w-]{16,}|\bAKIA[0-9A-Z]{16}\b|\bAIza[\w-]{30,}",
    ),
    ("bearer", r"(?i:\bbearer\s{1,3})[\w.~+/=-]{8,}"),
    (
        "secret",
        rf"(?i:\b[\w-]{{0,24}}(?:{_SECRET_WORD}))[\"']?\s{{0,3}}[:=]\s{{0,3}}[\"']?[^\s\"',;}}{{]{{3,}}",
    ),
    ("url_credentials", r"(?<=://)[^\s/@:]{1,64}:[^\s/@]{1,128}(?=@)"),
    ("email", r"[\w.+%'-]{1,64}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}"),
    ("iban", r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"),
    ("card", r"(?<![\d.])\d(?:[ -]?\d){12,18}(?![\d])"),
    (
        "phone",
        r"(?<![\w.])(?!\d{4}-\d{2}-\d{2})(?:\+\d{1,3}|00\d{1,3})?[ .\-/]?(?:\(\d{1,5}\)[ .-]?)?"
        r"\d{2,8}(?:[ .\-/]\d{2,8}){1,5}(?![\w])",
    ),
    ("phone_", r"(?<![\w.])(?:\+\d{8,15}|0\d{9,11})(?!\w)"),
)
_PATTERN = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in _RULES))
_LABELS = {
    "private_key": "[private key]",
    "token": "[token]",
    "token_": "[token]",
    "bearer": "Bearer [token]",
    "url_credentials": "[credentials]",
    "email": "[e-mail]",
    "iban": "[iban]",
    "card": "[card]",
    "phone": "[phone]",
    "phone_": "[phone]",
}
_ASSIGNMENT = re.compile(r"[\"']?\s{0,3}[:=]\s{0,3}[\"']?")


def redact(text: str) -> str:
    """Blank out everything in the text that looks like personal contact data or a credential."""
    parts: list[str] = []
    position = 0
    for start, end, replacement in _findings(text):
        parts += (text[position:start], replacement)
        position = end
    return text if not parts else "".join((*parts, text[position:]))


def settled(text: str) -> int:
    """Return how much of a growing text can be redacted now, whatever comes after it.

    The prefix ends at white space, at least ``HELD_BACK`` characters before the end, and cuts no
    finding in two; an open private key holds everything back from its start.
    """
    cut = len(text) - HELD_BACK
    if cut <= 0:
        return 0
    run = len(text)
    while run and not text[run - 1].isspace():
        run -= 1
    cut = min(cut, run - HELD_BACK // 2)
    while cut > 0 and not text[cut - 1].isspace():
        cut -= 1
    opening = text.rfind("-----BEGIN ")
    if opening >= 0 and text.find("-----END", opening) < 0:
        cut = min(cut, opening)
    for start, end, _ in _findings(text):
        if start < cut < end:
            cut = start
    return max(cut, 0)


def _findings(text: str) -> Iterator[tuple[int, int, str]]:
    position = 0
    while match := _PATTERN.search(text, position):
        kind = match.lastgroup or ""
        found = match.group()
        if not _plausible(kind, found):
            position = match.start() + _skip(found)
            continue
        yield match.start(), match.end(), _replacement(kind, found)
        position = match.end()


def _skip(found: str) -> int:
    """Step over the leading word, so that a rejected match costs one more search, not many."""
    return max(1, len(found) - len(found.lstrip("0123456789")) or 1)


def _plausible(kind: str, found: str) -> bool:
    digits = "".join(character for character in found if character.isdigit())
    if kind == "card":
        return luhn_valid(digits)
    if kind == "iban":
        return _iban_valid(found.replace(" ", ""))
    if kind == "phone":
        marked = found.lstrip().startswith(("+", "00", "("))
        return (7 if marked else 9) <= len(digits) <= 15
    return True


def _replacement(kind: str, found: str) -> str:
    if kind != "secret":
        return _LABELS[kind]
    assignment = _ASSIGNMENT.search(found)
    return found[: assignment.end()] + "[secret]" if assignment else "[secret]"


def luhn_valid(digits: str) -> bool:
    """Tell whether the digits end in their Luhn check digit, as card numbers do."""
    total = 0
    for index, character in enumerate(reversed(digits)):
        value = int(character)
        if index % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0 and len(set(digits)) > 1


def _iban_valid(iban: str) -> bool:
    rearranged = iban[4:] + iban[:4]
    return int("".join(str(int(character, 36)) for character in rearranged)) % 97 == 1
