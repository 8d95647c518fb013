"""Find identifiers in a clause: numbers of things, article codes, addresses, ISO codes."""

import re
from typing import Any

from playground.gateway.planner.wording import MASK, stem

# Letters and digits together, perhaps in groups: an identifier wherever it stands.
CODE = re.compile(
    r"(?<![\w@./-])#?((?=[\w/.-]*\d)(?=[\w/.-]*[A-Z])[A-Z0-9][A-Za-z0-9]*(?:[-/._][A-Za-z0-9]+)*)"
    r"(?![\w@])"
)
_TOKEN = r"[A-Za-z0-9]*\d[A-Za-z0-9]*(?:[-/._][A-Za-z0-9]+)*|[A-Za-z]+(?:[-/_][A-Za-z]*\d\w*)+"
_CALLED = r"(?:(?:id|no\.?|number|nr\.?|code|sku|called|named|with)\s*)*[:#]?\s*"
_NAMED = frozenset("code sku serial barcode iban isbn vin plate ean asin".split())
_OTHER_CODES = frozenset("currency language country airport unit postal zip colour color".split())
_CURRENCIES = {
    "dollar": "USD", "euro": "EUR", "pound": "GBP", "yen": "JPY", "franc": "CHF", "rupee": "INR",
    "yuan": "CNY", "won": "KRW", "peso": "MXN", "krona": "SEK", "zloty": "PLN",
}  # fmt: skip


def is_code(name: str, spoken: frozenset[str]) -> bool:
    """Tell whether a text parameter means an identifier made of letters and digits."""
    parts = set(name.split("_"))
    if (parts | spoken) & _OTHER_CODES:
        return False
    return bool(parts & _NAMED) or bool(spoken & {"sku", "serial", "barcode", "identifier"})


def identifier(entity: str, text: str, *, integer: bool) -> Any:
    """Return an identifier that is said: "order 17", "ticket #ABC-12", "id 5"."""
    words = [word for word in entity.split("_") if word]
    names = {r"\s+".join(rf"{re.escape(stem(word))}\w*" for word in words)}
    names |= {rf"{re.escape(stem(word))}\w*" for word in words[-1:]}
    match = re.search(
        rf"\b(?:{'|'.join(sorted(names, key=len, reverse=True))})\s+{_CALLED}({_TOKEN})(?![\w@])"
        rf"|\bid\s*[:#]?\s*({_TOKEN})|#(\w*\d\w*)\b",
        text,
        re.IGNORECASE,
    )
    if not match:
        return None
    said = next(group for group in match.groups() if group)
    if not integer:
        return said
    digits = re.search(r"\d+$", said)
    return int(digits.group(0)) if digits and len(digits.group(0)) < 19 else None


def lone_code(text: str) -> str | None:
    """Return the first identifier of letters and digits, wherever it stands."""
    match = CODE.search(text)
    return match.group(1) if match else None


def without_codes(text: str) -> str:
    """Blank out identifiers, so that nothing else is read from them."""
    return CODE.sub(lambda match: MASK * len(match.group(0)), text)


def email(text: str) -> str | None:
    """Return an e-mail address."""
    match = re.search(r"[\w.+-]+@[\w-]+\.[\w.-]*\w", text)
    return match.group(0) if match else None


def currency(text: str, name: str) -> str | None:
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
