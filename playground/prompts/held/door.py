"""``GET /v1/prompts/{team}/{name}`` and ``POST …/render``, on the hot path beside Django."""

import hashlib
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from typing import Any, TypedDict

import orjson

from playground.core import attributes
from playground.core.asking import in_thread
from playground.core.context import RequestContext
from playground.gateway.door.answers import Answer
from playground.gateway.door.asking import Asking, wrong
from playground.gateway.door.routes import Route
from playground.prompts.ramps.vouching import vouch_for
from playground.prompts.resolving import Chosen, choose, choose_at_hand, render_version

PREFIX = "/v1/prompts/"
MAX_KEY = 256
_CHOOSING = frozenset(("label", "version", "key"))
_RENDERING = _CHOOSING | {"variables", "history", "attributes"}
# A version never changes; a label may be moved at any moment.
VERSION_FOR_S, LABEL_FOR_S = 300, 1


async def resolve(asking: Asking, answer: Answer) -> None:
    """Tell the version that a label or a number leads to, its templates and all."""
    said = asking.parameters()
    _know(said, _CHOOSING)
    named = _named(asking, said)
    at_hand = choose_at_hand(asking.context, **named)
    told = _told(at_hand) if at_hand else await in_thread(_chosen, asking.context, named)
    body = orjson.dumps(told)
    age_s = LABEL_FOR_S if named["version"] is None else VERSION_FOR_S
    answer.headers["Cache-Control"] = f"private, max-age={age_s}"
    answer.headers["Vary"] = f"Authorization, Cookie, {attributes.HEADER}"
    tag = hashlib.blake2b(body, digest_size=16).hexdigest()
    await answer.tagged(body, "application/json", tag=f'"{tag}"', known=asking.known)


async def render(asking: Asking, answer: Answer) -> None:
    """Tell the messages or the text that a version gives with these variables."""
    _know(asking.body, _RENDERING)
    version = asking.number("version", low=1, high=2**31 - 1, whole=True)
    said = {name: asking.text(name) for name in ("label", "key") if name in asking.body}
    named = _named(asking, said | ({} if version is None else {"version": str(version)}))
    variables = asking.thing("variables") or {}
    told = attributes.checked(asking.thing("attributes") or {})
    context = replace(asking.context, attributes={**asking.context.attributes, **told})
    history = asking.objects("history") if asking.body.get("history") is not None else None
    # Not on the loop, which a template may hold up for two seconds at worst.
    await answer.json(await in_thread(_rendered, context, named, variables, history))


def route_of(rest: str) -> Route | None:
    """Return who answers below ``PREFIX``."""
    match rest.split("/"):
        case [team, name] if team and name:
            return Route("GET", resolve)
        case [team, name, "render"] if team and name:
            return Route("POST", render)
        case _:
            return None


class _Named(TypedDict):
    name: str
    label: str | None
    version: int | None
    key: str | None


def _know(said: Mapping[str, Any], names: Set[str]) -> None:
    """Refuse what is not known: with ``labl`` for ``label`` somebody would get the newest."""
    for name in said.keys() - names:
        raise wrong(name[:64], f"is not known here; {', '.join(sorted(names))} are")


def _named(asking: Asking, said: Mapping[str, str]) -> _Named:
    number, key = said.get("version"), said.get("key")
    if number is not None and not (number.isascii() and number.isdigit() and len(number) <= 10):
        raise wrong("version", "must be a whole number")
    if key is not None and not 0 < len(key) <= MAX_KEY:
        raise wrong("key", f"has 1 to {MAX_KEY} characters")
    return {
        "name": "/".join(asking.rest.split("/")[:2]),
        "label": said.get("label"),
        "version": None if number is None else int(number),
        "key": key,
    }


def _chosen(context: RequestContext, named: _Named) -> dict[str, Any]:
    return _told(choose(context, **named))


def _rendered(
    context: RequestContext,
    named: _Named,
    variables: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]] | None,
) -> dict[str, Any]:
    chosen = choose(context, **named)
    rendered = render_version(chosen.version, variables, history=history)
    is_text = rendered.text is not None
    return _why(chosen) | ({"text": rendered.text} if is_text else {"messages": rendered.messages})


def _told(chosen: Chosen) -> dict[str, Any]:
    version = chosen.version
    return _why(chosen) | {
        "messages": version.messages,
        "inputs": version.inputs,
        "settings": version.settings,
        "tools": version.tools,
        "response_format": version.response_format,
        "composed_from": version.composed_from,
        "content_hash": version.content_hash,
    }


def _why(chosen: Chosen) -> dict[str, Any]:
    prompt = chosen.version.prompt
    return {
        "team": prompt.team.slug,
        "name": prompt.name,
        "kind": prompt.kind,
        "version": chosen.version.number,
        "label": chosen.label,
        "arm": chosen.arm,
        "reason": chosen.reason,
        "observe": vouch_for(chosen.observed),
    }
