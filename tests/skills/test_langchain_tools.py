from playground.core import spans
from playground.core.spans import SpanRecord
from playground.policy.models import User
from skills import registry
from skills.langchain import CALL_ID, as_tools


def test_it_runs_through_invoke_when_langchain_calls_a_tool(alice: User) -> None:
    tool = as_tools(alice.context(), [registry.get("math.calculate")])["math__calculate"]

    message = tool.invoke(
        {"name": tool.name, "args": {"expression": "6*7"}, "id": "call_1", "type": "tool_call"}
    )

    assert '"value":42' in message.content
    assert message.tool_call_id == "call_1"
    assert message.artifact.ok


def test_it_tells_the_model_when_the_arguments_are_wrong(alice: User) -> None:
    tool = as_tools(alice.context(), [registry.get("math.calculate")])["math__calculate"]

    message = tool.invoke(
        {"name": tool.name, "args": {"expression": "1/0"}, "id": "c", "type": "tool_call"}
    )

    assert message.content.startswith("Error: ")
    assert "divides by zero" in message.content
    assert message.artifact.error_code == "math.invalid"


def test_it_names_the_call_in_the_trace_when_the_config_does(
    alice: User, recorded_spans: list[SpanRecord]
) -> None:
    tool = as_tools(alice.context(), [registry.get("math.calculate")])["math__calculate"]

    tool.invoke({"expression": "1+1"}, {"metadata": {CALL_ID: "call_7"}})
    spans.flush()

    (span,) = [each for each in recorded_spans if each.name == "math.calculate"]
    assert span.attributes["gen_ai.tool.call.id"] == "call_7"
