"""Show characters that cannot be seen. Pure."""

import re

# Controls, marks of direction, joiners and selectors of variants but where a
# script or an emoji has one, spaces of other widths.
_UNSEEN = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180e"
    "\u2000-\u200b\u200e\u200f\u2028-\u202f\u205f-\u206f\u3000\u3164\ufeff\uffa0\ufff9-\ufffb"
    "\U000e0000-\U000e0fff]|(?<![^\x00-\x7f])[\u200c\u200d]"
    "|(?:(?<![^\x00-\x7f])|(?<=[\ufe00-\ufe0f]))[\ufe00-\ufe0f](?!\u20e3)"
)


def shown(text: str) -> str:
    """Return the text with something to see in the place of what cannot be seen."""
    return _UNSEEN.sub(_seen, text)


def _seen(found: re.Match[str]) -> str:
    match found[0]:
        case "\r":
            return "⟨CR⟩"
        case "\t":
            return "→\t"
        case "\xa0":
            return "⟨NBSP⟩"
        case other:
            return f"⟨U+{ord(other):04X}⟩"
