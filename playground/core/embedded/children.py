"""A child process that is started again when it dies, ever more slowly when it keeps dying."""

import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
# A child that ran this long was well: its next death begins a new count.
WELL_AFTER_S = 60.0


def pause_s(deaths: int) -> float:
    """Return how long to wait before the start after so many deaths in a row."""
    return float(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** max(0, deaths - 1)))


@dataclass
class Child:
    """One supervised process.

    Attributes:
        stop_with: asks it to end; after ``patience_s`` it is killed.
        deaths: how often in a row it died soon after its start.
    """

    name: str
    start: Callable[[], "subprocess.Popen[bytes]"]
    stop_with: signal.Signals = signal.SIGTERM
    patience_s: float = 10.0
    process: "subprocess.Popen[bytes] | None" = None
    deaths: int = 0
    started_at: float = 0.0
    due_at: float | None = field(default=None)

    def launch(self) -> "subprocess.Popen[bytes]":
        """Start the process."""
        self.process = self.start()
        self.started_at = time.monotonic()
        self.due_at = None
        return self.process

    def look_after(self, say: Callable[[str], None]) -> bool:
        """Notice a death, start again when it is time, and say both. True: it was started."""
        if self.due_at is not None:
            if time.monotonic() < self.due_at:
                return False
            self.launch()
            say(f"{self.name} started again")
            return True
        if self.process is None or (code := self.process.poll()) is None:
            return False
        lived_s = time.monotonic() - self.started_at
        self.deaths = 1 if lived_s >= WELL_AFTER_S else self.deaths + 1
        wait_s = pause_s(self.deaths)
        self.due_at = time.monotonic() + wait_s
        say(f"{self.name} ended ({_meaning(code)}), starting it again in {wait_s:g} s")
        return False

    def ask_to_stop(self) -> None:
        """Send the stop signal, and start it no more."""
        self.due_at = None
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(self.stop_with)

    def wait_stopped(self, *, until: float) -> None:
        """Wait for the end, on the monotonic clock, then kill."""
        if self.process is None:
            return
        try:
            self.process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _meaning(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
