"""The Jinja environment of prompts: sandboxed, strict, metered. Pure: imports no Django.

Jinja's sandbox keeps templates away from Python's insides. It does not keep them from using up
the machine: ``{{ 9**9**9 }}`` or thirty doublings of a string. So every operator, call, filter,
literal, loop turn and output pays from a budget before it works.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, nodes
from jinja2.environment import TemplateModule
from jinja2.exceptions import SecurityError
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import _PassArg, pass_context

from playground.prompts.templating.locating import TokenPositions
from playground.prompts.templating.metering import BudgetExceeded, budget

_DROPPED_FILTERS = ("attr", "forceescape", "pprint", "random", "safe", "urlize", "xmlattr")
_SIZED_FILTERS = frozenset(
    ("batch", "center", "indent", "round", "slice", "truncate", "wordwrap", "format")
)
_SIZED_METHODS = frozenset(
    ("center", "expandtabs", "ljust", "rjust", "zfill", "to_bytes", "encode")
)
_FORBIDDEN_NODES: dict[type[nodes.Node], str] = {
    nodes.Extends: "extends",
    nodes.Block: "block",
}
_INCLUDING = (nodes.Include, nodes.Import, nodes.FromImport)
_WIDE_FORMAT = re.compile(r"\*|\d{4,}")


class _Module(TemplateModule):
    """What a template imports; written out it pays like any text."""

    def __str__(self) -> str:
        text = super().__str__()
        budget().size(len(text))
        return text


class PromptTemplate(Template):
    """A compiled template whose imports begin afresh each time.

    Jinja would keep one module for ever, and with it what a rendering has written into its
    namespaces: the next rendering, of another team perhaps, would read it.
    """

    def make_module(
        self,
        vars: dict[str, Any] | None = None,
        shared: bool = False,
        locals: Mapping[str, Any] | None = None,
    ) -> TemplateModule:
        """Run the template for its macros and variables."""
        return _Module(self, self.new_context(vars, shared, locals))

    def _get_default_module(self, ctx: Context | None = None) -> TemplateModule:
        return self.make_module()


class PromptEnvironment(ImmutableSandboxedEnvironment):
    """Compile and run prompt templates within a budget."""

    template_class = PromptTemplate
    intercepted_binops = frozenset(("+", "-", "*", "/", "//", "**", "%"))

    def __init__(self) -> None:
        super().__init__(
            undefined=StrictUndefined,
            autoescape=False,
            keep_trailing_newline=True,
            finalize=_weigh,
            cache_size=0,
        )
        for name in _DROPPED_FILTERS:
            self.filters.pop(name, None)
        self.filters.update({"join": _join, "sum": _sum, "tojson": _to_json})
        self.filters = {name: _metered(name, kept) for name, kept in self.filters.items()}
        self.filters.update({"_concat": _concat, "_pay": _pay, "_weigh": _weigh_literal})
        self.globals = {**self.globals, "range": _short_range}
        self.globals.pop("lipsum", None)

    def tree(self, source: str) -> nodes.Template:
        """Parse without metering, for those who read templates and do not run them.

        Raises:
            TemplateSyntaxError: with an attribute ``column`` where the parser knows it.
        """
        with TokenPositions(self, source) as positions:
            parser = Parser(self, source)
            positions.follow(parser.stream)
            template = parser.parse()
        _refuse(template)
        return template

    def link(self, source: str, keys: Mapping[str, str], filename: str) -> Template:
        """Compile, with the names of fragments replaced by the keys that stand for them."""
        template = self.tree(source)
        for including in inclusions(template):
            name = including.template.value
            including.template.value = keys.get(name, name)
        metered = _meter(template)
        metered.set_environment(self)
        code = self.compile(metered, filename=filename)
        return self.template_class.from_code(self, code, self.make_globals(None))

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Read an attribute or item; a name that looks internal is refused, not just undefined."""
        if attribute.startswith("_"):
            raise SecurityError(f"the name {attribute!r} is not available in templates")
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Read an item; see ``getattr``."""
        if isinstance(argument, str) and argument.startswith("__"):
            raise SecurityError(f"the name {argument!r} is not available in templates")
        return super().getitem(obj, argument)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Allow what the sandbox allows, without ``str.format`` and its unbounded widths."""
        if isinstance(obj, str) and attr in ("format", "format_map"):
            return False
        return super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """Leave ``str.format`` to ``is_safe_attribute``; the filter ``format`` is metered."""
        return None

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Compute an operator after its result is known to be small."""
        purse = budget()
        purse.charge()
        if operator == "*":
            _expect_product(left, right)
        elif operator == "**":
            _expect_power(left, right)
        elif operator == "%" and isinstance(left, str):
            _expect_format(left)
        elif operator == "+" and hasattr(left, "__len__") and hasattr(right, "__len__"):
            purse.size(len(left) + len(right))
        return purse.weigh(super().call_binop(context, operator, left, right))

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call a macro, method or global, no deeper than the limit."""
        purse = budget()
        purse.charge()
        _expect_call(obj, args, kwargs)
        if purse.depth >= purse.limits.depth:
            raise BudgetExceeded(f"calls are nested deeper than {purse.limits.depth}")
        purse.depth += 1
        try:
            return _weigh(super().call(context, obj, *args, **kwargs))
        finally:
            purse.depth -= 1


