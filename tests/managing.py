"""Management commands of one stack, each in a fork of a process that has imported everything.

``python -m tests.managing`` reads a JSON list of arguments a line, and answers each with a line:
the exit status and all that was printed.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]


class Commands:
    """Run commands in one environment; the first waits for the imports, the others do not."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.managing"],
            cwd=ROOT,
            env={**environment, "DJANGO_SETTINGS_MODULE": "playground.settings"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, arguments: tuple[str, ...]) -> tuple[int, str]:
        """Return the exit status and what was printed."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{json.dumps(arguments)}\n")
        self.process.stdin.flush()
        status, printed = json.loads(self.process.stdout.readline())
        return status, printed

    def end(self) -> None:
        """End it, and wait for its end."""
        with contextlib.suppress(BrokenPipeError):
            self.process.communicate(timeout=30)


def main() -> None:
    """Serve until nobody asks any more."""
    import django

    django.setup()
    for line in sys.stdin:
        with tempfile.TemporaryFile() as printed:
            child = os.fork()
            if child == 0:
                _work(json.loads(line), printed.fileno())
            _, status = os.waitpid(child, 0)
            printed.seek(0)
            said = printed.read().decode()
        print(json.dumps([os.waitstatus_to_exitcode(status), said]), flush=True)


def _work(arguments: list[str], into: int) -> None:
    """Run one command in this process and leave it, as ``manage.py`` does."""
    from django.core.management import execute_from_command_line

    os.dup2(into, 1)
    os.dup2(into, 2)
    try:
        execute_from_command_line(["manage.py", *arguments])
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code)
        _leave(end.code if isinstance(end.code, int) else bool(end.code))
    except BaseException:
        import traceback

        traceback.print_exc()
        _leave(1)
    _leave(0)


def _leave(status: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
