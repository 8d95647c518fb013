"""Lists cost as many queries for many rows as for one."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.building import save_agent
from agents.specifying import AgentSpec
from playground.console.workbench.keeping import add_column, open_workbench
from playground.console.workbench.models import Workbench
from playground.console.workbench.running import run_columns
from playground.policy.models import User
from playground.policy.people import ensure_member
from playground.prompts.drafting import save_draft
from playground.prompts.labelling import move_label
from playground.prompts.models import Ramp
from playground.prompts.proposing import propose_label
from playground.prompts.protecting import require_fragment, set_protected
from playground.prompts.ramps.drafting import draft
from playground.prompts.ramps.planning import plan_of
from playground.prompts.ramps.proposing_ramps import propose
from playground.prompts.ramps.ramping import pause, resume, start
from playground.prompts.saving import create_prompt, save_version
from tests.prompts.conftest import chat, fragment
from tests.prompts.ramped import happen

pytestmark = [pytest.mark.django_db(databases="__all__"), pytest.mark.timeout(300)]

MANY = 4
FINE = {arm: {"error_rate": 0.0, "latency_ms": 9.0} for arm in ("baseline", "candidate")}
PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")

# What answers with rows, by its path and what is asked for.
LISTS = {
    "prompts": "",
    "prompts/<slug:team>/<slug:name>": "",
    "prompts/<slug:team>/<slug:name>/compare": "?from=1&to=2",
    "prompts/<slug:team>/<slug:name>/edit": "",
    "prompts/<slug:team>/<slug:name>/processes": "",
    "prompts/new": "",
    "api/prompts": "",
    "api/prompts/<team>/<name>": "",
    "api/prompts/<team>/<name>/dependents": "",
    "api/prompts/<team>/<name>/diff": "?before=1&after=2&fragments=true",
    "api/prompts/<team>/<name>/draft": "",
    "api/prompts/<team>/<name>/labels": "",
    "api/prompts/<team>/<name>/moves": "",
    "api/prompts/<team>/<name>/processes": "",
    "api/prompts/<team>/<name>/proposals": "",
    "api/prompts/<team>/<name>/ramps": "",
    "api/prompts/<team>/<name>/ramps/<ramp_id>": "",
    "api/prompts/<team>/<name>/resolve": "?label=production",
    "api/prompts/<team>/<name>/versions": "",
    "api/prompts/<team>/<name>/versions/<number>": "",
    "api/prompts/proposals": "",
    "api/prompts/protected-labels": "",
    "api/prompts/required-fragments": "",
    "admin/prompts/label/": "",
    "admin/prompts/prompt/": "",
    "admin/prompts/prompt/<prompt_id>/change/": "",
    "admin/prompts/promptversion/": "",
    "admin/prompts/promptversion/<version_id>/change/": "",
    "admin/prompts/protectedlabel/": "",
    "admin/prompts/ramp/": "",
    "admin/prompts/ramp/<path:object_id>/change/": "",
    "admin/prompts/ramp/<uuid:object_id>/live/": "",
    "admin/prompts/ramp/add/": "",
    "admin/prompts/requiredfragment/": "",
    "admin/prompts/requiredfragment/add/": "",
    "workbench": "",
    "workbench/<uuid:bench_id>": "",
    "workbench/<uuid:bench_id>/outputs": "",
    "workbench/<uuid:bench_id>/outputs.csv": "",
    "api/workbench": "",
    "api/workbench/<uuidstr:bench_id>": "",
    "api/workbench/<uuidstr:bench_id>/cells": "",
    "api/workbench/<uuidstr:bench_id>/outputs.csv": "",
}


class Stock:
    """A team with a prompt that has everything ``rows`` times, and as many others of each kind."""

    def __init__(self, owner: User) -> None:
        self.owner, self.context = owner, owner.context()
        self.rows = 0
        create_prompt(self.context, name="rules", content=fragment("Be fair."))
        create_prompt(self.context, name="much", content=chat("Hi."))
        save_version(self.context, "much", content=chat("Hello."))
        move_label(self.context, "much", label="production", version=1)
        save_draft(self.context, "much", content={}, based_on=2)
        self.ramp = self._ramp("much", "production")
        self.bench = open_workbench(self.context, columns=[self._column()])

    def fill(self, rows: int) -> None:
        """Add rows until there are so many."""
        for number in range(self.rows, rows):
            self._prompt(number)
            self._much(number)
            open_workbench(self.context, name=f"Bench {number}", columns=[self._column()])
        while self.bench.columns.count() < min(rows, 6):
            add_column(self.context, self.bench.pk)
        table = {"names": ["word"], "rows": [[f"word {number}"] for number in range(rows)]}
        Workbench.objects.filter(pk=self.bench.pk).update(table=table)
        run_columns(self.context, self.bench.pk, table=True)
        with connection.cursor() as cursor:
            # What rings a lane may not idle for long; here all that follows is in its transaction.
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '5min'")
        happen(self.ramp, FINE, members=range(self.rows, rows), user=self.owner)
        self.rows = rows

    def _prompt(self, number: int) -> None:
        name = f"listed-{number}"
        create_prompt(self.context, name=name, content=chat('{% include "rules" %}'))
        save_version(self.context, name, content=chat('Again: {% include "rules" %}'))
        move_label(self.context, name, label="staging", version=1)
        save_draft(self.context, name, content={}, based_on=2)
        self._ramp(name, "staging")
        require_fragment(self.context, label=f"own-{number}", fragment="rules")
        set_protected(self.context, label=f"own-{number}", protected=True)
        spec = AgentSpec(name=f"agent-{number}", title="Agent", prompt="Hi.")
        save_agent(self.context, spec)

    def _much(self, number: int) -> None:
        create_prompt(self.context, name=f"piece-{number}", content=fragment("A piece."))
        pieces = "".join(f'{{% include "piece-{each}" %}}' for each in range(number + 1))
        version = save_version(self.context, "much", content=chat(pieces))
        move_label(self.context, "much", label=f"at-{number}", version=version.number)
        propose_label(self.context, "much", label=f"wanted-{number}", version=version.number)
        draft(self.context, "much", plan_of({**_PLAN, "label": f"at-{number}", "candidate": 1}))
        start(self.context, Ramp.objects.latest("created_at").pk, reason="try it")
        again = plan_of({**_PLAN, "label": f"at-{number}", "candidate": 2})
        propose(self.context, draft(self.context, "much", again).pk, reason="later")
        pause(self.context, self.ramp.pk, reason="wait")
        resume(self.context, self.ramp.pk, reason="go on")
        other = ensure_member(f"editor-{number}", team="hiring").user
        save_draft(other.context(), "much", content={}, based_on=version.number)

    def _ramp(self, name: str, label: str) -> Ramp:
        made = draft(self.context, name, plan_of({**_PLAN, "label": label, "candidate": 2}))
        return start(self.context, made.pk, reason="try it")

    def _column(self) -> dict[str, Any]:
        content = {"kind": "chat", "messages": [{"role": "user", "template": "Say {{ word }}."}]}
        return {"content": content, "model": "scripted"}

    def address(self, route: str) -> str:
        """Return where a list is, of the prompt, ramp or workbench that has much."""
        rules = "dependents" in route
        values = {
            "team": "hiring", "name": "rules" if rules else "much", "number": str(self.rows + 2),
            "ramp_id": str(self.ramp.pk), "object_id": str(self.ramp.pk),
            "prompt_id": str(self.ramp.prompt_id), "version_id": str(self.ramp.baseline_id),
            "bench_id": str(self.bench.pk),
        }  # fmt: skip
        return "/" + PARAMETER.sub(lambda found: values[found[1]], route) + LISTS[route]


_PLAN: dict[str, Any] = {
    "stages": [{"percent": 50, "min_samples": 500}, {"percent": 100}],
    "guards": [
        {"kind": "error_rate", "tolerated": 0.5},
        {"kind": "latency_ms", "tolerated": 500},
    ],
}


# What every process asks again after a while, whatever it is that is asked of it.
BY_THE_CLOCK = re.compile(r"policy_policy|gateway_configuration_version")


def _queries(client: Client, address: str) -> int:
    """Count the statements that an answer takes once everything is known that may be kept."""
    client.get(address)
    with CaptureQueriesContext(connection) as asked:
        answer = client.get(address)
    assert answer.status_code == 200, (address, answer.content[:300])
    return sum(not BY_THE_CLOCK.search(each["sql"]) for each in asked)


def test_it_asks_as_often_for_many_rows_as_for_one(
    ada: User, client_for: Callable[..., Client], settings: Any, valkey: Any
) -> None:
    settings.PLAYGROUND_SCRIPTED = True
    ada.is_staff = ada.is_superuser = True
    ada.save()
    client, stock = client_for(ada), Stock(ada)
    stock.fill(1)
    few = {route: _queries(client, stock.address(route)) for route in LISTS}

    stock.fill(MANY)
    many = {route: _queries(client, stock.address(route)) for route in LISTS}

    grown = {route: (few[route], many[route]) for route in LISTS if many[route] > few[route]}
    assert grown == {}
