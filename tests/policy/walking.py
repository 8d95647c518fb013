"""The world that the walk over every route is taken in, and its single steps."""

import datetime as dt
import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.http.response import HttpResponseBase
from django.test import Client

from agents.building import save_agent
from agents.specifying import AgentSpec
from agents.threads import open_thread, post_message
from playground.console.workbench.keeping import open_workbench
from playground.console.workbench.running import run_columns
from playground.messaging.models import Run
from playground.policy import keys, links
from playground.policy.models import Role, User
from playground.prompts.content import content_of
from playground.prompts.labelling import move_label
from playground.prompts.ramps.drafting import draft
from playground.prompts.ramps.planning import plan_of
from playground.prompts.ramps.proposing_ramps import propose
from playground.prompts.saving import create_prompt, save_version
from playground.tracing.models import Span, Trace
from tests.people import join
from tests.policy.routes import KNOWN, METHODS, Known

SECRET = "xylophone-quartz"
ClientOf = Callable[[User, str], Client]
_PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
_FILLED = re.compile(r"\{\w+\}")
_TOKENS = re.compile(r"\b[A-Za-z0-9]{64}\b")
_RELATIVE = re.compile(r"<time [^>]*>[^<]*</time>")


@dataclass(frozen=True)
class Ids:
    """Ids by the name under which paths, queries and bodies carry them."""

    values: Mapping[str, str]

    def fill(self, template: str) -> str:
        return _PARAMETER.sub(lambda found: self.of(template, found[1]), template)

    def of(self, template: str, name: str) -> str:
        # Agents and skills both call their parameter "name".
        if name == "name" and "skills/" in template:
            name = "skill"
        if name == "name" and "prompts/" in template:
            name = "prompt"
        return self.values[name]

    def into(self, value: Any) -> Any:
        if isinstance(value, str):
            return value.format_map(self.values) if "{" in value else value
        if isinstance(value, Mapping):
            return {key: self.into(inner) for key, inner in value.items()}
        return value


@dataclass(frozen=True)
class World:
    """What the hiring team has, and ids of the same shape that nobody has; teammate, outsider."""

    real: Ids
    unknown: Ids
    bob: User
    charlie: User


def nobodys() -> Ids:
    """Return ids of the same shape that nobody has."""
    unknown = {
        "name": "zebra-recruitez", "skill": "hiring.search_candidatez",
        "thread_id": str(uuid.uuid4()), "run_id": str(uuid.uuid4()), "trace_id": uuid.uuid4().hex,
        "prompt": "zebra-prompz", "number": "1", "label": "staging",
        "proposal_id": str(uuid.uuid4()), "key": "thumbs",
        "span_id": uuid.uuid4().hex[:16], "key_id": str(uuid.uuid4()), "token": "n" * 43,
        "ramp_id": str(uuid.uuid4()), "action": "start",
        "bench_id": str(uuid.uuid4()), "column_id": str(uuid.uuid4()),
        "cell_id": str(uuid.uuid4()), "bench_name": "Bemch", "team": "nobody",
        "object_id": str(uuid.uuid4()), "content_type_id": "999999",
        # Which rooms there are is no secret, and other labels are no addresses.
        "app_label": "gateway",
    }  # fmt: skip
    return Ids(unknown)


def build() -> World:
    """Make the hiring team's things, by Alice; every visible one carries the secret."""
    alice, bob = (join(name, team="hiring", role=Role.DEVELOPER) for name in ("alice", "bob"))
    charlie = join("charlie", team="trust", role=Role.DEVELOPER)
    context = alice.context()
    name = "zebra-recruiter"
    save_agent(context, AgentSpec(name=name, title=f"Agent {SECRET}", prompt="You recruit."))
    thread = open_thread(context, agent=name)
    posted = post_message(context, thread.pk, content=f"Say {SECRET}", dedup_key=None)
    run = Run.objects.get(pk=posted.run_id)
    with connection.cursor() as cursor:
        # Appending ends idle transactions early; here the test's own transaction is meant by that.
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '5min'")
    span_id = uuid.uuid4().hex[:16]
    started = dt.datetime.now(dt.UTC)
    trace = Trace.objects.create(
        id=run.trace_id, team="hiring", subject=alice.urn, name=SECRET, run_id=str(run.pk),
        thread_id=str(thread.pk), status="ok", started_at=started, ended_at=started,
        duration_ms=1, span_count=1, stored_at=started,
    )  # fmt: skip
    Span.objects.create(
        id=f"{trace.id}/{span_id}", trace=trace, span_id=span_id, revision=1, name=SECRET,
        kind="agent", status="ok", started_at=started, ended_at=started, stored_at=started,
    )  # fmt: skip
    first, second = (
        content_of({"kind": "fragment", "messages": [{"role": "text", "template": words}]})
        for words in (SECRET, f"{SECRET}!")
    )
    create_prompt(context, name="zebra-prompt", content=first)
    save_version(context, "zebra-prompt", content=second)
    move_label(context, "zebra-prompt", label="staging", version=1)
    plan = plan_of({"label": "staging", "candidate": 2, "stages": [{"percent": 10}]})
    ramp = draft(context, "zebra-prompt", plan, reason=SECRET)
    proposal = propose(context, ramp.pk, reason=SECRET).proposals.get()
    created = keys.create(user=alice, team=alice.memberships.get().team, name=SECRET)
    bench = open_workbench(context, name=f"Bench {SECRET}")
    column = bench.columns.get()
    [cell] = run_columns(context, bench.pk)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '5min'")
    real = {
        "name": name, "skill": "hiring.search_candidates", "thread_id": str(thread.pk),
        "run_id": str(run.pk), "trace_id": trace.id, "span_id": span_id,
        "prompt": "zebra-prompt", "number": "1", "label": "staging",
        "proposal_id": str(proposal.pk), "key": "thumbs",
        "key_id": str(created.key.pk), "token": links.issue(alice), "team": "hiring",
        "bench_id": str(bench.pk), "column_id": str(column.pk), "cell_id": str(cell.pk),
        "bench_name": "Bench", "ramp_id": str(ramp.pk), "action": "start",
        "object_id": str(created.key.pk), "content_type_id": "1", "app_label": "policy",
    }  # fmt: skip
    return World(Ids(real), nobodys(), bob, charlie)


