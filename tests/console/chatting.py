"""Chats that go on while a test does something else: threads over the API, a letter in each."""

import itertools
import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.stack import Stack

FEW = 3
ENDED_WITHIN_S = 90
_ENDED = frozenset(("succeeded", "failed", "cancelled", "dead"))


@dataclass(frozen=True, slots=True)
class Letter:
    """What one message came to; ``told`` is what the run keeps of the letter's prompt."""

    thread: str
    run: dict[str, Any]
    told: dict[str, Any]

    @property
    def version(self) -> int:
        """Return the version that the letter was written with."""
        return int(self.told["version"])


@dataclass
class Chats:
    """Chats of one team; ``letters`` are in the order in which they were asked for."""

    stack: Stack
    key: str
    letters: list[Letter] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)
    _candidates: Iterator[int] = field(default_factory=lambda: itertools.count(40))
    _together: threading.Lock = field(default_factory=threading.Lock)

    def call(self, path: str, body: Any = None) -> Any:
        """Ask the API; a body makes it a POST."""
        request = urllib.request.Request(
            f"{self.stack.base}/api/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def letter(self, thread: str | None = None) -> Letter:
        """Ask the assistant for a letter, in a thread of its own where none is named."""
        if thread is None:
            thread = self.call("threads", {"agent": "hiring-assistant"})["id"]
        with self._together:
            whom = next(self._candidates)
        said = {"content": f"Draft an outreach to candidate {whom}"}
        run = self._ended(self.call(f"threads/{thread}/messages", said)["run_id"])
        noted = run["why"].get("skill_prompts")
        assert noted, f"the run used no prompt: {run}"
        return Letter(thread, run, noted[-1])

    def _ended(self, run_id: str) -> dict[str, Any]:
        deadline = time.monotonic() + ENDED_WITHIN_S
        while (run := self.call(f"runs/{run_id}"))["status"] not in _ENDED:
            assert time.monotonic() < deadline, f"the run does not end: {run}"
            time.sleep(0.2)
        return dict(run)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Keep a few chats going in the block: every other message goes on with an earlier one."""
        enough = threading.Event()

        def chat() -> None:
            threads: list[str] = []
            try:
                for turn in itertools.count():
                    if enough.is_set():
                        return
                    # Oldest first, so that all of them are asked again as a ramp grows.
                    old = threads.pop(0) if turn % 2 and threads else None
                    letter = self.letter(old)
                    threads.append(letter.thread)
                    self.letters.append(letter)
            except BaseException as error:
                self.failures.append(error)

        chatting = [threading.Thread(target=chat, daemon=True) for _ in range(FEW)]
        for each in chatting:
            each.start()
        try:
            yield
        finally:
            enough.set()
            for each in chatting:
                each.join(ENDED_WITHIN_S)
        assert not self.failures, self.failures

    def moved_back(self) -> list[str]:
        """Return the threads in which a later letter was written with an older version."""
        newest: dict[str, int] = {}
        moved = []
        for letter in self.letters:
            if letter.version < newest.get(letter.thread, 0):
                moved.append(letter.thread)
            newest[letter.thread] = letter.version
        return moved
