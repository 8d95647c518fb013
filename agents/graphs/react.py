"""The usual agent as a LangGraph graph: an optional plan, then model and tools in turns.

``tools`` makes one call and comes back for the next, so that each call is a checkpoint of its own
and a crash repeats one call at most.
"""

import operator
from typing import Annotated, Any, TypedDict, cast

from langchain_core.messages import (
    AIMessage,
    AnyMessage,
    HumanMessage,
    ToolMessage,
    convert_to_messages,
)
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from agents import planning
from agents.graphs.checkpointing import RUN_KEY, FencedSaver
from agents.graphs.speaking import Reply, speak, with_instruction, write_plan
from agents.graphs.using import use
from agents.planning import PlanItem
from agents.running import Outcome, Turn
from agents.shortening import shorten
from agents.telling import GARBAGE, LOOP, STEP_LIMIT, excuse, past_tense
from playground.core.canonical import canonical_json
from skills import registry
from skills.declaring import Skill
from skills.langchain import as_tools

MAX_GARBAGE = 3
MAX_REPEATS = 3
CALL_MISTAKES = frozenset(("skill.arguments-invalid", "skill.not-found", "skill.not-granted"))


class Call(TypedDict):
    """One tool call that waits to be made; ``mistake`` says why it cannot be."""

    id: str
    alias: str
    arguments: dict[str, Any]
    mistake: str
    key: str


class State(TypedDict):
    """The working state of one run."""

    messages: Annotated[list[AnyMessage], operator.add]
    records: Annotated[list[dict[str, Any]], operator.add]
    plan: list[PlanItem]
    pending: list[Call]
    made: dict[str, int]
    steps: int
    replies: int
    mistakes: int
    text: str
    ending: str


def run(turn: Turn) -> Outcome:
    """Answer a turn; a later attempt goes on where the one before it was saved.

    Raises:
        RunCancelled: somebody asked to stop.
        LeaseLost: another worker has taken over.
        ProviderError: the model could not be reached.
    """
    saver = FencedSaver(turn) if turn.fence is not None else None
    graph = _Nodes(turn).graph(saver)
    config: RunnableConfig = {
        "configurable": {"thread_id": turn.lane_id},
        "metadata": {RUN_KEY: turn.run_id},
        "recursion_limit": 4 * turn.step_limit + 40,
    }
    begun = saver is not None and saver.get_tuple(config) is not None
    state = graph.invoke(None if begun else _beginning(turn), config, durability=_durability(saver))
    if saver is not None:
        state = graph.get_state(config).values
    return _outcome(turn, state)


def _durability(saver: FencedSaver | None) -> Any:
    return "sync" if saver is not None else None


def _beginning(turn: Turn) -> State:
    return State(
        messages=cast(
            list[AnyMessage],
            convert_to_messages([dict(message) for message in turn.messages]),
        ),
        records=[],
        plan=[],
        pending=[],
        made={},
        steps=0,
        replies=0,
        mistakes=0,
        text="",
        ending="",
    )


def _outcome(turn: Turn, state: dict[str, Any]) -> Outcome:
    ending = state["ending"]
    if ending == "answered":
        return Outcome(text=state["text"], records=state["records"])
    text = excuse(ending, step_limit=turn.step_limit, records=state["records"])
    return Outcome(text=text, records=state["records"], code=ending)


