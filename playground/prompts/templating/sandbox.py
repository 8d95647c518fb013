"""The Jinja environment of prompts: sandboxed, strict, metered. Pure: imports no Django.

Jinja's sandbox keeps templates away from Python's insides. It does not keep them from using up
the machine: ``{{ 9**9**9 }}`` or thirty doublings of a string. So every operator, call, filter,
literal, loop turn and output pays from a budget before it works.
"""

import json
import re
from collections.abc import (
    Callable,
    ItemsView,
    Iterable,
    Iterator,
    KeysView,
    Mapping,
    Sized,
    ValuesView,
)
from types import NoneType
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, Undefined, nodes
from jinja2.environment import TemplateModule
from jinja2.exceptions import SecurityError
from jinja2.lexer import Token, TokenStream
from jinja2.parser import Parser
from jinja2.runtime import Context, LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Cycler, Joiner, Namespace, _PassArg, pass_context

from playground.prompts.templating.locating import TokenPositions
from playground.prompts.templating.metering import BudgetExceeded, budget

MAX_TOKENS = 12_000
"""Of one template: compiling takes tens of microseconds for each, and nothing interrupts it."""
_DROPPED_FILTERS = ("attr", "forceescape", "pprint", "random", "safe", "urlize", "xmlattr")
_SIZED_FILTERS = frozenset(
    ("batch", "center", "indent", "round", "slice", "truncate", "wordwrap", "format")
)
_SIZED_METHODS = frozenset(("center", "ljust", "rjust", "zfill"))
# Whose work grows with the elements and not with what comes out of it.
_ITEM_FILTERS = frozenset(
    """
    dictsort groupby map max min reject rejectattr select selectattr sort unique
    """.split()
)
# What is not named here is refused: an own list has no holes that a new Python opens.
_METHODS: dict[type, frozenset[str]] = {
    str: frozenset(
        """
        capitalize casefold center count endswith find index isalnum isalpha isascii isdecimal
        isdigit isidentifier islower isnumeric isprintable isspace istitle isupper join ljust lower
        lstrip partition removeprefix removesuffix replace rfind rindex rjust rpartition rsplit
        rstrip split splitlines startswith strip swapcase title upper zfill
        """.split()
    ),
    dict: frozenset(("copy", "get", "items", "keys", "values")),
    # Those of ``groupby`` have names.
    tuple: frozenset(("count", "index", "grouper", "list")),
    list: frozenset(("copy", "count", "index")),
    float: frozenset(("is_integer",)),
}
_OPEN = (LoopContext, Macro, Cycler, Joiner, Namespace, TemplateModule, Undefined)
_WRITTEN = (str, int, float, NoneType, list, tuple, dict, Macro, TemplateModule, Undefined)
_INDENT = 16
_FORBIDDEN_NODES: dict[type[nodes.Node], str] = {
    nodes.Extends: "extends",
    nodes.Block: "block",
}
_INCLUDING = (nodes.Include, nodes.Import, nodes.FromImport)
# As Python reads them: a name in brackets, flags, width, precision.
_CONVERSION = re.compile(r"%(?:\((?P<name>[^()]*)\))?(?P<sizes>[-#0 +]*[*\d]*(?:\.[*\d]*)?)")
_WIDE_FORMAT = re.compile(r"\*|\d{4,}")


_LAZY = (Iterator, KeysView, ItemsView, ValuesView)


class _Module(TemplateModule):
    """What a template imports; written out it pays like any text."""

    def __str__(self) -> str:
        text = super().__str__()
        budget().size(len(text))
        return text


