"""Recognise contact data, numbers of people and accounts, and credentials in text.

The one place for these patterns: traces and the gateway's guardrails read them here. Each runs in
linear time; where a format carries a checksum or a register, a match counts only if that agrees.

Source: ISO/IEC 7812 (cards), ISO 13616 and SWIFT's IBAN registry, ITU-T E.164 (phones),
RFC 5321 (e-mail), RFC 6750 (Bearer), RFC 7468 (PEM), RFC 7519 (JWT), SSA POMS RM 10201 (SSN).
"""

import functools
import ipaddress
import re
from collections.abc import Iterator
from typing import NamedTuple

PASSWORD_WORD = (
    r"passw(?:or)?d|passwort|passphrase|pwd|contrase[ñn]a|api[_-]?key|access[_-]?key"
    r"|private[_-]?key|client[_-]?secret|(?<=[_-])pass|密码|口令"
)
"""What names a secret so clearly that anything assigned to it is one."""
_WEAK_WORD = r"secret|token"
SECRET_WORD = rf"(?:{PASSWORD_WORD}|{_WEAK_WORD})"
PROVIDER_PREFIX = (
    r"(?<![A-Za-z0-9])(?:sk|pk|rk|pg|hf|gh[opsur]|github_pat|glpat|xox[abeprs]"
    r"|npm|pypi|lsv2|gsk|xai|nvapi|whsec|shpat|dop_v1)[_-]"
)
"""How providers' keys begin, so that they can be told from other text."""
_NO_SECRET = re.compile(
    r"(?i)(?:true|false|null|none|nil|required|optional|must|the|is|are|your|for|min|max|minimum"
    r"|maximum|missing|invalid|incorrect|wrong|expired|string|str|bytes|int|bool)[.:!?)\]|]*"
    r"|os\.(?:environ|getenv).*|process\.env.*|\$\{?[A-Za-z_(].*|<.*|[*•x.]+|\[.*|[\w.]+\(\)"
)
"""Placeholders, look-ups and prose that may follow a colon or an equals sign."""

_GAP = (
    r"(?:[ \u00a0\u202f]?[()][ \u00a0\u202f-]?|[ \u00a0\u202f][-/–][ \u00a0\u202f]"
    r"|[ \u00a0\u202f./–-])?"
)
_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_PEM_WORDS = r"[A-Z0-9 ]{0,40}"

HARMLESS = (
    r"(?<![\w-])[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}(?![\w-])"
    r"|(?<![\w.-])(?:\d{4}-\d\d?-\d\d?|\d{4}/\d\d?/\d\d?|\d{4}\.\d\d?\.\d\d?"
    r"|\d\d?-\d\d?-\d{2,4}|\d\d?/\d\d?/\d{2,4}|\d\d?\.\d\d?\.\d{2,4})"
    r"(?:,?[T ]\d\d?:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?(?![./-]?\d|\w)"
    r"|(?i:\b(?:version|release)) v?\d+(?:\.\d+)+"
)
"""Universally unique ids, dates with their times, versions: read over, never taken apart."""

