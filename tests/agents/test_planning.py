"""Plans are read from whatever a model writes, and ticked off honestly."""

import json

from hypothesis import given
from hypothesis import strategies as st

from agents import planning

TOOLS = ("search", "draft")


def plan_of(*steps: tuple[str, str]) -> list[planning.PlanItem]:
    text = json.dumps({"steps": [{"title": title, "tool": tool} for title, tool in steps]})
    return planning.parse(text, tools=TOOLS)


def statuses(plan: list[planning.PlanItem]) -> list[str]:
    return [item["status"] for item in plan]


def test_it_reads_a_plan_when_there_is_talk_around_it() -> None:
    text = 'Sure! ```json\n{"steps": [{"title": "Find  them", "tool": "search"}]}\n```'

    plan = planning.parse(text, tools=TOOLS)

    assert plan == [{"id": "1", "title": "Find them", "tool": "search", "status": "pending"}]


def test_it_drops_a_tool_that_nobody_offered() -> None:
    assert plan_of(("Delete all", "rm"))[0]["tool"] == ""


@given(st.text(max_size=300))
def test_it_gives_no_plan_when_a_model_writes_garbage(text: str) -> None:
    assert isinstance(planning.parse(text, tools=TOOLS), list)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(["steps", "title", "tool"]), inner, max_size=3)
        ),
        max_leaves=20,
    )
)
def test_it_reads_or_ignores_any_json(value: object) -> None:
    for item in planning.parse(json.dumps({"steps": value}), tools=TOOLS):
        assert item["title"]


def test_it_ticks_the_item_of_the_tool_that_was_called() -> None:
    plan = plan_of(("Find", "search"), ("Find more", "search"), ("Write", "draft"), ("Answer", ""))

    plan = planning.begin(plan, "search")
    assert statuses(plan) == ["running", "pending", "pending", "pending"]
    plan = planning.finish(plan, "search", ok=True)
    plan = planning.finish(planning.begin(plan, "draft"), "draft", ok=False)

    assert statuses(plan) == ["done", "pending", "failed", "pending"]


def test_it_says_skipped_when_a_planned_call_was_never_made() -> None:
    plan = plan_of(("Find", "search"), ("Write", "draft"), ("Answer", ""))
    plan = planning.finish(planning.begin(plan, "search"), "search", ok=True)

    assert statuses(planning.close(plan, answered=True)) == ["done", "skipped", "done"]
    assert statuses(planning.close(plan, answered=False)) == ["done", "skipped", "skipped"]


def test_it_tries_a_failed_item_again() -> None:
    plan = planning.finish(
        planning.begin(plan_of(("Find", "search")), "search"), "search", ok=False
    )

    plan = planning.finish(planning.begin(plan, "search"), "search", ok=True)

    assert statuses(plan) == ["done"]
