"""Make one tool call."""

from typing import Any

from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool

from skills.invoking import SkillOutcome
from skills.langchain import CALL_ID

MAX_RESULT_CHARS = 16_000


def use(
    tool: BaseTool, arguments: dict[str, Any], *, call_id: str
) -> tuple[ToolMessage, SkillOutcome]:
    """Run a tool and return what the model reads, cut to a length it can take, and the outcome."""
    answer: ToolMessage = tool.invoke(
        {"type": "tool_call", "id": call_id, "name": tool.name, "args": arguments},
        {"metadata": {CALL_ID: call_id}},
    )
    outcome: SkillOutcome = answer.artifact
    told = ToolMessage(
        _cut(str(answer.content)),
        tool_call_id=call_id,
        status="success" if outcome.ok else "error",
    )
    return told, outcome


def _cut(text: str) -> str:
    if len(text) <= MAX_RESULT_CHARS:
        return text
    return f"{text[:MAX_RESULT_CHARS]}… (cut after {MAX_RESULT_CHARS} of {len(text)} characters)"