def inclusions(template: nodes.Template) -> Iterator[Any]:
    """Yield the nodes that name fragments."""
    yield from template.find_all(_INCLUDING)


def _refuse(template: nodes.Template) -> None:
    for kind, word in _FORBIDDEN_NODES.items():
        for found in template.find_all(kind):
            raise TemplateSyntaxError(f"'{word}' is not available in prompts", found.lineno)
    for including in inclusions(template):
        name = including.template
        if not isinstance(name, nodes.Const) or not isinstance(name.value, str):
            raise TemplateSyntaxError("a fragment is named by one constant text", including.lineno)
        if getattr(including, "ignore_missing", False):
            raise TemplateSyntaxError("'ignore missing' is not available", including.lineno)


def _meter(template: nodes.Template) -> nodes.Template:
    """Let loops, macros, joins of text and literals pay when they run."""
    bodies: list[Any] = list(template.find_all((nodes.For, nodes.Macro, nodes.CallBlock)))
    for body in bodies:
        toll = nodes.ExprStmt(_filter("_pay", nodes.Const(_text_units(body.body)), body.lineno))
        body.body.insert(0, toll.set_lineno(body.lineno))
    return _Meter().visit(template)


class _Meter:
    """Wrap text joins and literals that are not constant, innermost first."""

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
        return node


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
def _weigh_literal(_: Context, value: Any) -> Any:
    return budget().weigh(value)


def _weigh(value: Any) -> Any:
    if isinstance(value, str | list | tuple | dict | set | frozenset | int):
        return budget().weigh(value)
    budget().charge()
    return value


@pass_context
def _concat(_: Context, parts: list[Any]) -> str:
    purse = budget()
    texts = [part if isinstance(part, str) else str(purse.weigh(part)) for part in parts]
    purse.size(sum(map(len, texts)))
    return "".join(texts)


def _join(value: Iterable[Any], d: str = "", attribute: str | None = None) -> str:
    purse = budget()
    texts: list[str] = []
    total = 0
    for item in value:
        if attribute is not None:
            item = item[attribute]
        text = item if isinstance(item, str) else str(purse.weigh(item))
        texts.append(text)
        total += len(text) + len(str(d))
        purse.charge()
        if total > purse.limits.value_units:
            purse.size(total)
    purse.size(total)
    return str(d).join(texts)


def _sum(value: Iterable[Any], attribute: str | None = None, start: float = 0) -> Any:
    total: Any = start
    for item in value:
        number = item if attribute is None else item[attribute]
        if not isinstance(number, int | float):
            raise TypeError("sum adds numbers only; use join for text")
        budget().charge()
        total += number
    return total


