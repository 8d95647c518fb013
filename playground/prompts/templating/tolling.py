"""Let the parts of a template pay that no filter or call stands for. Pure: imports no Django."""

from collections.abc import Iterable
from typing import Any

from jinja2 import nodes
from jinja2.runtime import Context
from jinja2.utils import pass_context

from playground.prompts.templating.metering import budget


def meter(template: nodes.Template) -> nodes.Template:
    """Let loops, macros, joins of text and literals pay when they run."""
    bodies: list[Any] = list(template.find_all((nodes.For, nodes.Macro, nodes.CallBlock)))
    for body in bodies:
        toll = nodes.ExprStmt(_filter("_pay", nodes.Const(_text_units(body.body)), body.lineno))
        body.body.insert(0, toll.set_lineno(body.lineno))
        if isinstance(body, nodes.For) and body.test is not None:
            # What is left out has no turn to pay for.
            paid = _filter("_toll", nodes.Const(1).set_lineno(body.lineno), body.lineno)
            body.test = nodes.And(paid, body.test).set_lineno(body.lineno)
    return _Meter().visit(template)


class _Meter:
    """Wrap what makes or walks values without a call, innermost first."""

    def visit(self, node: Any) -> Any:
        for name, value in node.iter_fields():
            if isinstance(value, nodes.Node):
                setattr(node, name, self.visit(value))
            elif isinstance(value, list):
                setattr(
                    node,
                    name,
                    [self.visit(item) if isinstance(item, nodes.Node) else item for item in value],
                )
        if isinstance(node, nodes.Concat):
            parts = nodes.List(node.nodes).set_lineno(node.lineno)
            return _filter("_concat", parts, node.lineno)
        if isinstance(node, nodes.List | nodes.Dict) or (
            isinstance(node, nodes.Tuple) and node.ctx == "load"
        ):
            return _filter("_weigh", node, node.lineno)
        if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Slice):
            return _filter("_weigh", node, node.lineno)
        # Comparing walks no further than the smaller side, so that one of them pays for both.
        if isinstance(node, nodes.Operand):
            node.expr = _weighed(node.expr)
        elif isinstance(node, nodes.Test):
            node.args = [_weighed(each) for each in node.args]
            for keyword in node.kwargs:
                keyword.value = _weighed(keyword.value)
            node.dyn_args = node.dyn_args and _weighed(node.dyn_args)
            node.dyn_kwargs = node.dyn_kwargs and _weighed(node.dyn_kwargs)
        return node


def _weighed(node: Any) -> Any:
    """Let a value pay whose size the template does not show."""
    known = isinstance(node, nodes.Const) or (
        isinstance(node, nodes.Filter) and node.name == "_weigh"
    )
    return node if known else _filter("_weigh", node, node.lineno)


def _filter(name: str, node: Any, line: int) -> Any:
    wrapped = nodes.Filter(node, name, [], [], None, None)
    return wrapped.set_lineno(line)


def _text_units(body: Iterable[nodes.Node]) -> int:
    texts = (data for node in body for data in node.find_all(nodes.TemplateData))
    return 1 + sum(len(data.data) for data in texts) // 16


# Asking for the context keeps Jinja from folding a filter while it compiles, outside of the budget.
@pass_context
def _pay(_: Context, units: int) -> str:
    budget().charge(units)
    return ""


@pass_context
def _toll(_: Context, units: int) -> bool:
    budget().charge(units)
    return True


@pass_context
def _weigh_literal(_: Context, value: Any) -> Any:
    return budget().weigh(value)


@pass_context
def _concat(_: Context, parts: list[Any]) -> str:
    purse = budget()
    texts = [part if isinstance(part, str) else str(purse.weigh(part)) for part in parts]
    purse.size(sum(map(len, texts)))
    return "".join(texts)


TOLLS = {"_concat": _concat, "_pay": _pay, "_toll": _toll, "_weigh": _weigh_literal}
"""Filters that only ``meter`` writes into a template."""
