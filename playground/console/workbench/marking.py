"""Mark the words in which one output differs from another. Pure."""

import difflib
import re

from playground.prompts.pages.aligning import Piece

MAX_WORDS = 4_000
"""Beyond it a comparison by words takes longer than anybody waits for."""
_WORD = re.compile(r"\s+|\w+|[^\w\s]")


def marked(base: str, text: str) -> list[Piece]:
    """Split a text where it differs from the base; joined the pieces are the text."""
    before, after = _WORD.findall(base), _WORD.findall(text)
    if len(before) > MAX_WORDS or len(after) > MAX_WORDS:
        return [Piece(text, marked=base != text)]
    pieces: list[Piece] = []
    for tag, _, _, start, end in difflib.SequenceMatcher(
        None, before, after, autojunk=False
    ).get_opcodes():
        if start < end:
            pieces.append(Piece("".join(after[start:end]), marked=tag != "equal"))
    return pieces