@dataclass(frozen=True)
class Asked:
    """One request: method, route and the variant of accepted types."""

    method: str
    route: str
    known: Known
    accept: str = "text/html, application/json"

    def by(self, client: Client, ids: Ids) -> HttpResponseBase:
        path = "/" + ids.fill(self.route)
        if self.known.query and self.method in {"GET", "HEAD"}:
            path += f"?{ids.into(self.known.query)}"
        body = ids.into(self.known.bodies.get(self.method, {}))
        # The same id in both requests, so that it cannot be what tells them apart.
        headers = {"accept": self.accept, "x-request-id": "walk-00000000"}
        if self.method in {"GET", "HEAD", "OPTIONS"}:
            return client.generic(self.method, path, headers=headers)
        if self.route.startswith("api/"):
            return client.generic(
                self.method, path, json.dumps(body), "application/json", headers=headers
            )
        if self.method == "POST":
            return client.post(path, body, headers=headers)
        return client.generic(self.method, path, headers=headers)


def requests(route: str) -> list[Asked]:
    known = KNOWN[route]
    asked = [Asked(method, route, known) for method in METHODS]
    if known.streams:
        asked += [Asked("GET", route, known, accept="text/event-stream")]
    return asked


def seen(response: HttpResponseBase, ids: Ids) -> tuple[int, str, str]:
    """Return status, target and text with the ids and one-time values taken out."""
    assert not getattr(response, "streaming", False), "a stream was opened"
    text = response.content.decode()  # type: ignore[attr-defined]
    target = response.headers.get("Location", "")
    for name, value in ids.values.items():
        if name in {"team", "app_label", "content_type_id", "number", "label"}:
            # Short words that stand in every page; no answer repeats one that was asked.
            continue
        text, target = text.replace(value, f"<{name}>"), target.replace(value, f"<{name}>")
    text = _RELATIVE.sub("<time>", _TOKENS.sub("<token>", text))
    return response.status_code, target, text


def names_ids(asked: Asked) -> bool:
    in_query = asked.method in {"GET", "HEAD"} and "{" in asked.known.query
    body = str(list(asked.known.bodies.get(asked.method, {}).values()))
    return bool(_PARAMETER.search(asked.route)) or in_query or bool(_FILLED.search(body))


def as_nobody(world: World, route: str) -> None:
    """Ask without a name, and be sent to sign in."""
    for asked in requests(route):
        response = asked.by(Client(raise_request_exception=False), world.real)

        if asked.known.public:
            assert response.status_code < 500 or route == "healthz", asked
            continue
        if route.startswith("api/") and route != "api/docs":
            assert response.status_code == 401, asked
        else:
            assert response.status_code == 302, asked
            assert response["Location"].startswith("/login"), asked
        assert SECRET not in response.content.decode()


def as_outsider(world: World, route: str, client_of: ClientOf) -> None:
    """Ask for what is real and what is not, and be told the same of both."""
    client = client_of(world.charlie, route)

    for asked in requests(route):
        if route in {"login/<str:token>", "logout"}:
            continue
        for_real = seen(asked.by(client, world.real), world.real)
        assert SECRET not in for_real[2], asked
        if names_ids(asked):
            for_unknown = seen(asked.by(client, world.unknown), world.unknown)
            assert for_real == for_unknown, asked
        assert for_real[0] < 500 or route == "healthz", asked
        if _PARAMETER.search(route):
            assert for_real[0] in {302, 403, 404, 405, 422} or asked.method == "OPTIONS", asked


def as_teammate(world: World, route: str, client_of: ClientOf) -> None:
    """Do everything that is described with what is real, and be answered."""
    client, known = client_of(world.bob, route), KNOWN[route]
    if route == "logout":
        return

    shown = Asked("GET", route, known, accept="application/json, text/html").by(client, world.real)

    assert shown.status_code in known.teammate.get("GET", (200,)), shown
    for asked in requests(route)[: len(METHODS)]:
        if known.streams and asked.method == "GET":
            continue
        response = asked.by(client, world.real)
        allowed = known.teammate.get(asked.method)
        assert response.status_code < 500 or route == "healthz", asked
        assert allowed is None or response.status_code in allowed, asked
        if asked.method in known.bodies and not (known.own or known.public):
            assert response.status_code not in {401, 403, 405}, asked
            assert route == "team/switch" or response.status_code != 404, asked
