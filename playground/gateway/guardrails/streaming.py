"""Blank out entities in text that is still arriving."""

from collections import Counter
from collections.abc import Collection

from playground.gateway.guardrails.kinds import EVERYTHING, Entity, Finding
from playground.gateway.guardrails.scanning import Scanner


class StreamRedactor:
    """Redact a stream so that no part of an entity gets out, however the text is cut.

    What ``feed`` and ``end`` return is together ``entities.redact`` of the whole text. Held back
    is a word until white space ends it, and a chain of words while an entity may go on in them.
    At most ``scanning.WINDOW`` characters are held: a longer run without a break is judged window
    by window, and a key or password that outgrows the window is dropped until its last character.

    Args:
        kinds: the entities to blank out.
    """

    def __init__(self, kinds: Collection[Entity] = EVERYTHING) -> None:
        self.findings: Counter[Entity] = Counter()
        """How many of each kind were blanked out so far; never their text."""
        self._scanner = Scanner(kinds, note=self._count)

    def feed(self, text: str) -> str:
        """Take the next piece and return what may go out now."""
        return self._scanner.feed(text)

    def end(self) -> str:
        """Return the rest; the redactor is then ready for another text."""
        return self._scanner.end()

    def _count(self, finding: Finding) -> None:
        self.findings[finding.kind] += 1
