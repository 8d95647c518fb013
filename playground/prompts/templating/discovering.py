"""Discover what variables templates read, through fragments, as a JSON Schema. Pure.

A variable is required where it is read without a default and outside of a question whether it is
defined: the sandbox refuses what is undefined. Attributes make objects, loops make arrays; of what
is only written out nothing is known, so that any JSON value fits.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from jinja2 import nodes
from jinja2.idtracking import VAR_LOAD_UNDEFINED, Symbols

from playground.prompts.content import HISTORY, Content, Placeholder
from playground.prompts.templating.compiling import located, tree_of
from playground.prompts.templating.fragments import NOTHING, Includes
from playground.prompts.templating.metering import BudgetExceeded
from playground.prompts.templating.shapes import (
    MAYBE,
    PAIRS,
    UNSET,
    Expressions,
    Known,
    Scope,
    Shape,
)


def discover(content: Content, includes: Includes = NOTHING) -> dict[str, Any]:
    """Return the JSON Schema of the variables that a content reads.

    Raises:
        InvalidInput: a template does not parse, or there is too much to read.
    """
    root = Shape(keyed=True)
    reader = _Reader(root)
    lists: dict[str, bool] = {}
    for index, message in enumerate(content.messages):
        if isinstance(message, Placeholder):
            lists[message.name] = message.name != HISTORY
            continue
        tree = tree_of(message.template, message=index)
        try:
            reader.frame(tree.body, {}, frozenset(), includes)
        except (BudgetExceeded, RecursionError) as error:
            text = str(error) if isinstance(error, BudgetExceeded) else "it nests too deeply"
            raise located("prompt.limit", text, index, 1, 1) from error
    schema = {"type": "object", "properties": {}, **root.as_schema()}
    for name, required in lists.items():
        schema["properties"][name] = {"type": "array", "items": {"type": "object"}}
        if required and name not in schema.get("required", []):
            schema["required"] = sorted([*schema.get("required", []), name])
    return schema


def widened(declared: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema that somebody wrote with what was discovered and it does not name."""
    properties = dict(declared.get("properties") or {})
    missing = []
    for name, each in (found.get("properties") or {}).items():
        if name not in properties:
            properties[name] = each
            missing += [name] if name in found.get("required", ()) else []
        elif isinstance(properties[name], Mapping) and properties[name].get("properties"):
            properties[name] = widened(properties[name], each)
    if properties == (declared.get("properties") or {}):
        return dict(declared)
    required = sorted({*declared.get("required", ()), *missing})
    return {**declared, "properties": properties, **({"required": required} if required else {})}


