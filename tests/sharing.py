"""Which files of a run share a process: those with the same Playground, else each is for itself."""

import re
from functools import cache
from pathlib import Path

from xdist.scheduler import LoadFileScheduling

from tests.managing import ROOT

# ``owner`` is signed in there; a file with a fixture of that name has a stack of its own.
_USES = re.compile(r"\b(live_stack: Stack|owner: BrowserContext)\b")
_OWN = "def live_stack("


class SharedStack(LoadFileScheduling):
    """Keep the tests of a file together, and the files that use the session's Playground."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return "live_stack" if _shares(ROOT / file) else file


@cache
def _shares(file: Path) -> bool:
    text = file.read_text()
    return _OWN not in text and _USES.search(text) is not None
