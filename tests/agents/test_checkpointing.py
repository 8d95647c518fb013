"""Checkpoints commit only under the lane's lease, and a run resumes from the recorded head."""

import operator
import uuid
from collections.abc import Callable, Iterator
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph

from agents.graphs import checkpointing
from agents.graphs.checkpointing import RUN_KEY, FencedSaver
from agents.running import Turn
from playground.core.context import RequestContext
from playground.messaging.fencing import Fence
from playground.messaging.interruptions import LeaseLost
from playground.messaging.lanes import open_lane
from playground.messaging.models import Lane
from playground.policy.models import User

pytestmark = pytest.mark.django_db(transaction=True, databases="__all__")


class State(TypedDict):
    done: Annotated[list[str], operator.add]


class Crash(Exception):
    """A worker dies."""


@pytest.fixture(autouse=True)
def pools() -> Iterator[None]:
    yield
    checkpointing.close_pools()


@pytest.fixture
def lane(alice: User) -> Lane:
    return leased(open_lane(context=alice.context(), owner=alice), epoch=1)


def leased(lane: Lane, *, epoch: int) -> Lane:
    lane.lease_epoch, lane.lease_owner = epoch, "worker"
    lane.save(update_fields=["lease_epoch", "lease_owner"])
    return lane


def turn_of(lane: Lane, *, run_id: str, epoch: int = 1) -> Turn:
    context = RequestContext(subject="user:alice", team="hiring")
    return Turn(
        run_id=run_id,
        lane_id=str(lane.pk),
        context=context,
        messages=[],
        model="none",
        skills=(),
        step_limit=5,
        planning=False,
        progress=None,  # type: ignore[arg-type]
        fence=Fence(lane_id=lane.pk, epoch=epoch, owner="worker"),
    )


def walk(turn: Turn, *, second: Callable[[], None] = lambda: None) -> list[str]:
    """Run three nodes, beginning anew or where the run's head is."""
    ran: list[str] = []

    def node(name: str, act: Callable[[], None]) -> Callable[[State], Any]:
        def work(_: State) -> Any:
            ran.append(name)
            act()
            return {"done": [name]}

        return work

    graph = StateGraph(State)
    graph.add_node("first", node("first", lambda: None))
    graph.add_node("second", node("second", second))
    graph.add_node("third", node("third", lambda: None))
    for edge in ((START, "first"), ("first", "second"), ("second", "third"), ("third", END)):
        graph.add_edge(*edge)
    saver = FencedSaver(turn)
    config: RunnableConfig = {
        "configurable": {"thread_id": turn.lane_id},
        "metadata": {RUN_KEY: turn.run_id},
    }
    begun = saver.get_tuple(config) is not None
    compiled = graph.compile(checkpointer=saver)
    try:
        compiled.invoke(None if begun else {"done": []}, config, durability="sync")
    except Crash:
        return ran
    assert compiled.get_state(config).values["done"] == ["first", "second", "third"]
    return ran


def crash() -> None:
    raise Crash


def test_it_goes_on_after_the_last_finished_node_when_a_worker_died(lane: Lane) -> None:
    run_id = str(uuid.uuid4())

    first = walk(turn_of(lane, run_id=run_id), second=crash)
    leased(lane, epoch=2)
    second = walk(turn_of(lane, run_id=run_id, epoch=2))

    assert first == ["first", "second"]
    assert second == ["second", "third"]


def test_it_runs_nothing_again_when_the_graph_had_ended(lane: Lane) -> None:
    run_id = str(uuid.uuid4())
    walk(turn_of(lane, run_id=run_id))

    assert walk(turn_of(lane, run_id=run_id)) == []


def test_it_begins_anew_when_the_head_is_another_runs(lane: Lane) -> None:
    walk(turn_of(lane, run_id=str(uuid.uuid4())), second=crash)

    assert walk(turn_of(lane, run_id=str(uuid.uuid4()))) == ["first", "second", "third"]


def test_it_refuses_a_checkpoint_when_the_lease_was_lost_midway(lane: Lane) -> None:
    run_id = str(uuid.uuid4())

    with pytest.raises(LeaseLost):
        walk(turn_of(lane, run_id=run_id), second=lambda: leased(lane, epoch=2) and None)

    lane.refresh_from_db()
    head = lane.head_checkpoint
    assert walk(turn_of(lane, run_id=run_id, epoch=2)) == ["second", "third"]
    lane.refresh_from_db()
    assert lane.head_checkpoint != head


def test_it_resumes_from_the_recorded_head_and_never_from_the_highest_id(lane: Lane) -> None:
    run_id = str(uuid.uuid4())
    turn = turn_of(lane, run_id=run_id)
    walk(turn, second=crash)
    lane.refresh_from_db()
    head = lane.head_checkpoint

    walk(turn)
    assert walk(turn) == []
    Lane.objects.filter(pk=lane.pk).update(head_checkpoint=head)

    # What "second" wrote lies beside the head and is not done again; the highest runs nothing.
    assert walk(turn) == ["third"]