class _Namespace(Namespace):
    """A namespace that is not written out: each level of nesting could double the text."""

    def __repr__(self) -> str:
        return "<Namespace>"


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
            finalize=_write,
            cache_size=0,
        )
        for name in _DROPPED_FILTERS:
            self.filters.pop(name, None)
        self.filters.update({"join": _join, "sum": _sum, "tojson": _to_json})
        self.filters = {name: _metered(name, kept) for name, kept in self.filters.items()}
        self.filters.update(
            {"_concat": _concat, "_pay": _pay, "_toll": _toll, "_weigh": _weigh_literal}
        )
        self.globals = {
            "cycler": Cycler,
            "dict": _dict,
            "joiner": Joiner,
            "namespace": _Namespace,
            "range": _short_range,
        }

    def tree(self, source: str) -> nodes.Template:
        """Parse without metering, for those who read templates and do not run them.

        Raises:
            TemplateSyntaxError: with an attribute ``column`` where the parser knows it.
            BudgetExceeded: it has too many parts.
        """
        with TokenPositions(self, source) as positions:
            parser = Parser(self, source)
            positions.follow(parser.stream)
            template = parser.parse()
        _refuse(template)
        return template

    def _tokenize(
        self,
        source: str,
        name: str | None,
        filename: str | None = None,
        state: str | None = None,
    ) -> TokenStream:
        stream = super()._tokenize(source, name, filename, state)
        return TokenStream(_few(stream), name, filename)

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
        budget().charge()
        if isinstance(argument, str) and argument.startswith("__"):
            raise SecurityError(f"the name {argument!r} is not available in templates")
        return super().getitem(obj, argument)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Allow what is named in ``_METHODS``, and what Jinja's own objects are for."""
        if not super().is_safe_attribute(obj, attr, value):
            return False
        if isinstance(obj, _OPEN):
            return True
        return any(isinstance(obj, kind) and attr in named for kind, named in _METHODS.items())

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
            _expect_format(left, right)
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


def _few(stream: Iterable[Token]) -> Iterator[Token]:
    for number, token in enumerate(stream, start=1):
        if number > MAX_TOKENS:
            raise BudgetExceeded(f"a template has at most {MAX_TOKENS} tags, names and signs")
        yield token


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
        if isinstance(node, nodes.Operand) and node.op in ("in", "notin"):
            node.expr = _filter("_weigh", node.expr, node.lineno)
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
def _toll(_: Context, units: int) -> bool:
    budget().charge(units)
    return True


@pass_context
def _weigh_literal(_: Context, value: Any) -> Any:
    return budget().weigh(value)


def _weigh(value: Any) -> Any:
    """Let a value pay; what would be read once and is of unknown length becomes a list."""
    if isinstance(value, str | list | tuple | dict | int):
        return budget().weigh(value)
    budget().charge()
    if isinstance(value, _LAZY):
        return _drained(value)
    return value


def _drained(value: Iterable[Any]) -> list[Any]:
    purse = budget()
    items: list[Any] = []
    units = 0
    for item in value:
        # Shared parts count each time, so that nothing later meets more than was weighed.
        before = purse.spent
        purse.weigh(item)
        units += 1 + 16 * (purse.spent - before - 1)
        if units > purse.limits.value_units:
            purse.size(units)
        items.append(item)
    return items


def _write(value: Any) -> Any:
    """Let a value pay that is written out; of an object of ours, nobody wants to read."""
    if not isinstance(value, _WRITTEN):
        kind = type(value).__name__.strip("_")
        raise TypeError(f"a {kind} cannot be written out")
    return budget().weigh(value)


@pass_context
def _concat(_: Context, parts: list[Any]) -> str:
    purse = budget()
    texts = [part if isinstance(part, str) else str(purse.weigh(part)) for part in parts]
    purse.size(sum(map(len, texts)))
    return "".join(texts)


def _join(value: Iterable[Any], d: str = "", attribute: str | None = None) -> str:
    purse = budget()
    texts: list[str] = []
    between = d if isinstance(d, str) else str(purse.weigh(d))
    total = 0
    for item in value:
        if attribute is not None:
            item = item[attribute]
        text = item if isinstance(item, str) else str(purse.weigh(item))
        texts.append(text)
        total += len(text) + len(between)
        purse.charge()
        if total > purse.limits.value_units:
            purse.size(total)
    purse.size(total)
    return between.join(texts)


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
    purse = budget()
    if indent is not None and not (isinstance(indent, int) and 0 <= indent <= _INDENT):
        raise BudgetExceeded(f"an indent is between 0 and {_INDENT}")
    writer = json.JSONEncoder(ensure_ascii=False, allow_nan=False, indent=indent)
    if indent is None:
        return writer.encode(purse.weigh(value))
    pieces: list[str] = []
    total = 0
    for piece in writer.iterencode(purse.weigh(value)):
        # Every line repeats the indent of its depth.
        total += len(piece)
        if total > purse.limits.value_units:
            purse.size(total)
        pieces.append(piece)
    return "".join(pieces)


