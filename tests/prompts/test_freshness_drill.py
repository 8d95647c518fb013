"""Every kind of change is in force a second later, in a process that was paused and without Redis.

What ``test_propagation_drill`` proves of labels, workers and the page, for whatever else decides
what a prompt resolves to.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker

from playground.core.context import RequestContext
from playground.policy.models import User
from playground.prompts.archiving import archive_prompt, archive_version
from playground.prompts.labelling import move_label, remove_label
from playground.prompts.models import Prompt, Ramp
from playground.prompts.ramps import ramping
from playground.prompts.ramps.bucketing import bucket_of
from playground.prompts.saving import save_version
from tests.prompts.conftest import chat
from tests.prompts.ramped import PATH, greeting, started
from tests.prompts.served import Web, webs
from tests.services import Services

__all__ = ["greeting"]
pytestmark = [
    pytest.mark.drill,
    pytest.mark.timeout(300),
    pytest.mark.django_db(transaction=True, databases="__all__"),
]

IN_FORCE_S = 1.0
Change = Callable[[RequestContext, Ramp], object]


@dataclass(frozen=True)
class Case:
    """A change, how one asks, and what the answer is then; an int is a version, a text a code."""

    change: Change
    query: str
    before: int | str
    after: int | str


def next_stage(context: RequestContext, ramp: Ramp) -> None:
    ramping.advance(context, ramp.pk, reason="on", early=True)


CASES = {
    "a new version": Case(
        lambda context, _: save_version(context, PATH, content=chat("Good day.")), "", 3, 4
    ),
    "an archived version": Case(
        lambda context, _: archive_version(context, PATH, version=3), "label=latest", 3, 2
    ),
    "a label moved": Case(
        lambda context, _: move_label(context, PATH, label="own", version=2), "label=own", 1, 2
    ),
    "a label removed": Case(
        lambda context, _: remove_label(context, PATH, label="own"),
        "label=own", 1, "prompt.label-unknown",
    ),
    "a ramp's next stage": Case(next_stage, "label=production&key={grows}", 1, 2),
    "a ramp rolled back": Case(
        lambda context, ramp: ramping.roll_back(context, ramp.pk, reason="back"),
        "label=production&key={inside}", 2, 1,
    ),
    "an archived prompt, which still resolves": Case(
        lambda context, _: archive_prompt(context, PATH), "version=1", 1, 1
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def both(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[list[Web]]:
    with webs(2) as running:
        yield running


def said(web: Web, key: str, query: str) -> Any:
    status, body = web.ask(key, "GET", f"/v1/prompts/{PATH}?{query}")
    return body["version"] if status == 200 else (body["error"] or {}).get("code")


def keys_of(ramp: Ramp) -> dict[str, str]:
    """Return a key that the candidate is for already, and one that the second stage brings."""
    buckets = {f"member:{n}": bucket_of(f"member:{n}", salt=ramp.salt) for n in range(500)}
    return {
        "inside": next(key for key, bucket in buckets.items() if bucket < 1_000),
        "grows": next(key for key, bucket in buckets.items() if 1_000 <= bucket < 5_000),
    }


@pytest.mark.parametrize("name", CASES)
def test_it_is_in_force_a_second_later_in_every_process(
    both: list[Web],
    rhea: User,
    greeting: Prompt,
    key_for: Callable[[User], str],
    embedded_services: Services,
    name: str,
) -> None:
    case, key, context = CASES[name], key_for(rhea), rhea.context()
    save_version(context, PATH, content=chat("Hey."))
    move_label(context, PATH, label="own", version=1)
    ramp = started(rhea, stages=[{"percent": 10}, {"percent": 50}])
    query = case.query.format(**keys_of(ramp))
    assert [said(web, key, query) for web in both] == [case.before] * 2
    awake, paused = both
    assert paused.process is not None
    assert embedded_services.valkey is not None

    os.kill(paused.process.pid, signal.SIGSTOP)
    try:
        embedded_services.valkey.kill()
        embedded_services.valkey.wait(30)
        case.change(context, ramp)
        time.sleep(IN_FORCE_S)
        alone = said(awake, key, query)
        embedded_services.start_valkey()
    finally:
        if embedded_services.valkey.poll() is not None:
            embedded_services.start_valkey()
        os.kill(paused.process.pid, signal.SIGCONT)
    time.sleep(IN_FORCE_S)

    assert alone == case.after
    assert [said(web, key, query) for web in both] == [case.after] * 2
