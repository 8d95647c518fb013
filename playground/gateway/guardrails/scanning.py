"""Cut a growing text into chains that can be judged on their own.

A chain begins at a word that hints at an entity and ends at the first white space over which
nothing in it can go on: a phone number goes on over a space before a digit, ``password:`` over
any, other words over none. Where chains begin and end depends on the text alone, not on the
pieces in which it came, so that a stream and its whole text come out the same.
"""

from collections.abc import Callable, Collection

from playground.core.recognising import Recognised, recognise
from playground.gateway.guardrails.gaps import BREAK, LAST_BREAK, NUMBER, plan
from playground.gateway.guardrails.kinds import Entity, Finding, label

WINDOW = 2048
"""Characters of one chain that are judged together, and the most that is ever held back."""
HOLD = 1024
"""Characters at the end of a full window that wait for what follows.

No entity is longer, save those that are then dropped up to their last character.
"""
NUMBERS = 96
"""Characters of digit groups after which the first half is judged; a card or IBAN has 42."""
_CARRY = 64


class Scanner:
    """Take text piece by piece and give back what is decided, entities replaced.

    Args:
        kinds: what to replace.
        note: called with each finding; offsets count from the first character fed.
    """

    def __init__(self, kinds: Collection[Entity], *, note: Callable[[Finding], None]) -> None:
        self._plan = plan(frozenset(kinds))
        self._note = note
        self._reset()

    def _reset(self) -> None:
        self._text = ""
        self._offset = 0
        self._hinted = False
        self._seen = 0
        self._dropping: Recognised | None = None

    def feed(self, text: str) -> str:
        """Take the next piece and return what is decided by now."""
        if len(text) > WINDOW:
            return "".join(self.feed(text[at : at + WINDOW]) for at in range(0, len(text), WINDOW))
        text = self._text + text
        if self._hinted or self._dropping or len(text) >= WINDOW or self._plan.hint.search(text):
            self._text = text
            return self._advance()
        found = LAST_BREAK.match(text)
        cut = found.end() if found else 0
        self._text = text[cut:]
        self._offset += cut
        return text[:cut]

    def end(self) -> str:
        """Return the rest, and start over."""
        out: list[str] = []
        while self._text:
            if self._dropping:
                self._drop(final=True)
            else:
                self._judge(len(self._text), 0, out)
        if self._dropping:
            self._dropped()
        self._reset()
        return "".join(out)

    def _advance(self) -> str:
        out: list[str] = []
        while self._text:
            if self._dropping:
                if not self._drop():
                    break
                continue
            if not self._hinted:
                self._pass_harmless(out)
            end, keep = self._chain_end() if self._hinted else (0, 0)
            if not end:
                break
            self._judge(end, keep, out)
        return "".join(out)

    def _take(self, count: int) -> None:
        self._text = self._text[count:]
        self._offset += count
        self._seen = max(0, self._seen - count)

    def _pass_harmless(self, out: list[str]) -> None:
        """Let out all words before the first that hints at something, or outgrows the window."""
        hint = self._plan.hint.search(self._text)
        found = LAST_BREAK.match(self._text, 0, hint.start() if hint else len(self._text))
        if found:
            out.append(found.group())
            self._take(found.end())
        self._hinted = hint is not None or len(self._text) >= WINDOW

    def _chain_end(self) -> tuple[int, int]:
        """Return up to where the chain can be judged, 0 if nowhere yet, and how much to keep."""
        text = self._text
        while found := BREAK.search(text, self._seen, WINDOW):
            at = found.end()
            gap = self._plan.goes_on(text, at)
            if gap is None:
                # A break that is no white space is no part of the chain.
                return (at if text[at - 1].isspace() else found.start() or at), 0
            if at == len(text):
                self._seen = found.start()
                return 0, 0
            self._seen = at
            if gap is NUMBER and at >= NUMBERS:
                return at, NUMBERS // 2
        self._seen = min(len(text), WINDOW)
        return (WINDOW, HOLD) if len(text) >= WINDOW else (0, 0)

    def _judge(self, end: int, keep: int, out: list[str]) -> None:
        """Let out the text up to ``end``, less about ``keep`` characters, entities replaced."""
        text = self._text[:end]
        cut = end - keep
        if keep and (space := LAST_BREAK.match(text, 0, cut)):
            cut = space.end()
        done = 0
        for found in recognise(text, self._plan.kinds):
            if found.context >= cut:
                break
            out += (text[done : found.start], label(Entity(found.kind)))
            done = found.end
            is_key = found.kind == Entity.PRIVATE_KEY
            if found.rest and (keep or is_key):
                self._dropping = found._replace(start=self._offset + found.start)
                self._hinted = False
                self._take(max(found.start, end - _CARRY) if is_key else end)
                return
            self._found(found, self._offset + found.start, self._offset + found.end)
        cut = max(cut, done)
        out.append(text[done:cut])
        self._hinted = bool(keep)
        self._take(cut)

    def _drop(self, *, final: bool = False) -> bool:
        """Drop what still belongs to an entity; tell whether its end was seen."""
        assert self._dropping is not None
        is_key = self._dropping.kind == Entity.PRIVATE_KEY
        rest = self._dropping.rest
        assert rest is not None
        match = rest.search(self._text) if is_key else rest.match(self._text)
        if match is None or (match.end() == len(self._text) and not is_key):
            kept = _CARRY if is_key and not final else 0
            self._take(max(0, len(self._text) - kept))
            return False
        self._take(match.end())
        self._dropped()
        return True

    def _dropped(self) -> None:
        if self._dropping:
            self._found(self._dropping, self._dropping.start, self._offset)
        self._dropping = None

    def _found(self, found: Recognised, start: int, end: int) -> None:
        self._note(Finding(Entity(found.kind), start, end))
