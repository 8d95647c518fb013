"""Remember the processes of this data folder, and end those that an earlier start left behind.

Linux ends them by itself when the supervisor is killed; elsewhere this is what does it.
"""

import contextlib
import json
from collections.abc import Iterable
from pathlib import Path

import psutil


def remember(path: Path, pids: Iterable[int]) -> None:
    """Write down the processes, with their start times: process ids are used again."""
    known = {}
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            known[str(pid)] = psutil.Process(pid).create_time()
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(known))
    fresh.replace(path)


def end(path: Path, *, patience_s: float = 10) -> int:
    """End every process written down that still runs, and return how many there were."""
    try:
        known: dict[str, float] = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return 0
    running = []
    for pid, started in known.items():
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(int(pid))
            if abs(process.create_time() - started) < 1 and process.status() != "zombie":
                process.terminate()
                running.append(process)
    _, stubborn = psutil.wait_procs(running, timeout=patience_s)
    for process in stubborn:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=patience_s)
    path.unlink(missing_ok=True)
    return len(running)
