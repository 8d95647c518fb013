"""What expressions of a template tell about its variables. Pure: imports no Django."""

from dataclasses import dataclass, field
from typing import Any

from jinja2 import nodes

from playground.prompts.templating.compiling import ENVIRONMENT
from playground.prompts.templating.metering import BudgetExceeded

_SAME_LIST = frozenset(
    ("sort", "reverse", "unique", "list", "select", "reject", "selectattr", "rejectattr")
)
PAIRS = frozenset(("items", "dictsort"))
_METHODS = frozenset(
    name for kind in (str, list, dict, int, float) for name in dir(kind) if name[0] != "_"
)


@dataclass(slots=True)
class Shape:
    """What is known of a value: how it is read, and whether it must be there."""

    required: bool = False
    properties: dict[str, "Shape"] = field(default_factory=dict)
    items: "Shape | None" = None
    keyed: bool = False

    def property(self, name: str) -> "Shape":
        """Return the shape of an attribute."""
        return self.properties.setdefault(name, Shape())

    def item(self) -> "Shape":
        """Return the shape of what a loop goes over."""
        if self.items is None:
            self.items = Shape()
        return self.items

    def as_schema(self) -> dict[str, Any]:
        """Return it as JSON Schema."""
        like_object = bool(self.properties) or self.keyed
        if like_object and self.items is None:
            schema: dict[str, Any] = {"type": "object"}
            if self.properties:
                schema["properties"] = {
                    name: self.properties[name].as_schema() for name in sorted(self.properties)
                }
            required = sorted(name for name, each in self.properties.items() if each.required)
            return {**schema, "required": required} if required else schema
        if self.items is not None and not like_object:
            return {"type": "array", "items": self.items.as_schema()}
        return {}


Scope = dict[str, "Shape | None"]
"""What names stand for: a part of a variable, or None for what the template made itself."""
MAYBE = Shape()
"""What a name stands for that one branch of several has set."""
UNSET = Shape()
"""What a name is inside of a loop, block or macro that stands before it is set around that."""
MAX_NODES = 200_000
"""Of syntax trees, those of fragments each time they are included."""
Known = frozenset[int]
"""Identities of shapes that were asked whether they are defined."""


class Expressions:
    """Read expressions, and note in the root what they need of the variables."""

    def __init__(self, root: Shape) -> None:
        self.root = root
        self.left = MAX_NODES

    def count(self) -> None:
        """Count a node.

        Raises:
            BudgetExceeded: there were too many.
        """
        self.left -= 1
        if self.left < 0:
            raise BudgetExceeded("the templates and their fragments are too large to read through")

    def value(
        self, node: nodes.Node, scope: Scope, known: Known, *, must: bool = True
    ) -> Shape | None:
        """Read an expression; return the part of a variable that it is, if it is one.

        Args:
            must: whether it fails where it is undefined.
        """
        self.count()
        match node:
            case nodes.Name():
                found = self.named(node.name, scope)
            case nodes.Getattr():
                found = self.inside(node.node, node.attr, scope, known)
            case nodes.Getitem(arg=nodes.Const(value=str() as key)):
                found = self.inside(node.node, key, scope, known)
            case nodes.Getitem():
                of = self.value(node.node, scope, known)
                self.value(node.arg, scope, known)
                if of is None:
                    return None
                listed = isinstance(node.arg, nodes.Const | nodes.Slice | nodes.Neg)
                return of.item() if listed and not isinstance(node.arg, nodes.Slice) else None
            case nodes.Filter():
                return self.filtered(node, scope, known)
            case nodes.Test() if node.name in ("defined", "undefined"):
                self.value(node.node, scope, known, must=False)
                return None
            case nodes.Call():
                self.called(node, scope, known)
                return None
            case nodes.CondExpr():
                self.conditional(node, scope, known)
                return None
            case nodes.And():
                self.value(node.left, scope, known)
                self.value(node.right, scope, known | self.asked(node.left, scope, True))
                return None
            case nodes.Or():
                self.value(node.left, scope, known)
                self.value(node.right, scope, known | self.asked(node.left, scope, False))
                return None
            case _:
                for child in node.iter_child_nodes():
                    self.value(child, scope, known)
                return None
        if found is not None and must and id(found) not in known:
            found.required = True
        return found

    def named(self, name: str, scope: Scope) -> Shape | None:
        if name in scope:
            if scope[name] is UNSET:
                return None
            if scope[name] is not MAYBE:
                return scope[name]
            self.root.property(name)
            return None
        ours = name == "self" or name in ENVIRONMENT.globals
        return None if ours else self.root.property(name)

    def inside(self, node: nodes.Node, name: str, scope: Scope, known: Known) -> Shape | None:
        outer = self.value(node, scope, known)
        return None if outer is None else outer.property(name)

    def filtered(self, node: nodes.Filter, scope: Scope, known: Known) -> Shape | None:
        for extra in (*node.args, *(each.value for each in node.kwargs)):
            self.value(extra, scope, known)
        if node.node is None:
            return None
        if node.name in ("default", "d"):
            return self.value(node.node, scope, known, must=False)
        value = self.value(node.node, scope, known)
        if value is None:
            return None
        if node.name in _SAME_LIST:
            return value
        if node.name in PAIRS:
            value.keyed = True
        return value.item() if node.name in ("first", "last") else None

    def called(self, node: nodes.Call, scope: Scope, known: Known) -> None:
        for extra in (*node.args, *(each.value for each in node.kwargs)):
            self.value(extra, scope, known)
        for more in (node.dyn_args, node.dyn_kwargs):
            if more is not None:
                self.value(more, scope, known)
        target = node.node
        if isinstance(target, nodes.Getattr) and target.attr in _METHODS:
            self.value(target.node, scope, known)
        else:
            self.value(target, scope, known)

    def conditional(self, node: nodes.CondExpr, scope: Scope, known: Known) -> None:
        self.value(node.test, scope, known)
        self.value(node.expr1, scope, known | self.asked(node.test, scope, True))
        if node.expr2 is not None:
            self.value(node.expr2, scope, known | self.asked(node.test, scope, False))

    def asked(self, test: nodes.Node, scope: Scope, answer: bool) -> Known:
        """Return the shapes that are known to be defined where the test has this answer."""
        match test:
            case nodes.Not():
                return self.asked(test.node, scope, not answer)
            case nodes.And() if answer:
                return self.asked(test.left, scope, True) | self.asked(test.right, scope, True)
            case nodes.Or() if not answer:
                return self.asked(test.left, scope, False) | self.asked(test.right, scope, False)
            case nodes.Test(name="defined" | "undefined" as word) if (word == "defined") is answer:
                found = self.value(test.node, scope, frozenset(), must=False)
                return frozenset() if found is None else frozenset((id(found),))
        return frozenset()
