"""Management commands of one stack, each in a fork of a process that has imported everything.

``python -m tests.managing`` reads a JSON list of arguments a line, and answers each with a line:
the exit status, what was printed, and what went to stderr.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

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

    def run(self, arguments: tuple[str, ...]) -> tuple[int, str, str]:
        """Return the exit status, what was printed, and what went to stderr."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{json.dumps(arguments)}\n")
        self.process.stdin.flush()
        status, printed, complained = json.loads(self.process.stdout.readline())
        return status, printed, complained

    def end(self) -> None:
        """End it, and wait for its end."""
        with contextlib.suppress(BrokenPipeError):
            self.process.communicate(timeout=30)


def main() -> None:
    """Serve until nobody asks any more."""
    import django

    django.setup()
    for line in sys.stdin:
        with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as complained:
            child = os.fork()
            if child == 0:
                _work(json.loads(line), printed.fileno(), complained.fileno())
            _, status = os.waitpid(child, 0)
            said = [_all_of(each) for each in (printed, complained)]
        print(json.dumps([os.waitstatus_to_exitcode(status), *said]), flush=True)


def _all_of(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode()


def _work(arguments: list[str], out: int, err: int) -> None:
    """Run one command in this process and leave it, as ``manage.py`` does."""
    from django.core.management import execute_from_command_line

    os.dup2(out, 1)
    os.dup2(err, 2)
    try:
        execute_from_command_line(["manage.py", *arguments])
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
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
