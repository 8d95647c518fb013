"""The Celery application of drill workers: the product's own, with a handler that needs no model.

A message is JSON: how many steps to take at least, until which file is there, how long each takes,
whether to look up between them. With
``DRILL_NO_FENCE`` the fence is taken out, to see the drills notice.
"""

import itertools
import json
import os
import time
from pathlib import Path
from typing import Any

import django

from playground.celery import app

django.setup()

from playground.messaging import handlers  # noqa: E402
from playground.messaging.fencing import Fence  # noqa: E402
from playground.messaging.interruptions import LeaseLost  # noqa: E402
from playground.messaging.working import Work  # noqa: E402

__all__ = ["app"]


def act(work: Work) -> None:
    plan = json.loads(work.message.content)
    try:
        for number in itertools.count():
            if number >= plan.get("steps", 3) and _released(plan):
                break
            step = f"{work.attempt}.{number}"
            work.step(step, kind="skill", name="act", title=step, status="ok")
            work.delta(f"{number} ")
            time.sleep(plan.get("pause_s", 0.0))
            if plan.get("polite", True):
                work.raise_if_cancelled()
        work.append("assistant", plan["say"], dedup_key=f"answer:{work.run_id}")
    except LeaseLost:
        notes = os.environ.get("DRILL_NOTES")
        if notes:
            Path(notes, f"refused-{os.getpid()}").touch()
        raise


def _released(plan: dict[str, Any]) -> bool:
    return "until" not in plan or Path(plan["until"]).exists()


def prepare() -> None:
    """Take the place of the agents, and take out the fence where the environment says so."""
    handlers.register("thread", act)
    if os.environ.get("DRILL_NO_FENCE"):
        Fence.check = lambda self, target: None  # type: ignore[method-assign]
