"""Every stable code that the source can raise is documented, with its status, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from playground.core import errors
from playground.messaging.events import LaneEvent

ROOT = Path(__file__).parents[2]
_KINDS = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.PlaygroundError)
}
_CODE = re.compile(r"[a-z]+(-[a-z]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)?")
# Framed by what Django or HTTP say, so that no line of the source spells them out.
_COMPUTED = {"http.405"}


def _trees() -> Iterator[ast.Module]:
    for room in ("playground", "skills", "agents"):
        for module in (ROOT / room).rglob("*.py"):
            if "migrations" not in module.parts:
                yield ast.parse(module.read_text())


def _raised() -> Iterator[tuple[str, int]]:
    """Yield each code with its status, where both are written at the place that raises."""
    for tree in _trees():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            kind = _KINDS.get(getattr(node.func, "id", getattr(node.func, "attr", "")))
            code = node.args[0]
            if kind is None or not isinstance(code, ast.Constant):
                continue
            status = {each.arg: each.value for each in node.keywords}.get("http_status")
            if status is None:
                yield str(code.value), kind.http_status
            elif isinstance(status, ast.Constant) and isinstance(status.value, int):
                yield str(code.value), status.value


def _spelled() -> set[str]:
    """Return every string of the source that has the form of a code."""
    return {
        node.value
        for tree in _trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and _CODE.fullmatch(node.value)
    }


def _documented() -> dict[str, str]:
    text = (ROOT / "docs/errors.md").read_text()
    rows = re.findall(r"^\| (`[^|]*) \| ([^|]*) \|", text, re.MULTILINE)
    return {code: status for codes, status in rows for code in re.findall(r"`([^`]+)`", codes)}


def _event_types() -> set[str]:
    return {kind.model_fields["type"].default for kind in get_args(get_args(LaneEvent)[0])}


def test_it_documents_every_code_when_the_source_raises_it():
    assert {code for code, _ in _raised()} - set(_documented()) == set()


def test_it_documents_a_code_when_the_source_carries_it_in_a_variable():
    documented = _documented()
    families = {code.split(".")[0] for code in documented if "." in code} - {"hiring", "http"}
    others = _event_types() | {"math.calculate", "time.today", "policy.team", "auth.group"}
    alike = {code for code in _spelled() if "." in code and code.split(".")[0] in families}

    assert alike - set(documented) - others == set()


def test_it_documents_no_code_when_the_source_does_not_know_it():
    assert set(_documented()) - _spelled() - _COMPUTED == set()


def test_it_documents_the_status_when_a_code_has_one():
    documented = _documented()
    wrong = {
        (code, status, documented[code])
        for code, status in _raised()
        if documented.get(code, "–") not in {"–", str(status)}
    }

    assert wrong == set()
