"""Every stable code that the source can raise is documented."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from playground.core import errors

ROOT = Path(__file__).parents[2]
_KINDS = {
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.PlaygroundError)
}


def _raised() -> Iterator[str]:
    for room in ("playground", "skills", "agents"):
        for module in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(module.read_text())):
                if not isinstance(node, ast.Call) or not node.args:
                    continue
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                code = node.args[0]
                if name in _KINDS and isinstance(code, ast.Constant):
                    yield str(code.value)


def _documented() -> set[str]:
    rows = re.findall(r"^\| (`[^|]*) \|", (ROOT / "docs/errors.md").read_text(), re.MULTILINE)
    return {code for row in rows for code in re.findall(r"`([^`]+)`", row)}


def test_it_documents_every_code_when_the_source_raises_it():
    assert set(_raised()) - _documented() == set()
