"""Offer skills to LangChain and LangGraph as tools; every call still goes through ``invoke``."""

from collections.abc import Callable, Iterable
from typing import Any

import orjson
from langchain_core.tools import StructuredTool, ToolException

from playground.core.context import RequestContext
from skills import registry
from skills.declaring import Skill
from skills.invoking import SkillOutcome, invoke


def as_tools(context: RequestContext, names: Iterable[str]) -> list[StructuredTool]:
    """Return a tool for each skill; its artifact is the ``SkillOutcome``.

    Raises:
        NotFound: the context may not see one of them.
    """
    return [_tool(context, registry.find(context, name)) for name in names]


def _tool(context: RequestContext, skill: Skill) -> StructuredTool:
    return StructuredTool(
        name=skill.alias,
        description=skill.description,
        args_schema=skill.input_schema,
        func=_caller(context, skill),
        response_format="content_and_artifact",
        # The model reads what was wrong and tries again.
        handle_tool_error=True,
    )


def _caller(context: RequestContext, skill: Skill) -> Callable[..., tuple[str, SkillOutcome]]:
    def call(**arguments: Any) -> tuple[str, SkillOutcome]:
        outcome = invoke(context, skill.name, arguments)
        if not outcome.ok:
            raise ToolException(f"Error: {outcome.error_detail}")
        return orjson.dumps(outcome.output).decode(), outcome

    return call