class _Nodes:
    """The nodes of one turn's graph."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        offered = {skill.name: skill for skill in registry.visible_to(turn.context)}
        granted = [offered[name] for name in turn.skills if name in offered]
        self._skills: dict[str, Skill] = {skill.alias: skill for skill in granted}
        self._tools = as_tools(turn.context, granted)

    def graph(self, saver: FencedSaver | None) -> CompiledStateGraph[Any, Any, Any, Any]:
        """Wire the nodes."""
        graph = StateGraph(State)
        graph.add_node("model", self.model)
        graph.add_node("tools", self.tools)
        graph.add_node("finish", self.finish)
        if self._turn.planning and self._skills:
            graph.add_node("plan", self.plan)
            graph.add_edge(START, "plan")
            graph.add_edge("plan", "model")
        else:
            graph.add_edge(START, "model")
        graph.add_conditional_edges("model", _after, ["model", "tools", "finish"])
        graph.add_conditional_edges("tools", _after, ["model", "tools", "finish"])
        graph.add_edge("finish", END)
        return graph.compile(checkpointer=saver)

    def plan(self, state: State) -> dict[str, Any]:
        """Ask the model for a plan; one that cannot be read is done without."""
        turn = self._turn
        turn.progress.raise_if_cancelled()
        step = turn.step_id("plan")
        turn.progress.step(step, kind="chain", name="plan", title="planning", status="running")
        plan, ms = write_plan(turn, state["messages"], self._skills)
        turn.progress.step(
            step,
            kind="chain",
            name="plan",
            title="planned",
            status="ok",
            summary=f"{len(plan)} step{'s'[: len(plan) - 1]}" if plan else "no plan needed",
            ms=ms,
        )
        if not plan:
            return {"plan": []}
        turn.progress.plan(planning.shown(plan))
        return {"plan": plan}

    def model(self, state: State) -> dict[str, Any]:
        """Let the model answer or call tools."""
        turn = self._turn
        if state["steps"] >= turn.step_limit:
            return {"ending": STEP_LIMIT}
        number = state["replies"]
        turn.draft.records = state["records"]
        step = turn.step_id("model", number)
        turn.progress.step(step, kind="model", name=turn.model, title="thinking", status="running")
        messages = state["messages"]
        if state["plan"]:
            messages = with_instruction(messages, planning.as_text(state["plan"]))
        reply = speak(turn, messages, self._skills)
        calls = self._calls(reply, number)
        done: dict[str, Any] = {
            "steps": state["steps"] + 1,
            "replies": number + 1,
        }
        turn.progress.step(
            step,
            kind="model",
            name=turn.model,
            title="chose tools" if calls else "answered",
            status="ok" if calls or reply.text.strip() else "error",
            summary=reply.summary if calls or reply.text.strip() else "empty reply",
            span_id=reply.span_id,
            ms=reply.ms,
            data={"text": reply.text[:2000]} if calls and reply.text else None,
        )
        if calls:
            turn.progress.clear_partial()
            turn.draft.text = ""
            message = AIMessage(
                content=reply.text,
                tool_calls=[
                    {"id": c["id"], "name": c["alias"], "args": c["arguments"], "type": "tool_call"}
                    for c in calls
                ],
            )
            return {**done, "messages": [message], "pending": calls, "text": ""}
        if reply.text.strip():
            return {
                **done,
                "messages": [AIMessage(content=reply.text)],
                "text": reply.text,
                "mistakes": 0,
                "ending": "answered",
            }
        nudge = HumanMessage("Your reply was empty. Answer the request, or call a tool.")
        mistakes = state["mistakes"] + 1
        ending = GARBAGE if mistakes >= MAX_GARBAGE else ""
        return {**done, "messages": [nudge], "mistakes": mistakes, "ending": ending}

    def tools(self, state: State) -> dict[str, Any]:
        """Make the first call that waits."""
        turn = self._turn
        turn.progress.raise_if_cancelled()
        call, *rest = state["pending"]
        done: dict[str, Any] = {"pending": rest, "steps": state["steps"] + 1}
        if state["steps"] >= turn.step_limit:
            return {"pending": [], "ending": STEP_LIMIT}
        if call["mistake"]:
            return {**done, **self._mistaken(state, call, call["mistake"])}
        signature = f"{call['alias']} {canonical_json(call['arguments']).decode()}"
        made = {**state["made"], signature: state["made"].get(signature, 0) + 1}
        if made[signature] >= MAX_REPEATS and not state["mistakes"]:
            return {"pending": [], "ending": LOOP, "made": made}
        return {**done, "made": made, **self._made(state, call)}

    def finish(self, state: State) -> dict[str, Any]:
        """Settle the plan."""
        answered = state["ending"] == "answered"
        plan = planning.close(state["plan"], answered=answered)
        if plan:
            self._turn.progress.plan(planning.shown(plan))
        if not answered:
            self._turn.progress.clear_partial()
        return {"plan": plan}

    def _calls(self, reply: Reply, number: int) -> list[Call]:
        calls: list[Call] = []
        for position, asked in enumerate(reply.calls):
            mistake = asked.mistake
            if not mistake and asked.alias not in self._skills:
                known = ", ".join(self._skills) or "none"
                mistake = f"There is no tool “{asked.alias[:80]}”. Tools: {known}."
            calls.append(
                {
                    # Models repeat ids from one reply to the next; a log wants them unique.
                    "id": f"call_{number}_{position}_{asked.id[:40]}",
                    "alias": asked.alias[:64] or "unknown",
                    "arguments": asked.arguments,
                    "mistake": mistake,
                    "key": f"{number}:{position}",
                }
            )
        return calls

    def _mistaken(self, state: State, call: Call, mistake: str) -> dict[str, Any]:
        self._turn.progress.step(
            self._turn.step_id("tool", call["key"]),
            kind="skill",
            name=call["alias"],
            title=call["alias"],
            status="error",
            summary=mistake[:200],
        )
        mistakes = state["mistakes"] + 1
        ended = mistakes >= MAX_GARBAGE
        return {
            "messages": [ToolMessage(mistake, tool_call_id=call["id"], status="error")],
            "mistakes": mistakes,
            "ending": GARBAGE if ended else "",
            **({"pending": []} if ended else {}),
        }

    def _made(self, state: State, call: Call) -> dict[str, Any]:
        turn, skill = self._turn, self._skills[call["alias"]]
        step = turn.step_id("tool", call["key"])
        shown = {"arguments": call["arguments"]}
        plan = planning.begin(state["plan"], call["alias"])
        self._show(plan, state["plan"])
        turn.progress.step(
            step, kind="skill", name=skill.name, title=skill.title, status="running", data=shown
        )
        answer, outcome = use(self._tools[call["alias"]], call["arguments"], call_id=call["id"])
        summary = outcome.summary if outcome.ok else (outcome.error_detail or "failed")
        told = {"result": shorten(outcome.output)} if outcome.ok else {"code": outcome.error_code}
        turn.progress.step(
            step,
            kind="skill",
            name=skill.name,
            title=past_tense(skill.title) if outcome.ok else skill.title,
            status="ok" if outcome.ok else "error",
            summary=summary[:300],
            span_id=getattr(outcome, "span_id", None),
            ms=outcome.ms,
            data={**shown, **told},
        )
        after = planning.finish(plan, call["alias"], ok=outcome.ok)
        self._show(after, plan)
        told_model = {"messages": [answer], "plan": after}
        if not outcome.ok and outcome.error_code in CALL_MISTAKES:
            mistakes = state["mistakes"] + 1
            ending = GARBAGE if mistakes >= MAX_GARBAGE else ""
            return {**told_model, "mistakes": mistakes, "ending": ending}
        record = {
            "call_id": call["id"],
            "alias": call["alias"],
            "skill": skill.name,
            "title": skill.title,
            "arguments": call["arguments"],
            "ok": outcome.ok,
            "summary": summary[:500],
            "result": answer.content,
        }
        return {**told_model, "records": [record], "mistakes": 0}

    def _show(self, plan: list[PlanItem], before: list[PlanItem]) -> None:
        if plan != before:
            self._turn.progress.plan(planning.shown(plan))


def _after(state: State) -> str:
    if state["ending"]:
        return "finish"
    return "tools" if state["pending"] else "model"