def _to_json(value: Any, indent: int | None = None) -> str:
    budget().width(indent)
    return json.dumps(budget().weigh(value), ensure_ascii=False, indent=indent, sort_keys=False)


def _short_range(*bounds: int) -> range:
    numbers = range(*bounds)
    budget().width(numbers.start)
    budget().width(numbers.stop)
    return numbers


def _metered(name: str, kept: Callable[..., Any]) -> Callable[..., Any]:
    """Let a filter pay for what it gets and what it gives."""
    passed = _PassArg.from_obj(kept)

    def first(context: Context) -> tuple[Any, ...]:
        if passed is None:
            return ()
        if passed is _PassArg.context:
            return (context,)
        return (context.eval_ctx if passed is _PassArg.eval_context else context.environment,)

    @pass_context
    def pay_and_filter(context: Context, value: Any, /, *extra: Any, **kwargs: Any) -> Any:
        purse = budget()
        _weigh(value)
        if name in _SIZED_FILTERS:
            for size in (*extra, *kwargs.values()):
                purse.width(size)
        if name == "format":
            _expect_format(str(value))
        if name in ("replace", "indent", "wordwrap"):
            _expect_growth(name, str(value), extra, kwargs)
        return _weigh(kept(*first(context), value, *extra, **kwargs))

    return pay_and_filter


def _expect_growth(name: str, text: str, extra: tuple[Any, ...], named: dict[str, Any]) -> None:
    longest = max(
        (len(part) for part in (*extra, *named.values()) if isinstance(part, str)), default=0
    )
    widest = max((part for part in (*extra, *named.values()) if isinstance(part, int)), default=4)
    pieces = text.count("\n") + 1 if name == "indent" else len(text) + 1
    if name == "replace" and extra and isinstance(extra[0], str):
        pieces = text.count(extra[0]) if extra[0] else len(text) + 1
    step = longest if name != "indent" else max(longest, widest)
    budget().size(len(text) + pieces * step)


def _expect_product(left: Any, right: Any) -> None:
    purse = budget()
    for one, other in ((left, right), (right, left)):
        if isinstance(one, str | list | tuple) and isinstance(other, int):
            purse.width(other)
            purse.size(len(one) * max(other, 0))
    if isinstance(left, int) and isinstance(right, int):
        _expect_bits(left.bit_length() + right.bit_length())


def _expect_power(left: Any, right: Any) -> None:
    if isinstance(left, int) and isinstance(right, int):
        _expect_bits(left.bit_length() * abs(right))


def _expect_bits(bits: int) -> None:
    limit = budget().limits.integer_bits
    if bits > limit:
        raise BudgetExceeded(f"a number would have more than {limit} bits")


def _expect_format(template: str) -> None:
    if _WIDE_FORMAT.search("".join(re.findall(r"%[^a-zA-Z%]*", template))):
        raise BudgetExceeded("a format asks for a width above 999")
    budget().size(len(template) + 999 * template.count("%"))


def _expect_call(called: Any, args: tuple[Any, ...], named: dict[str, Any]) -> None:
    purse = budget()
    name = getattr(called, "__name__", "")
    owner = getattr(called, "__self__", None)
    if isinstance(owner, str):
        if name in _SIZED_METHODS:
            for size in (*args, *named.values()):
                purse.width(size)
            purse.size(len(owner) * (args[0] if name == "expandtabs" and args else 8))
        elif name in ("replace", "join", "translate"):
            longest = max((len(part) for part in args if isinstance(part, str)), default=0)
            count = len(owner) + 1
            if name == "join":
                parts = [str(part) for part in purse.weigh(list(args[0]))] if args else []
                count, longest = len(parts), len(owner)
                purse.size(sum(map(len, parts)))
            elif name == "replace" and args and isinstance(args[0], str) and args[0]:
                count = owner.count(args[0])
            purse.size(len(owner) + count * longest)