PATTERNS: dict[str, str] = {
    "private_key": rf"-----BEGIN {_PEM_WORDS}PRIVATE KEY(?: BLOCK)?-----(?=\s|\\|\Z)"
    rf"(?s:.*?)(?:-----END {_PEM_WORDS}-----|\Z)",
    "jwt": r"(?<![A-Za-z0-9])eyJ[\w-]{8,}(?:(?:\.[\w-]{4,})(?:\.[\w-]+){0,3}|(?<=[\w-]{200}))",
    "provider_key": rf"(?:{PROVIDER_PREFIX}"
    r"(?=[\w-]{0,64}?[A-Za-z0-9]{16}|(?:[A-Za-z_-]{0,24}\d){5})[\w-]{16,}"
    r"|(?<![A-Za-z0-9])(?:A[KS]IA[0-9A-Z]{16}(?![A-Za-z0-9])|AIza[\w-]{30,}|ya29\.[\w-]{16,}))",
    "bearer": r"(?i:\bbearer)\s{1,3}(?P<credential>[\w.~+/=-]{8,})",
    "assignment": rf"(?i:(?<![\w-])[\w-]{{0,24}}?(?:(?P<strong>{PASSWORD_WORD})|{_WEAK_WORD}))"
    r"[\"']?\s{0,3}(?P<sign>[:=：])\s{0,3}(?P<value>(?:\"[^\"\n]{3,200}(?=\")|'[^'\n]{3,200}(?=')"
    r"|[\"']?[^\s\"',;}{]{3,}))",
    "url_credentials": r"(?<=://)[^\s/@:]{0,64}:[^\s/@]{1,256}(?=@)",
    "email": r"\w[\w.+%'-]{0,63}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}",
    "iban": r"(?<![A-Za-z0-9])[A-Za-z]{2}\d\d(?:[ \u00a0-]?[A-Za-z0-9]{4}){2,7}"
    r"(?:[ \u00a0-]?[A-Za-z0-9]{1,3})?",
    "card": r"(?<![\d.])(?:[2-6]\d{3}(?P<s>[ \u00a0.-]?)\d{4}(?P=s)\d{4}(?P=s)\d{1,4}"
    r"(?:(?P=s)\d{1,3})?|3\d{3}[ .-]\d{6}[ .-]\d{4,5}|[2-6]\d{12,18}|[2-6](?:[ -]\d){12,18})(?!\d)",
    "ssn": r"(?<![A-Za-z0-9_.-])(?!000|666|9)\d{3}(?P<d>[ -])(?!00)\d\d(?P=d)(?!0000)\d{4}"
    r"(?![A-Za-z0-9_-]|\.\d)",
    "phone": r"(?<![A-Za-z0-9_.,/$€£#=-])(?:"
    rf"(?:\+|00)[1-9](?:{_GAP}\d){{6,14}}"
    r"|\((?!(?:19|20)\d\d\))\+?\d{1,5}\)[ ./-]?\d{2,8}(?:[ ./–-]\d{2,8}){0,4}"
    r"|(?<!\d )(?:1[ .-])?[2-9]\d\d(?P<n>[ .-])\d{3}(?P=n)\d{4}"
    r"|0[1-9]\d{0,4}(?:[ .-]\d{2,8}|/ ?\d{2,8}| [-/–] \d{2,8})(?:[ ./–-]\d{2,8}){0,4}"
    r"|0[1-9]\d{8,10}|[679]\d\d(?:[ .-]\d\d){3}|1[3-9]\d[ -]\d{4}[ -]\d{4}"
    r")(?![A-Za-z0-9_]|[.,]\d|-\d)",
    "ip": rf"(?<![A-Za-z0-9_.:])(?:(?:{_OCTET}\.){{3}}{_OCTET}(?![A-Za-z0-9_]|\.\d)"
    r"|(?=[0-9A-Fa-f]{0,4}:)[0-9A-Fa-f:]{2,39}(?:(?:\.\d{1,3}){3})?(?![A-Za-z0-9_]))",
}
"""Kind to pattern, most telling first: at one position the first that fits wins."""

KINDS = frozenset(PATTERNS)
_OPEN_ENDED = {
    "jwt": re.compile(r"[\w.-]*"),
    "provider_key": re.compile(r"[\w-]*"),
    "bearer": re.compile(r"[\w.~+/=-]*"),
    "assignment": re.compile(r"[^\s\"',;}{]*"),
}
_END_OF_KEY = re.compile(rf"-----END {_PEM_WORDS}-----")
_IBAN_LENGTHS = {
    entry[:2]: int(entry[2:])
    for entry in (
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27"
        " DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21"
        " HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24"
        " ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33"
        " SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
    ).split()
}


class Recognised(NamedTuple):
    """One thing found.

    ``context`` is where the match begins (the ``password=`` before the value), ``start`` and
    ``end`` bound what is secret. ``rest`` is set when it reached the text's end and may go on: the
    pattern of what still belongs to it.
    """

    kind: str
    context: int
    start: int
    end: int
    rest: re.Pattern[str] | None


