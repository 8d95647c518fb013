"""The documents hold what they promise: links lead somewhere, commands run."""

import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.stack import Stack

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_it_links_only_to_what_exists(document: Path) -> None:
    text = document.read_text()

    targets = [match.group(1) for match in LINK.finditer(text)]

    assert [t for t in targets if not (document.parent / t).exists()] == []


def test_it_calls_the_gateway_as_written(live_stack: Stack) -> None:
    blocks = BLOCK.findall((ROOT / "docs/gateway.md").read_text())
    shell = "\n".join(code for language, code in blocks if language == "bash")
    program = next(code for language, code in blocks if language == "python")
    key = live_stack.manage("create_api_key", "--user", "ana", "--team", "hiring").split()[-1]
    environment = os.environ | {"BASE": live_stack.base, "KEY": key}

    called = subprocess.run(
        ["bash", "-euc", shell], env=environment, capture_output=True, text=True, check=True
    )
    streamed = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )

    assert "offline/planner" in called.stdout
    assert "chat.completion" in called.stdout
    assert "rule" in streamed.stdout


def test_it_takes_prompts_as_written(live_stack: Stack) -> None:
    blocks = BLOCK.findall((ROOT / "docs/client.md").read_text())
    shell = "\n".join(code for language, code in blocks if language == "bash")
    program = next(code for language, code in blocks if language == "python")
    key = live_stack.manage("create_api_key", "--user", "ana", "--team", "hiring").split()[-1]
    environment = os.environ | {"BASE": live_stack.base, "KEY": key, "PYTHONPATH": str(ROOT)}

    called = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    # Once a second it is told who holds what.
    until = time.monotonic() + 20
    while True:
        asked = subprocess.run(
            ["bash", "-euc", shell], env=environment, capture_output=True, text=True, check=True
        )
        if '"process": "web@' in asked.stdout or time.monotonic() > until:
            break

    assert '"reason":"label production"' in asked.stdout
    assert "Your work on compilers at Example caught my eye." in asked.stdout
    assert '"process": "web@' in asked.stdout
    assert "1 label production" in called.stdout
    assert "your work on compilers at Example made me stop" in called.stdout
    assert "prompt.label-unknown" in called.stdout


def test_it_runs_the_api_tour_as_written(live_stack: Stack) -> None:
    blocks = BLOCK.findall((ROOT / "docs/api.md").read_text())
    shell = "\n".join(code for language, code in blocks if language == "bash")
    program = next(code for language, code in blocks if language == "python")
    # No pipefail: leaving the event stream early is how one stops following it.
    script = f"set -eu\n{shell}\nexport BASE KEY THREAD\n.venv/bin/python -c '{program}'"

    done = subprocess.run(
        ["bash", "-c", script.replace(".venv/bin/python", shlex.quote(sys.executable))],
        cwd=ROOT,
        env=os.environ | live_stack.environment | {"BASE": live_stack.base},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "run.ended" in done.stdout
    assert '"status": "succeeded"' in done.stdout


def test_it_carries_prompts_as_written(live_stack: Stack, tmp_path: Path) -> None:
    blocks = BLOCK.findall((ROOT / "docs/prompts-files.md").read_text())
    shell = "\n".join(code for _, code in blocks)
    live_stack.manage("create_api_key", "--user", "ana", "--team", "hiring")

    done = subprocess.run(
        ["bash", "-euc", shell.replace(".venv/bin/python", shlex.quote(sys.executable))],
        cwd=ROOT,
        env=os.environ | live_stack.environment | {"DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "created hiring/greeting (version 1)" in done.stdout
    assert "lost: tool web_search" in done.stdout
    assert list(tmp_path.glob("hiring/*.prompt")) != []


@pytest.mark.timeout(600)
def test_it_takes_the_tour_of_a_prompt_as_written(live_stack: Stack, tmp_path: Path) -> None:
    blocks = BLOCK.findall((ROOT / "docs/prompt-tour.md").read_text())
    shell = "\n".join(code for language, code in blocks if language == "bash")
    key = live_stack.manage("create_api_key", "--user", "hugo", "--team", "hiring").split()[-1]

    done = subprocess.run(
        ["bash", "-euc", shell.replace(".venv/bin/python", shlex.quote(sys.executable))],
        cwd=tmp_path,
        env=os.environ | {"BASE": live_stack.base, "KEY": key},
        capture_output=True,
        text=True,
        timeout=110,
    )

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "A colleague of mine named you" in done.stdout
    assert '"ref": "hiring/outreach@2"' in done.stdout
    assert "'skill_prompts': [{" in done.stdout
    assert '"state": "rolled_back"' in done.stdout


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("prompts", ("A warm welcome to Ada.", '"status": "open"')),
        (
            "ramps",
            (
                '"minutes": 100',
                '"revision": 2',
                '"state": "running"',
                "20 %",
                "rule 2: app is version 2.10 or newer",
                '"state": "rolled_back"',
            ),
        ),
    ],
)
def test_it_works_with_prompts_as_written(
    live_stack: Stack, document: str, said: tuple[str, ...]
) -> None:
    blocks = BLOCK.findall((ROOT / f"docs/{document}.md").read_text())
    shell = "\n".join(code for language, code in blocks if language == "bash")
    key = live_stack.manage("create_api_key", "--user", "pia", "--team", "hiring").split()[-1]
    environment = os.environ | {"BASE": live_stack.base, "KEY": key}

    done = subprocess.run(
        ["bash", "-euc", shell.replace(".venv/bin/python", shlex.quote(sys.executable))],
        env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert [each for each in said if each not in done.stdout] == []
