"""Find e-mail addresses, phone numbers, cards, tokens and keys in text and blank them out.

Every pattern runs in linear time. What is found becomes ``[e-mail]``, ``[phone]`` and so on, so
that a reader still sees what kind of thing stood there.
"""

import re

from playground.core import recognising
from playground.core.recognising import SECRET_WORD

HELD_BACK = 280
"""Characters at the end of a growing text that may still turn out to start a secret."""

SENSITIVE_KEY = re.compile(
    rf"(?i)(?:^|[_.\- ])(?:{SECRET_WORD}|pass|authorization|cookie|credentials?)$"
)
"""Names of fields whose whole value is a secret."""

KINDS = recognising.KINDS - {"ip"}
"""Addresses stay: whoever reads a trace needs to see which host was called."""
_LABELS = {
    "private_key": "[private key]",
    "jwt": "[token]",
    "provider_key": "[token]",
    "bearer": "[token]",
    "assignment": "[secret]",
    "url_credentials": "[credentials]",
    "email": "[e-mail]",
    "iban": "[iban]",
    "card": "[card]",
    "ssn": "[ssn]",
    "phone": "[phone]",
}


def redact(text: str) -> str:
    """Blank out everything in the text that looks like personal contact data or a credential."""
    parts: list[str] = []
    position = 0
    for found in recognising.recognise(text, KINDS):
        parts += (text[position : found.start], _LABELS[found.kind])
        position = found.end
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
    for found in recognising.recognise(text, KINDS):
        if found.context < cut < found.end:
            cut = found.context
    return max(cut, 0)
