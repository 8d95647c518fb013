"""The Jinja environment of prompts: sandboxed, strict, metered. Pure: imports no Django.

Jinja's sandbox keeps templates away from Python's insides. It does not keep them from using up
the machine: ``{{ 9**9**9 }}`` or thirty doublings of a string. So every operator, call, filter,
literal, loop turn and output pays from a budget before it works.
"""

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import StrictUndefined, Template, nodes
from jinja2.environment import TemplateModule
from jinja2.exceptions import SecurityError
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from playground.prompts.templating.filtering import metered_filters, short_range
from playground.prompts.templating.foreseeing import (
    expect_call,
    expect_format,
    expect_power,
    expect_product,
)
from playground.prompts.templating.instrumenting import TOLLS, inclusions, meter, refuse
from playground.prompts.templating.locating import TokenPositions
from playground.prompts.templating.metering import BudgetExceeded, budget, weigh


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
            finalize=weigh,
            cache_size=0,
        )
        self.filters = {**metered_filters(self.filters), **TOLLS}
        self.globals = {**self.globals, "range": short_range}
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
        refuse(template)
        return template

    def link(self, source: str, keys: Mapping[str, str], filename: str) -> Template:
        """Compile, with the names of fragments replaced by the keys that stand for them."""
        template = self.tree(source)
        for including in inclusions(template):
            name = including.template.value
            including.template.value = keys.get(name, name)
        metered = meter(template)
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
            expect_product(left, right)
        elif operator == "**":
            expect_power(left, right)
        elif operator == "%" and isinstance(left, str):
            expect_format(left)
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
