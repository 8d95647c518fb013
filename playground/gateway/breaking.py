"""Stop asking who keeps failing: a circuit breaker for each model.

Kept in each process, as what a process sees itself is the quickest evidence; the probes of
``health`` are what all processes share.
Source: M. Nygard, "Release It!", 2nd edition, chapter 5.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

FAILURES = 5
WITHIN_S = 30.0
OPEN_S = 5.0
LONGEST_S = 60.0
# Callers may name models as they like; of those that failed so many are remembered.
MOST = 1024


@dataclass
class _Circuit:
    failures: int = 0
    since: float = 0.0
    open_until: float = 0.0
    open_s: float = OPEN_S
    tried_at: float | None = None
    trial: int = 0


class Breaker:
    """Open a circuit after ``FAILURES`` in a row; then let one call through every now and then.

    The pause doubles while those fail, up to ``LONGEST_S``. Calls that were under way when the
    circuit opened tell nothing new when they fail.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._circuits: dict[str, _Circuit] = {}

    def waits_s(self, name: str) -> float:
        """Return how long nothing should be sent there, 0 where something may be."""
        with self._lock:
            circuit = self._circuits.get(name)
            if circuit is None or not circuit.open_until:
                return 0.0
            left = circuit.open_until - self._clock()
            if left > 0:
                return left
            # Of the calls that come after the pause one tries, the others wait for its end; one
            # that is never heard of again must not keep them waiting for ever.
            tried_at = circuit.tried_at
            trying = tried_at is not None and self._clock() - tried_at < LONGEST_S
            return 1.0 if trying else 0.0

    def begin(self, name: str) -> int:
        """Note that a call is sent; after a pause it is the one that tries, and gets its number."""
        with self._lock:
            circuit = self._circuits.get(name)
            if circuit is None or not circuit.open_until:
                return 0
            circuit.tried_at = self._clock()
            circuit.trial += 1
            return circuit.trial

    def answers(self, name: str) -> None:
        """Close the circuit, as an answer begins; should that break off, it opens again at once."""
        with self._lock:
            circuit = self._circuits.get(name)
            if circuit is not None and circuit.open_until:
                circuit.open_until, circuit.tried_at = 0.0, None
                circuit.failures, circuit.since = FAILURES - 1, self._clock()

    def succeeded(self, name: str) -> None:
        """Forget the failures: an answer came to its end."""
        with self._lock:
            self._circuits.pop(name, None)

    def failed(self, name: str, trial: int = 0) -> None:
        """Count a failure; old ones are forgotten. ``trial`` is what ``begin`` gave."""
        with self._lock:
            now = self._clock()
            circuit = self._circuits.get(name) or self._new(name, now)
            if circuit.open_until:
                if circuit.tried_at is not None and trial == circuit.trial:
                    circuit.tried_at = None
                    circuit.open_s = min(circuit.open_s * 2, LONGEST_S)
                    circuit.open_until = now + circuit.open_s
                return
            if now - circuit.since > WITHIN_S:
                circuit.failures, circuit.since = 0, now
            circuit.failures += 1
            if circuit.failures >= FAILURES:
                circuit.open_until = now + circuit.open_s

    def _new(self, name: str, now: float) -> _Circuit:
        if len(self._circuits) >= MOST:
            # The oldest: what fails all the time has an open circuit and comes back.
            del self._circuits[next(iter(self._circuits))]
        circuit = self._circuits[name] = _Circuit(since=now)
        return circuit

    def left(self, name: str, trial: int = 0) -> None:
        """Note that a call was left before it told anything."""
        with self._lock:
            circuit = self._circuits.get(name)
            if circuit is not None and trial == circuit.trial:
                circuit.tried_at = None

    def reset(self) -> None:
        """Forget everything."""
        with self._lock:
            self._circuits.clear()


breaker = Breaker()
