"""One lane as the sockets of this process follow it: events encoded once, text pieced together.

Pure but for orjson: the hub feeds it, subscribers read from it.
"""

import asyncio
import itertools
import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import orjson

from playground.messaging.reading import Partial

TAIL = 512
MAX_DELTAS = 256
MAX_EARLY = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """One event, decoded for those who render it and encoded for everybody."""

    seq: int
    event: dict[str, Any]
    frame: str
    item: str


@dataclass(slots=True)
class Text:
    """What this process knows of an answer that is being written.

    Attributes:
        early: pieces that came while something before them was missing.
    """

    attempt: int
    base: int
    text: str = ""
    early: list[tuple[int, str]] = field(default_factory=list)

    def is_older_than(self, attempt: int, base: int) -> bool:
        """Tell whether the given place begins another answer, after this one."""
        return (self.attempt, self.base) < (attempt, base)

    def take(self, offset: int, piece: str) -> str | None:
        """Add a piece; return what of it is new, or None where something before it is missing."""
        if offset > len(self.text):
            if len(self.early) < MAX_EARLY:
                self.early.append((offset, piece))
            return None
        fresh = piece[len(self.text) - offset :]
        self.text += fresh
        return fresh

    def continued_from(self, stored: str) -> "Text":
        """Return the text that the stored one and the early pieces make together."""
        joined = Text(self.attempt, self.base, stored)
        for offset, piece in self.early:
            joined.take(offset, piece)
        return joined


@dataclass(eq=False, slots=True)
class Subscriber:
    """One socket's place: a bounded queue, and whether it must be shown whole texts again.

    Whoever reads too slowly loses deltas, gets a snapshot instead, and holds up nobody.
    """

    html: bool = False
    deltas: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_DELTAS))
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    wants_snapshots: bool = True
    reset: bool = False

    def offer(self, frame: str) -> None:
        """Queue a delta, or note that a snapshot must stand for it."""
        if self.wants_snapshots:
            return
        if len(self.deltas) == MAX_DELTAS:
            self.deltas.clear()
            self.wants_snapshots = True
        else:
            self.deltas.append(frame)
        self.wake.set()


class Feed:
    """A lane's newest events and the answers being written in it.

    Attributes:
        head: number of the newest event known here.
        texts: by run id.
        rough: a piece is missing, so the stored text must be read again.
        asked: something came while the log was being read.
    """

    def __init__(self, lane_id: uuid.UUID, *, head: int, stream_epoch: str) -> None:
        self.lane_id = lane_id
        self.head = head
        self.stream_epoch = stream_epoch
        self.tail: deque[Entry] = deque(maxlen=TAIL)
        self.texts: dict[str, Text] = {}
        self.subscribers: set[Subscriber] = set()
        self.rough = False
        self.asked = False
        self._ended: deque[str] = deque(maxlen=64)

    def extend(self, rows: list[tuple[int, dict[str, Any]]]) -> None:
        """Add the events that follow the head, and wake everybody."""
        for seq, event in rows:
            if seq <= self.head:
                continue
            self.tail.append(entry(seq, event))
            self.head = seq
            self._note(event)
        self.wake()

    def after(self, seq: int) -> list[Entry] | None:
        """Return the events that follow a number; None where the log itself must be read."""
        if seq >= self.head:
            return []
        if not self.tail or self.tail[0].seq > seq + 1:
            return None
        return list(itertools.islice(self.tail, seq + 1 - self.tail[0].seq, None))

    def piece(self, delta: dict[str, Any]) -> None:
        """Take a piece of an answer from the wire and pass on what of it is new."""
        run, attempt, base = str(delta["run"]), int(delta["attempt"]), int(delta["base"])
        if run in self._ended:
            return
        known = self.texts.get(run)
        if known is None or known.is_older_than(attempt, base):
            emptied = known is not None and bool(known.text)
            known = self.texts[run] = Text(attempt, base)
            if emptied:
                self.show_again()
        if (known.attempt, known.base) != (attempt, base):
            return
        offset = len(known.text)
        fresh = known.take(int(delta["offset"]), str(delta["text"]))
        if fresh is None:
            self.rough = True
        elif fresh:
            frame = {"type": "delta", "run_id": run, "attempt": attempt}
            encoded = orjson.dumps({**frame, "offset": offset, "text": fresh}).decode()
            for subscriber in self.subscribers:
                subscriber.offer(encoded)

    def settle(self, stored: list[Partial]) -> None:
        """Take over what is stored of the answers, where it goes further than what is known."""
        self.rough = False
        changed = False
        for partial in stored:
            known = self.texts.get(partial.run_id)
            mine = (known.attempt, known.base, len(known.text)) if known else (0, 0, 0)
            place = (partial.attempt, partial.base)
            if (*place, len(partial.text)) > mine:
                before = known if known and mine[:2] == place else Text(*place)
                known = self.texts[partial.run_id] = before.continued_from(partial.text)
                changed = True
            if known is not None and known.early:
                # Not saved yet; it will be within half a second.
                self.rough = True
        if changed:
            self.show_again()

    def restart(self, *, head: int, stream_epoch: str) -> None:
        """Forget everything: the log is another one now."""
        self.head, self.stream_epoch = head, stream_epoch
        self.tail.clear()
        self.texts.clear()
        for subscriber in self.subscribers:
            subscriber.reset = True
        self.show_again()

    def show_again(self) -> None:
        """Give everybody whole texts in place of what is queued."""
        for subscriber in self.subscribers:
            subscriber.deltas.clear()
            subscriber.wants_snapshots = True
        self.wake()

    def wake(self) -> None:
        """Let every subscriber look."""
        for subscriber in self.subscribers:
            subscriber.wake.set()

    def _note(self, event: dict[str, Any]) -> None:
        run = event.get("run_id")
        known = self.texts.get(str(run)) if run else None
        match event["type"]:
            case "message.created" if known is not None and event["role"] == "assistant":
                # The answer stands in the log now. Late pieces of it are older than this place.
                known.base += len(known.text)
                known.text = ""
            case "run.started" if known is not None and known.attempt < event["attempt"]:
                self.texts[str(run)] = Text(event["attempt"], 0)
            case "run.queued" if str(run) in self._ended:
                self._ended.remove(str(run))
            case "run.ended":
                self.texts.pop(str(run), None)
                self._ended.append(str(run))


def entry(seq: int, event: dict[str, Any]) -> Entry:
    """Encode an event for sockets and for the log's readers."""
    frame = orjson.dumps({"type": "event", "seq": seq, "event": event}).decode()
    return Entry(seq, event, frame, orjson.dumps({"seq": seq, **event}).decode())
