"""The Jinja environment of prompts: sandboxed, strict, metered. Pure: imports no Django.

Jinja's sandbox keeps templates away from Python's insides. It does not keep them from using up
the machine: ``{{ 9**9**9 }}`` or thirty doublings of a string. So every operator, call, filter,
literal, loop turn and output pays from a budget before it works.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, Undefined, nodes
from jinja2.environment import TemplateModule
from jinja2.exceptions import SecurityError
from jinja2.lexer import Token, TokenStream
from jinja2.parser import Parser
from jinja2.runtime import Context, LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Cycler, Joiner, Namespace

from playground.prompts.templating.filtering import made_dict, metered_filters, short_range
from playground.prompts.templating.foreseeing import (
    expect_call,
    expect_format,
    expect_power,
    expect_product,
)
from playground.prompts.templating.locating import TokenPlaces, marked, unmarking
from playground.prompts.templating.metering import BudgetExceeded, budget
from playground.prompts.templating.tolling import TOLLS, meter
from playground.prompts.templating.weighing import weigh, write

MAX_TOKENS = 12_000
"""Of one template: compiling takes tens of microseconds for each, and nothing interrupts it."""

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
_FORBIDDEN_NODES: dict[type[nodes.Node], str] = {
    nodes.Extends: "extends",
    nodes.Block: "block",
}
_INCLUDING = (nodes.Include, nodes.Import, nodes.FromImport)


class _Module(TemplateModule):
    """What a template imports; written out it pays like any text."""

    def __str__(self) -> str:
        text = super().__str__()
        budget().size(len(text))
        return text


class _Namespace(Namespace):
    """A namespace that is not written out: each level of nesting could double the text."""

    def __init__(self, given: Any = (), /, **named: Any) -> None:
        super().__init__(made_dict(given, **named))

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
            # Looking for constants goes through all that is nested again at every level.
            optimized=False,
            keep_trailing_newline=True,
            finalize=write,
            cache_size=0,
        )
        self.filters = {**metered_filters(self.filters), **TOLLS}
        self.globals = {
            "cycler": Cycler,
            "dict": made_dict,
            "joiner": Joiner,
            "namespace": _Namespace,
            "range": short_range,
        }

    def tree(self, source: str) -> nodes.Template:
        """Parse without metering, for those who read templates and do not run them.

        Raises:
            TemplateSyntaxError: with an attribute ``column`` where the parser knows it.
            BudgetExceeded: it has too many parts.
        """
        with TokenPlaces(source):
            template = Parser(self, source).parse()
            _refuse(template)
        return template

    def _tokenize(
        self,
        source: str,
        name: str | None,
        filename: str | None = None,
        state: str | None = None,
    ) -> TokenStream:
        pieces = TokenPlaces(source).placed(self.lexer.tokeniter(source, name, filename, state))
        return TokenStream(_few(self.lexer.wrap(pieces, name, filename)), name, filename)

    def link(self, source: str, keys: Mapping[str, str], filename: str) -> Template:
        """Compile, with the names of fragments replaced by the keys that stand for them."""
        template = self.tree(source)
        for including in inclusions(template):
            name = including.template.value
            including.template.value = keys.get(name, name)
        metered = marked(meter(template), source)
        metered.set_environment(self)
        with unmarking(source):
            code = self.compile(metered, filename=filename)
        return self.template_class.from_code(self, code, self.make_globals(None))

    def call_filter(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Call a filter that a template names while it runs, as ``map`` does."""
        if name in TOLLS:
            raise SecurityError(f"there is no filter named {name!r}")
        return super().call_filter(name, *args, **kwargs)

    def call_test(
        self, name: str, value: Any, args: Any = (), kwargs: Any = None, *more: Any, **passed: Any
    ) -> Any:
        """Ask a test that a template names while it runs, as ``select`` does for each element."""
        purse = budget()
        purse.charge()
        for each in (*args, *(kwargs or {}).values()):
            purse.weigh(each)
        return super().call_test(name, value, args, kwargs, *more, **passed)

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
            expect_product(left, right)
        elif operator == "**":
            expect_power(left, right)
        elif operator == "%" and isinstance(left, str):
            expect_format(left, right)
        elif operator == "+" and hasattr(left, "__len__") and hasattr(right, "__len__"):
            purse.size(len(left) + len(right))
        return purse.weigh(super().call_binop(context, operator, left, right))

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call a macro, method or global, no deeper than the limit."""
        purse = budget()
        purse.charge()
        expect_call(obj, args, kwargs)
        if purse.depth >= purse.limits.depth:
            raise BudgetExceeded(f"calls are nested deeper than {purse.limits.depth}")
        purse.depth += 1
        try:
            return weigh(super().call(context, obj, *args, **kwargs))
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
    for used in template.find_all(nodes.Filter):
        if used.name in TOLLS:
            raise TemplateSyntaxError(f"No filter named {used.name!r}.", used.lineno)
    for including in inclusions(template):
        name = including.template
        if not isinstance(name, nodes.Const) or not isinstance(name.value, str):
            raise TemplateSyntaxError("a fragment is named by one constant text", including.lineno)
        if getattr(including, "ignore_missing", False):
            raise TemplateSyntaxError("'ignore missing' is not available", including.lineno)
