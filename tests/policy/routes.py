"""Every route that the server has, read from the server itself, and what is known about each.

``KNOWN`` is the only list kept by hand: a route that is missing in it fails the walk.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

_NAMED_GROUP = re.compile(r"\(\?P(<\w+>)[^)]*\)")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@dataclass(frozen=True)
class Known:
    """What the walk needs to know about a route.

    Attributes:
        bodies: JSON for API routes and form fields for pages, by method. ``{name}`` in a string
            stands for the id of that name, so that ids in bodies are tried like those in paths.
        query: a query string with such ids.
        teammate: statuses that a teammate may get, by method; GET is 200 unless said otherwise.
        public: answers anybody.
        own: the ids belong to one person, so that a teammate is a stranger too.
        streams: speaks server-sent events unless asked for JSON.
    """

    bodies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    query: str = ""
    teammate: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    public: bool = False
    own: bool = False
    streams: bool = False


_AGENT = {
    "title": "T", "prompt": "P", "description": "", "skills": [], "model": "default",
    "step_limit": 4, "planning": False, "suggested": [],
}  # fmt: skip

_RAMP = {"label": "staging", "candidate": 2, "stages": [{"percent": 10}]}
_CONTENT = {"kind": "fragment", "messages": [{"role": "text", "template": "hi"}]}

KNOWN: dict[str, Known] = {
    # people and doors
    "healthz": Known(public=True, teammate={"GET": (200, 503)}),
    "login": Known(public=True, bodies={"POST": {"token": "no"}}, teammate={"GET": (302,)}),
    "login/<str:token>": Known(public=True, bodies={"POST": {}}),
    "logout": Known(teammate={"GET": (405,)}),
    "team/switch": Known(bodies={"POST": {"team": "{team}"}}, teammate={"GET": (405,)}),
    "keys": Known(bodies={"POST": {"revoke": "{key_id}"}}, own=True),
    # console
    "": Known(),
    "palette": Known(query="q={name}"),
    "chat": Known(
        query="agent={name}",
        bodies={"POST": {"agent": "{name}", "content": "hello"}},
    ),
    "chat/list": Known(query="agent={name}&current={thread_id}"),
    "chat/<uuid:thread_id>": Known(
        bodies={"POST": {"content": "hello", "title": "t", "action": "rename"}}
    ),
    "chat/<uuid:thread_id>/rows": Known(),
    # A fragment: opened as a page it leads to the thread.
    "chat/<uuid:thread_id>/inspector": Known(teammate={"GET": (302,)}),
    "runs/<uuid:run_id>": Known(bodies={"POST": {"action": "cancel"}}),
    "runs/<uuid:run_id>/feedback": Known(bodies={"POST": {"score": "1"}}, teammate={"GET": (405,)}),
    # agents
    "agents": Known(query="q={name}"),
    "agents/new": Known(query="from={name}", bodies={"POST": {"name": "fresh", "title": "T"}}),
    "agents/<slug:name>": Known(bodies={"POST": {"action": "archive"}}),
    "agents/<slug:name>/edit": Known(bodies={"POST": {"title": "T", "prompt": "P"}}),
    "api/agents": Known(query="q={name}", bodies={"POST": {**_AGENT, "name": "fresh"}}),
    "api/agents/<name>": Known(bodies={"PUT": _AGENT, "PATCH": {"archived": False}}),
    "api/agents/<name>/versions": Known(),
    # threads and runs
    "api/threads": Known(query="agent={name}", bodies={"POST": {"agent": "{name}"}}),
    "api/threads/<thread_id>": Known(bodies={"PATCH": {"title": "t"}}),
    "api/threads/<thread_id>/messages": Known(bodies={"POST": {"content": "hello"}}),
    "api/threads/<thread_id>/upgrade": Known(bodies={"POST": {}}, teammate={"GET": (405,)}),
    "api/threads/<thread_id>/read": Known(bodies={"POST": {"seq": 1}}, teammate={"GET": (405,)}),
    "api/threads/<uuidstr:thread_id>/events": Known(query="after=0", streams=True),
    "api/runs/<uuidstr:run_id>": Known(),
    "api/runs/<uuidstr:run_id>/feedback": Known(bodies={"POST": {"key": "thumbs", "score": 1}}),
    "api/runs/<uuidstr:run_id>/feedback/<key>": Known(teammate={"GET": (405,)}),
    "api/runs/<uuidstr:run_id>/cancel": Known(bodies={"POST": {}}, teammate={"GET": (405,)}),
    "api/runs/<uuidstr:run_id>/replay": Known(bodies={"POST": {}}, teammate={"GET": (405,)}),
    # skills, prompts, models
    "skills": Known(query="q={skill}"),
    "skills/<str:name>": Known(),
    "skills/<str:name>/try": Known(bodies={"POST": {}}, teammate={"GET": (405,)}),
    "api/skills": Known(query="q={skill}"),
    "api/skills/<name>": Known(),
    "api/skills/<name>/invoke": Known(bodies={"POST": {"arguments": {}}}, teammate={"GET": (405,)}),
    "api/prompts/import": Known(
        bodies={
            "POST": {
                "format": "openai",
                "document": {"messages": [{"role": "user", "content": "hi"}]},
                "dry_run": True,
            }
        },
        teammate={"GET": (405,)},
    ),
    "api/prompts/render": Known(
        bodies={"POST": {"messages": [{"role": "user", "template": "hi"}]}},
        teammate={"GET": (405,)},
    ),
    "api/prompts/<team>/<name>/ramps": Known(bodies={"POST": _RAMP}),
    "api/prompts/<team>/<name>/ramps/simulate": Known(
        bodies={"POST": {"plan": _RAMP}}, teammate={"GET": (405,)}
    ),
    "api/prompts/<team>/<name>/ramps/<ramp_id>": Known(),
    "api/prompts/<team>/<name>/ramps/<ramp_id>/observations": Known(
        bodies={"POST": {"key": "member:1", "version": 1, "outcome": {"error_rate": 0}}},
        teammate={"GET": (405,)},
    ),
    "api/prompts/<team>/<name>/ramps/<ramp_id>/<action>": Known(
        bodies={"POST": {"reason": "so"}}, teammate={"GET": (405,)}
    ),
    "api/prompts/<team>/<name>/processes": Known(),
    "prompts/<slug:team>/<slug:name>/processes": Known(),
    "api/prompts": Known(
        query="q={prompt}", bodies={"POST": {"name": "fresh", "content": _CONTENT}}
    ),
    "api/prompts/proposals": Known(),
    "api/prompts/proposals/<proposal_id>": Known(teammate={"GET": (405,)}),
    "api/prompts/proposals/<proposal_id>/decision": Known(teammate={"GET": (405,)}),
    "api/prompts/protected-labels": Known(),
    "api/prompts/rules": Known(),
    "api/prompts/<team>/<name>/rules": Known(),
    "api/prompts/required-fragments": Known(),
    "api/prompts/<team>/<name>": Known(bodies={"PATCH": {"title": "T"}}),
    "api/prompts/<team>/<name>/versions": Known(bodies={"POST": {"content": _CONTENT}}),
    "api/prompts/<team>/<name>/versions/<number>": Known(bodies={"PATCH": {"archived": False}}),
    "api/prompts/<team>/<name>/diff": Known(query="before=1&after=1&fragments=true"),
    "api/prompts/<team>/<name>/resolve": Known(query="version=1"),
    "api/prompts/<team>/<name>/render": Known(bodies={"POST": {}}, teammate={"GET": (405,)}),
    "api/prompts/<team>/<name>/labels": Known(),
    "api/prompts/<team>/<name>/labels/<label>": Known(
        bodies={"PUT": {"version": 1}}, teammate={"GET": (405,)}
    ),
    "api/prompts/<team>/<name>/moves": Known(query="label=staging"),
    "api/prompts/<team>/<name>/proposals": Known(
        bodies={"POST": {"label": "production", "version": 1}}
    ),
    "api/prompts/<team>/<name>/check": Known(
        bodies={"POST": {"content": _CONTENT}}, teammate={"GET": (405,)}
    ),
    "api/prompts/<team>/<name>/dependents": Known(),
    "api/prompts/<team>/<name>/bump": Known(bodies={"POST": {}}),
    "api/prompts/<team>/<name>/draft": Known(
        bodies={"PUT": {"content": _CONTENT}}, teammate={"GET": (404,)}
    ),
    "prompts": Known(query="q={prompt}"),
    "prompts/rules": Known(),
    "prompts/proposals": Known(query="q={prompt}"),
    "prompts/<slug:team>/<slug:name>/versions": Known(query="q=First"),
    "prompts/<slug:team>/<slug:name>/about": Known(bodies={"POST": {"title": "T"}}),
    "prompts/<slug:team>/<slug:name>/delete": Known(teammate={"GET": (405,)}),
    "prompts/new": Known(bodies={"POST": {"name": "fresh", "kind": "text"}}),
    "prompts/<slug:team>/<slug:name>": Known(),
    "prompts/<slug:team>/<slug:name>/proposals/<uuid:proposal_id>": Known(),
    "prompts/<slug:team>/<slug:name>/act": Known(
        bodies={"POST": {"do": "archive"}}, teammate={"GET": (405,)}
    ),
    "prompts/<slug:team>/<slug:name>/bump": Known(bodies={"POST": {"version": "1"}}),
    "prompts/<slug:team>/<slug:name>/bump/diff": Known(
        query="version=1&prompt={prompt}", teammate={"GET": (422,)}
    ),
    "prompts/<slug:team>/<slug:name>/compare": Known(query="from=1&to=1"),
    "prompts/<slug:team>/<slug:name>/edit": Known(
        bodies={"POST": {"role": "user", "template": "hi", "based_on": "1"}}
    ),
    "prompts/<slug:team>/<slug:name>/preview": Known(
        bodies={"POST": {"role": "user", "template": "hi"}}, teammate={"GET": (405,)}
    ),
    "prompts/<slug:team>/<slug:name>/draft": Known(
        bodies={"POST": {"role": "user", "template": "hi"}}
    ),
    "prompts/import": Known(bodies={"POST": {"source": "openai", "text": "[]"}}),
    # workbench
    "workbench": Known(query="q={bench_name}", bodies={"POST": {}}),
    "workbench/<uuid:bench_id>": Known(
        query="against={column_id}", bodies={"POST": {"do": "run:{column_id}"}}
    ),
    "workbench/<uuid:bench_id>/save": Known(
        bodies={"POST": {"name": "n", "against": "{column_id}"}}, teammate={"GET": (405,)}
    ),
    "workbench/<uuid:bench_id>/outputs": Known(),
    "workbench/<uuid:bench_id>/outputs.csv": Known(),
    "workbench/<uuid:bench_id>/outputs.jsonl": Known(),
    "workbench/<uuid:bench_id>/columns/<uuid:column_id>/history": Known(),
    "workbench/from/<str:trace_id>/<str:span_id>": Known(
        bodies={"POST": {}}, teammate={"GET": (405,)}
    ),
    "api/workbench": Known(query="after={bench_id}", bodies={"POST": {"name": "mine"}}),
    "api/workbench/from-span": Known(
        bodies={"POST": {"trace_id": "{trace_id}", "span_id": "{span_id}"}},
        teammate={"GET": (405,)},
    ),
    "api/workbench/from-draft": Known(
        bodies={"POST": {"prompt": "{prompt}"}}, teammate={"GET": (405,)}
    ),
    "api/workbench/<uuidstr:bench_id>": Known(bodies={"PATCH": {"name": "n"}}),
    "api/workbench/<uuidstr:bench_id>/duplicate": Known(
        bodies={"POST": {}}, teammate={"GET": (405,)}
    ),
    "api/workbench/<uuidstr:bench_id>/columns": Known(
        bodies={"POST": {"source": ""}}, teammate={"GET": (405,)}
    ),
    "api/workbench/<uuidstr:bench_id>/columns/<uuidstr:column_id>": Known(
        bodies={"PUT": {"source": ""}}, teammate={"GET": (405,)}
    ),
    "api/workbench/<uuidstr:bench_id>/columns/<uuidstr:column_id>/draft": Known(
        bodies={"POST": {}}, teammate={"GET": (405,)}
    ),
    "api/workbench/<uuidstr:bench_id>/columns/<uuidstr:column_id>/publish": Known(
        bodies={"POST": {}}, teammate={"GET": (405,)}
    ),
    "api/workbench/<uuidstr:bench_id>/run": Known(
        bodies={"POST": {"columns": ["{column_id}"]}}, teammate={"GET": (405,)}
    ),
    "api/workbench/<uuidstr:bench_id>/stop": Known(
        bodies={"POST": {"columns": ["{column_id}"]}}, teammate={"GET": (405,)}
    ),
    "api/workbench/<uuidstr:bench_id>/say": Known(
        bodies={"POST": {"content": "more"}}, teammate={"GET": (405,), "POST": (409,)}
    ),
    "api/workbench/<uuidstr:bench_id>/cells": Known(query="row=0"),
    "api/workbench/<uuidstr:bench_id>/cells/<uuidstr:cell_id>": Known(),
    "api/workbench/<uuidstr:bench_id>/cells/<uuidstr:cell_id>/continue": Known(
        bodies={"POST": {"content": "more"}}, teammate={"GET": (405,)}
    ),
    "api/workbench/<uuidstr:bench_id>/outputs.csv": Known(),
    "api/workbench/<uuidstr:bench_id>/outputs.jsonl": Known(),
    "api/workbench/<uuidstr:bench_id>/runs": Known(),
    "api/workbench/<uuidstr:bench_id>/summary": Known(),
    "api/workbench/<uuidstr:bench_id>/columns/<uuidstr:column_id>/check": Known(),
    "models": Known(),
    "models/routes": Known(),
    "api/models/routes": Known(),
    "api/models/endpoints": Known(),
    "models/usage": Known(query="period=30&key={key_id}"),
    "models/usage.csv": Known(query="key={key_id}"),
    "api/models": Known(),
    "api/models/usage": Known(query="group=key&key={key_id}"),
    "api/models/calls": Known(query="key={key_id}"),
    # traces
    "traces": Known(query="q={trace_id}&thread={thread_id}"),
    "traces/<str:trace_id>": Known(),
    "traces/<str:trace_id>/tree": Known(),
    "traces/<str:trace_id>/spans/<str:span_id>": Known(),
    "api/traces": Known(query="q={trace_id}&thread_id={thread_id}&run_id={run_id}"),
    "api/traces/<trace_id>": Known(),
    # administration
    "admin": Known(teammate={"GET": (302,)}),
    # the API itself
    "api/": Known(teammate={"GET": (404,)}),
    "api/docs": Known(),
    "api/openapi.json": Known(),
    "api/me": Known(),
    "api/teams": Known(),
    "api/keys": Known(bodies={"POST": {"name": "mine"}}, own=True),
    "api/keys/<uuidstr:key_id>": Known(own=True, teammate={"GET": (405,)}),
}


def routes() -> list[str]:
    """Return the template of every path that Django answers, in the order of the site map."""
    return list(dict.fromkeys(_walk(get_resolver().url_patterns, "")))


def _walk(patterns: list[Any], prefix: str) -> Iterator[str]:
    for pattern in patterns:
        # Django's administration names one path by a regular expression.
        path = prefix + _NAMED_GROUP.sub(r"\1", str(pattern.pattern)).strip("^$")
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern):
            yield path


# Made by Django from what is registered there, and all closed alike.
STAFF_ROUTES = [route for route in routes() if route.startswith("admin/")]
KNOWN.update((route, Known(teammate=dict.fromkeys(METHODS, (403,)))) for route in STAFF_ROUTES)
STREAMS = [route for route, known in KNOWN.items() if known.streams]


def socket_routes() -> list[str]:
    """Return the template of every WebSocket path; the last one turns the rest away."""
    from playground import asgi

    return [str(route.pattern) for route in asgi.sockets.routes]
