"""Write and read front matter: the part of YAML that JSON can say, the same both ways. Pure.

Source: the core schema of https://yaml.org/spec/1.2.2/. PyYAML's own is that of YAML 1.1, where
``no`` is false and ``2026-11-28`` no text.
"""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from playground.prompts.files.placing import FRAGILE, refuse

_SCALARS: list[tuple[str, str, list[str]]] = [
    ("tag:yaml.org,2002:null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("tag:yaml.org,2002:bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("tag:yaml.org,2002:int", r"[-+]?[0-9]+", list("-+0123456789")),
    (
        "tag:yaml.org,2002:float",
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?",
        list("-+.0123456789"),
    ),
]


class _Loader(yaml.SafeLoader):
    """Read what JSON can say: no tags, no aliases (a few lines grow without bound), no doubles."""

    yaml_implicit_resolvers: dict[str, Any] = {}

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent) or getattr(event, "tag", None):
            raise yaml.MarkedYAMLError(
                problem="aliases and tags are not read here", problem_mark=event.start_mark
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag != "tag:yaml.org,2002:str":
                raise yaml.MarkedYAMLError(problem="keys are text", problem_mark=key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"{key.value!r} is said twice", problem_mark=key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_int(self, node: Any) -> int:
        # YAML 1.1 reads 010 as eight.
        return int(node.value)

    def flatten_mapping(self, node: Any) -> None:
        """Leave ``<<`` alone: it is a key like others."""


class _Dumper(yaml.SafeDumper):
    yaml_implicit_resolvers: dict[str, Any] = {}

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None
    if FRAGILE.search(text):
        style = '"'
    elif "\n" in text.rstrip("\n") and not text.startswith((" ", "\n", "\t")):
        # Several lines stay several lines, so that a diff shows the one that changed.
        style = "|"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


for _tag, _pattern, _first in _SCALARS:
    for _kind in (_Loader, _Dumper):
        _kind.add_implicit_resolver(_tag, re.compile(rf"(?:{_pattern})\Z"), _first)
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_int)
_Dumper.add_representer(str, _text)


def write_front_matter(values: Mapping[str, Any]) -> str:
    """Return YAML, a line for each thing that can change."""
    return yaml.dump(
        dict(values),
        Dumper=_Dumper,
        allow_unicode=True,
        sort_keys=False,
        default_flow_style=False,
        width=float("inf"),
    )


def read_front_matter(text: str, *, path: str, line: int) -> dict[str, Any]:
    """Read YAML that begins on that line of a file.

    Raises:
        InvalidInput: ``prompt.file-invalid``
    """
    try:
        values = yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = (mark.line, mark.column) if mark else (0, 0)
        raise refuse(path, line + at[0], at[1] + 1, str(error.problem or error.context)) from None
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        column = len(before) - (before.rfind("\n") + 1) + 1
        raise refuse(path, line + before.count("\n"), column, str(error.reason)) from None
    except (RecursionError, ValueError) as error:
        detail = "it nests too deeply" if isinstance(error, RecursionError) else str(error)
        raise refuse(path, line, 1, detail) from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise refuse(path, line, 1, "front matter is a mapping of names to values")
    return values
