"""Mark in which words two outputs differ, and keep what was found.

A page that is looked at while columns work compares its outputs each time that anything changes.
"""

import hashlib

from playground.prompts.aligning import Piece, words_of
from playground.prompts.held.shelf import Shelf

# In characters, with what each piece takes beside its own.
_ROOM, _PIECE = 8 * 2**20, 100
_known: Shelf[bytes, tuple[Piece, ...]] = Shelf(things=2_000, weight=_ROOM)


def marked(base: str, text: str) -> tuple[Piece, ...]:
    """Return the text with the words marked in which it differs from ``base``."""
    digest = hashlib.blake2b(digest_size=16)
    for each in (base, text):
        written = each.encode("utf-8", "surrogatepass")
        digest.update(len(written).to_bytes(8, "big") + written)
    pieces = _known.get(digest.digest())
    if pieces is None:
        pieces = words_of(base, text).new
        _known.put(digest.digest(), pieces, weight=len(text) + _PIECE * len(pieces))
    return pieces
