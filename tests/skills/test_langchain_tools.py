from playground.policy.models import User
from skills.langchain import as_tools


def test_it_runs_through_invoke_when_langchain_calls_a_tool(alice: User) -> None:
    (tool,) = as_tools(alice.context(), ["math.calculate"])

    message = tool.invoke(
        {"name": tool.name, "args": {"expression": "6*7"}, "id": "call_1", "type": "tool_call"}
    )

    assert tool.name == "math__calculate"
    assert '"value":42' in message.content
    assert message.artifact.ok


def test_it_tells_the_model_when_the_arguments_are_wrong(alice: User) -> None:
    (tool,) = as_tools(alice.context(), ["math.calculate"])

    message = tool.invoke(
        {"name": tool.name, "args": {"expression": "1/0"}, "id": "c", "type": "tool_call"}
    )

    assert message.status == "error"
    assert "divides by zero" in message.content
