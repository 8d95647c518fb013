"""A workbench of Alice's with the scripted model, and a worker for its lanes."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from playground.console.workbench.keeping import open_workbench
from playground.console.workbench.models import Cell, Workbench
from playground.core import spans
from playground.gateway.providers import scripted
from playground.messaging.draining import drain
from playground.policy.models import User
from playground.prompts.content import content_of
from playground.prompts.models import PromptVersion
from playground.prompts.saving import create_prompt, save_version

Bench = Callable[..., Workbench]
Work = Callable[[Workbench], list[Cell]]


def draft(template: str = "Say {{ word }}.", **more: Any) -> dict[str, Any]:
    """Return the specification of a draft of one message on the scripted model."""
    content = {"kind": "chat", "messages": [{"role": "user", "template": template}]}
    return {"content": content, "model": "scripted", **more}


@pytest.fixture
def scripted_model(transactional_db: None, settings: Any, valkey: Any) -> Iterator[None]:
    settings.PLAYGROUND_SCRIPTED = True
    scripted.clear()
    yield
    # Spans are stored by a thread of their own, which must not write while tables are emptied.
    spans.flush()


@pytest.fixture
def bench_of(alice: User, scripted_model: None) -> Bench:
    def opened(*columns: dict[str, Any], **more: Any) -> Workbench:
        values = {"variables": {"word": "hello"}, **more}
        return open_workbench(alice.context(), columns=list(columns) or [draft()], **values)

    return opened


@pytest.fixture
def work() -> Work:
    """Work on every lane of a workbench, and return the cells that it shows then."""

    def done(bench: Workbench) -> list[Cell]:
        for column in bench.columns.all():
            drain(column.lane_id)
        cells = Cell.objects.shown(bench).prefetch_related("turns__run")
        return sorted(cells, key=lambda cell: (cell.column.position, cell.row))

    return done


@pytest.fixture
def outreach(alice: User, hiring: Any) -> PromptVersion:
    """Return the second version of Alice's prompt; ``production`` is the first."""
    context = alice.context()

    def says(template: str) -> Any:
        return content_of({"messages": [{"role": "user", "template": template}]})

    create_prompt(context, name="outreach", content=says("Write to {{ name }}."))
    return save_version(
        context, "outreach", content=says("Write warmly to {{ name }} about {{ job.title }}.")
    )
