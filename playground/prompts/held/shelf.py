"""Keep what was used last, up to a number of things and a weight. Pure: imports no Django."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Shelf(Generic[K, V]):
    """A dictionary for many threads that forgets what was not used for longest."""

    def __init__(self, *, things: int, weight: int = 0) -> None:
        """Make room for so many things of so much weight together; no weight is no limit."""
        self._things, self._weight = things, weight
        self._kept: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._weighs = 0
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        """Return what is kept under the key, as used last."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                return None
            self._kept.move_to_end(key)
            return kept[0]

    def put(self, key: K, value: V, *, weight: int = 0) -> None:
        """Keep it, and forget what there is no room for; the newest always stays."""
        with self._lock:
            self._take(key)
            self._kept[key] = value, weight
            self._weighs += weight
            while len(self._kept) > 1 and (
                len(self._kept) > self._things or self._weighs > self._weight > 0
            ):
                self._take(next(iter(self._kept)))

    def drop(self, key: K, value: V) -> None:
        """Forget it, unless something else is kept there by now."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and kept[0] is value:
                self._take(key)

    def items(self) -> list[tuple[K, V]]:
        """Return what is kept now."""
        with self._lock:
            return [(key, value) for key, (value, _) in self._kept.items()]

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()
            self._weighs = 0

    def _take(self, key: K) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._weighs -= kept[1]