class _Reader(Expressions):
    """Walk a syntax tree with the scopes that Jinja gives it."""

    def __init__(self, root: Shape) -> None:
        super().__init__(root)
        self.includes = NOTHING
        self.done: set[tuple[object, ...]] = set()
        self.later: frozenset[str] = frozenset()

    def frame(
        self,
        body: Iterable[nodes.Node],
        scope: Scope,
        known: Known,
        includes: Includes | None = None,
    ) -> None:
        """Read statements that have a scope of their own, which they may set names of."""
        outer, self.later = self.later, _set_later(body)
        self.read(body, scope, known, includes)
        self.later = outer

    def within(self, scope: Scope) -> Scope:
        """Return the scope of what has one of its own inside of this one."""
        return {**dict.fromkeys(self.later, UNSET), **scope}

    def read(
        self,
        body: Iterable[nodes.Node],
        scope: Scope,
        known: Known,
        includes: Includes | None = None,
    ) -> None:
        """Read statements in order; names they set are added to the scope.

        Args:
            includes: what these statements include, where it differs from those around them.
        """
        outer = self.includes
        self.includes = outer if includes is None else includes
        for node in body:
            self.count()
            self.statement(node, scope, known)
        self.includes = outer

    def statement(self, node: nodes.Node, scope: Scope, known: Known) -> None:
        match node:
            case nodes.For():
                self.loop(node, scope, known)
            case nodes.If():
                self.branch(node, scope, known)
            case nodes.Assign():
                self.bind(node.target, self.value(node.node, scope, known), scope)
            case nodes.AssignBlock():
                self.frame(node.body, self.within(scope), known)
                self.bind(node.target, None, scope)
            case nodes.Macro():
                scope[node.name] = None
                self.macro(node, scope, known)
            case nodes.CallBlock():
                self.value(node.call, scope, known)
                self.macro(node, scope, known)
            case nodes.With():
                inner = self.within(scope)
                for target, value in zip(node.targets, node.values, strict=True):
                    self.bind(target, self.value(value, scope, known), inner)
                self.frame(node.body, inner, known)
            case nodes.FilterBlock():
                self.value(node.filter, scope, known)
                self.frame(node.body, self.within(scope), known)
            case nodes.Include():
                self.included(node, dict(scope) if node.with_context else None, known)
            case nodes.Import():
                self.included(node, {} if node.with_context else None, known)
                scope[node.target] = None
            case nodes.FromImport():
                self.included(node, {} if node.with_context else None, known)
                for name in node.names:
                    scope[name if isinstance(name, str) else name[1]] = None
            case nodes.Expr():
                self.value(node, scope, known)
            case _:
                for child in node.iter_child_nodes():
                    self.statement(child, scope, known)

    def loop(self, node: nodes.For, scope: Scope, known: Known) -> None:
        inner = self.within(scope)
        if _pairs(node.iter):
            self.pairs(node.iter, scope, known)
            self.bind(node.target, None, inner)
        else:
            over = self.value(node.iter, scope, known)
            self.bind(node.target, over.item() if over is not None else None, inner)
        inner["loop"] = None
        if node.test is not None:
            self.value(node.test, inner, known)
        self.frame(node.body, inner, known)
        self.frame(node.else_, self.within(scope), known)

    def pairs(self, node: nodes.Node, scope: Scope, known: Known) -> None:
        source = node.node.node if isinstance(node, nodes.Call) else node.node  # type: ignore[attr-defined]
        value = self.value(source, scope, known)
        if value is not None:
            value.keyed = True

    def branch(self, node: nodes.If, scope: Scope, known: Known) -> None:
        self.value(node.test, scope, known)
        here = dict(scope)
        self.read(node.body, here, known | self.asked(node.test, scope, True))
        there = dict(scope)
        otherwise = known | self.asked(node.test, scope, False)
        if node.elif_:
            first, *more = node.elif_
            rest = nodes.If(first.test, first.body, more, node.else_)
            self.branch(rest, there, otherwise)
        else:
            self.read(node.else_, there, otherwise)
        for name in {*here, *there}:
            if name in here and name in there:
                scope[name] = here[name] if here[name] is there[name] else None
            else:
                # In the other branch it is a variable, where one is given.
                scope[name] = MAYBE

    def macro(self, node: Any, scope: Scope, known: Known) -> None:
        inner: Scope = {**self.within(scope), "caller": None, "kwargs": None, "varargs": None}
        for default in node.defaults:
            self.value(default, scope, known)
        inner |= dict.fromkeys([arg.name for arg in node.args])
        self.frame(node.body, inner, known)

    def included(self, node: Any, scope: Scope | None, known: Known) -> None:
        piece = self.includes.get(node.template.value)
        if piece is None or scope is None:
            # Without context a fragment reads nothing of the variables.
            return
        scope = {name: shape for name, shape in scope.items() if shape is not UNSET}
        seen = (
            piece.key,
            known,
            *((name, id(shape)) for name, shape in sorted(scope.items(), key=lambda each: each[0])),
        )
        if seen not in self.done:
            # Read again with the same names it would tell the same.
            self.done.add(seen)
            self.frame(tree_of(piece.template).body, scope, known, piece.includes)

    def bind(self, target: nodes.Node, value: Shape | None, scope: Scope) -> None:
        if isinstance(target, nodes.Name):
            scope[target.name] = value
        elif isinstance(target, nodes.Tuple):
            for item in target.items:
                self.bind(item, None, scope)


def _set_later(body: Iterable[nodes.Node]) -> frozenset[str]:
    """Return the names that a scope sets before it reads them: Jinja takes no variable for those.

    What stands in the scope and has one of its own finds them undefined until they are set.
    """
    symbols = Symbols()
    symbols.analyze_node(nodes.Template(list(body), lineno=1))
    unset = (VAR_LOAD_UNDEFINED, None)
    return frozenset(name for name, at in symbols.refs.items() if symbols.loads.get(at) == unset)


def _pairs(node: nodes.Node) -> bool:
    if isinstance(node, nodes.Filter):
        return node.name in PAIRS and node.node is not None
    return (
        isinstance(node, nodes.Call)
        and isinstance(node.node, nodes.Getattr)
        and node.node.attr == "items"
    )
