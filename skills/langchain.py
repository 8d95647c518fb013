"""Offer skills to LangChain and LangGraph as tools; every call still goes through ``invoke``."""

from collections.abc import Callable, Iterable

import orjson
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import StructuredTool

from playground.core.context import RequestContext
from skills.declaring import Skill
from skills.invoking import SkillOutcome, invoke

CALL_ID = "skill_call_id"


def as_tool(context: RequestContext, skill: Skill) -> StructuredTool:
    """Return the tool that invokes a skill for a context.

    Its content is JSON, or one line beginning with ``Error:`` that a model can act upon; its
    artifact is the ``SkillOutcome``. The config's metadata may name the call under ``CALL_ID``.
    """
    return StructuredTool(
        name=skill.alias,
        description=skill.description,
        args_schema=skill.input_schema,
        func=_caller(context, skill),
        response_format="content_and_artifact",
    )


def as_tools(context: RequestContext, skills: Iterable[Skill]) -> dict[str, StructuredTool]:
    """Return the tools of some skills by the names under which models call them."""
    return {skill.alias: as_tool(context, skill) for skill in skills}


def _caller(context: RequestContext, skill: Skill) -> Callable[..., tuple[str, SkillOutcome]]:
    def call(runnable_config: RunnableConfig, **arguments: object) -> tuple[str, SkillOutcome]:
        call_id = runnable_config.get("metadata", {}).get(CALL_ID)
        outcome = invoke(context, skill.name, arguments, call_id=call_id)
        if not outcome.ok:
            return f"Error: {outcome.error_detail} ({outcome.error_code})", outcome
        text = outcome.output
        return text if isinstance(text, str) else orjson.dumps(text).decode(), outcome

    return call