def _dict(given: Any = (), /, **named: Any) -> dict[Any, Any]:
    """Make a dictionary step by step: numbers can be chosen so that each is held to all others."""
    made: dict[Any, Any] = {}
    for key, value in given.items() if isinstance(given, dict) else given:
        budget().charge()
        made[key] = value
    return made | named


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
        value = _drained(value) if isinstance(value, _LAZY) else purse.weigh(value)
        if name in _ITEM_FILTERS and isinstance(value, Sized):
            purse.charge(len(value))
        if name in _SIZED_FILTERS:
            for size in (*extra, *kwargs.values()):
                purse.width(size)
        if name == "format":
            _expect_format(str(value), [*extra, kwargs])
        if name in ("replace", "indent", "wordwrap"):
            _expect_growth(name, str(value), extra, kwargs)
        if name == "striptags":
            _expect_rewriting(str(value), times=str(value).count("<"))
        return _weigh(kept(*first(context), value, *extra, **kwargs))

    return pay_and_filter


def _expect_growth(name: str, text: str, extra: tuple[Any, ...], named: dict[str, Any]) -> None:
    said = [part for part in (*extra, *named.values()) if not isinstance(part, int | float)]
    # Jinja writes out what is no text.
    longest = max((len(str(budget().weigh(part))) for part in said), default=0)
    widest = max((part for part in (*extra, *named.values()) if isinstance(part, int)), default=4)
    pieces = text.count("\n") + 1 if name == "indent" else len(text) + 1
    if name == "replace" and extra and isinstance(extra[0], str):
        pieces = text.count(extra[0]) if extra[0] else len(text) + 1
    step = longest if name != "indent" else max(longest, widest)
    budget().size(len(text) + pieces * step)
    if name == "wordwrap":
        # A word that is longer than a line is copied for each line.
        width = next((part for part in (*extra, named.get("width")) if isinstance(part, int)), 79)
        word = max(map(len, text.split()), default=0)
        _expect_rewriting("x" * word, times=word // max(width, 1))


def _expect_rewriting(text: str, *, times: int) -> None:
    """Let work pay that copies a text again and again, and takes the square of its length."""
    budget().charge(1 + len(text) * times // 65_536)


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


def _expect_format(template: str, values: Any) -> None:
    conversions = list(_CONVERSION.finditer(template))
    for each in conversions:
        nested = each["name"] is None and template.startswith("(", each.start() + 1)
        if nested or _WIDE_FORMAT.search(each["sizes"]):
            raise BudgetExceeded("a format asks for a width above 999")
    before = budget().spent
    budget().weigh(values)
    most = 999 if not conversions else 999 + 16 * (budget().spent - before)
    # By name each conversion may write all of it.
    times = len(conversions) if any(each["name"] is not None for each in conversions) else 1
    budget().size(len(template) + 999 * len(conversions) + most * times)


def _expect_call(called: Any, args: tuple[Any, ...], named: dict[str, Any]) -> None:
    purse = budget()
    name = getattr(called, "__name__", "")
    owner = getattr(called, "__self__", None)
    if isinstance(owner, str):
        purse.charge(len(owner) // 16)
        if name in _SIZED_METHODS:
            for size in (*args, *named.values()):
                purse.width(size)
            purse.size(len(owner) * 8)
        elif name in ("replace", "join"):
            longest = max((len(part) for part in args if isinstance(part, str)), default=0)
            count = len(owner) + 1
            if name == "join":
                parts = [str(part) for part in purse.weigh(list(args[0]))] if args else []
                count, longest = len(parts), len(owner)
                purse.size(sum(map(len, parts)))
            elif name == "replace" and args and isinstance(args[0], str) and args[0]:
                count = owner.count(args[0])
            purse.size(len(owner) + count * longest)