@functools.cache
def _compiled(kinds: frozenset[str]) -> re.Pattern[str]:
    wanted = [(kind, pattern) for kind, pattern in PATTERNS.items() if kind in kinds]
    return re.compile("|".join(f"(?P<{k}>{p})" for k, p in [("harmless", HARMLESS), *wanted]))


def recognise(text: str, kinds: frozenset[str] = KINDS) -> Iterator[Recognised]:
    """Yield what the text holds of these kinds, left to right, without overlap."""
    pattern = _compiled(kinds)
    position = 0
    while match := pattern.search(text, position):
        kind = match.lastgroup or ""
        if kind == "harmless":
            position = match.end()
            continue
        group = {"bearer": "credential", "assignment": "value"}.get(kind, kind)
        start, end = match.start(group), _end(kind, match)
        if end <= start:
            position = match.start() + 1
            continue
        rest = None
        if kind == "private_key" and not _END_OF_KEY.search(text, start, end):
            rest = _END_OF_KEY
        elif end == len(text):
            rest = _OPEN_ENDED.get(kind)
        start += kind == "assignment" and text[start] in "\"'"
        yield Recognised(kind, match.start(), start, end, rest)
        position = end


def _end(kind: str, match: re.Match[str]) -> int:
    """Return where the find ends, or 0 if it is none after all."""
    found, start, end = match.group(), match.start(), match.end()
    if kind == "card":
        return _card_end(found, start)
    if kind == "iban":
        return start + iban_length(found + match.string[end : end + 1])
    if kind == "phone":
        marked = found.startswith(("+", "00"))
        return end if (7 if marked else 9) <= sum(map(str.isdigit, found)) <= 15 else 0
    if kind == "ip":
        kept = found.rstrip(":") if not found.endswith("::") else found
        return start + len(kept) if _is_address(kept) else 0
    if kind == "bearer":
        token = match["credential"]
        return end if len(token) >= 20 or re.search(r"\d", token) else 0
    if kind == "assignment":
        return end if _is_secret(match) else 0
    return end


def _is_secret(match: re.Match[str]) -> bool:
    value = match["value"].lstrip("\"'")
    if len(value) < 3 or _NO_SECRET.fullmatch(value):
        return False
    if match["strong"] or match["sign"] == "=" or match["value"][0] in "\"'":
        return True
    return len(value) >= 16 or bool(re.search(r"\d", value))


def _card_end(found: str, start: int) -> int:
    """Take the longest run of whole groups that ends in its check digit: an expiry may follow."""
    while found:
        digits = re.sub(r"\D", "", found)
        if len(digits) < 13:
            return 0
        if luhn_valid(digits):
            return start + len(found)
        found = re.sub(r"(?:^|\D)\d+$", "", found)
    return 0


def _is_address(text: str) -> bool:
    """Tell whether this is a host's address; loopback, masks and ``a::b`` in code are not."""
    if ":" in text and not re.search(r"\d", text):
        return False
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified or text.startswith("255."))


def luhn_valid(digits: str) -> bool:
    """Tell whether the digits end in their Luhn check digit, as card numbers do."""
    total = 0
    for index, character in enumerate(reversed(digits)):
        value = int(character)
        if index % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0 and len(set(digits)) > 1


def iban_length(text: str) -> int:
    """Return how many characters of the text are an IBAN, separators included; 0 if none are."""
    wanted = _IBAN_LENGTHS.get(text[:2].upper(), 0)
    places = [index for index, character in enumerate(text) if character.isalnum()]
    if not wanted or len(places) < wanted:
        return 0
    end = places[wanted - 1] + 1
    if text[end : end + 1].isalnum():
        return 0
    iban = "".join(character for character in text[:end] if character.isalnum())
    rearranged = iban[4:] + iban[:4]
    if not rearranged.isascii():
        return 0
    return end if int("".join(str(int(character, 36)) for character in rearranged)) % 97 == 1 else 0
